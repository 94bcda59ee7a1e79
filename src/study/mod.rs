//! Studies: many regimes and seeds, and what they say together.

pub mod analysis;
mod run;
pub mod stats;

pub use run::{Outcome, Purpose, RunRecord, SCHEMA};
