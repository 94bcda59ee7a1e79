//! Studies: many regimes and seeds, and what they say together.

pub mod stats;
