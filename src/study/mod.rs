//! Studies: many regimes and seeds, and what they say together.

pub mod analysis;
mod file;
mod plan;
mod run;
mod spec;
pub mod stats;
pub mod store;

pub use file::{StudyFileError, TEMPLATE};
pub use plan::PlannedRun;
pub use run::{Outcome, Purpose, RunRecord, SCHEMA};
pub use spec::{Axis, Cell, MEANING, Metric, Study, Target, short};
