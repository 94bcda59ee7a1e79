//! Studies: many regimes and seeds, and what they say together.

pub mod analysis;
mod error;
mod estimate;
mod execute;
mod file;
mod open;
mod plan;
mod run;
mod singles;
mod spec;
pub mod stats;
pub mod store;
mod verify;

pub use error::StudyError;
pub use estimate::{EnergyEstimate, Estimate, ProgramEstimate, check_data, estimate};
pub use execute::{Finished, Options as StudyOptions, StudyEvent, execute};
pub use file::{StudyFileError, TEMPLATE};
pub use open::{Opened, open};
pub use plan::PlannedRun;
pub use run::{Outcome, Purpose, RunRecord, SCHEMA};
pub use singles::open_all;
pub use spec::{Axis, Cell, MEANING, Study, short};
pub use verify::{Verified, verify};
