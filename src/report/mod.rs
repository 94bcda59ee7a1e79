//! What people read: tables for the terminal, numbers with their units.

mod columns;
mod estimate;
mod program;
mod run;
pub mod study;

pub use columns::{Align, columns};
pub use estimate::estimate;
pub use program::program;
pub use run::run;
