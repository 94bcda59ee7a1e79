//! What people read: summaries of runs, steps, estimates and studies.

mod columns;
mod estimate;
mod program;
mod run;
pub mod study;

pub use columns::{Align, columns};
pub use estimate::estimate;
pub use program::program;
pub use run::run;
