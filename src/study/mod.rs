//! Studies: many regimes and seeds compared at one target.
//!
//! No part of it is in the public API.
#![allow(missing_docs)]

mod ad_hoc;
pub mod analysis;
pub mod as_if;
mod error;
mod estimate;
mod event;
mod execute;
mod execution;
mod file;
pub mod ledger;
mod merge;
mod open;
mod options;
mod plan;
mod pretraining;
mod records;
mod run;
pub mod search;
mod shard;
pub mod side_by_side;
mod spec;
pub mod stats;
pub mod store;
mod submitted;
mod verify;

pub use ad_hoc::open_all;
pub use error::StudyError;
pub use estimate::{EnergyEstimate, Estimate, ProgramEstimate, check_data, estimate};
pub use event::StudyEvent;
pub use execute::{Completion, execute};
pub use file::{StudyFileError, TEMPLATE};
pub use merge::{Merged, merge_folders};
pub use open::{Opened, open};
pub use options::StudyOptions;
pub use plan::PlannedRun;
pub use run::{Outcome, Purpose, RunRecord, SCHEMA, SearchRung};
pub use shard::Shard;
pub use spec::{Axis, Cell, MEANING, Slurm, Study, short};
pub use submitted::{Job, Submitted};
pub use verify::{Verified, verify};
