//! What a study in progress reports.

use super::plan::PlannedRun;
use super::run::RunRecord;
use crate::train;

/// Something that happened in a study.
#[derive(Debug)]
#[non_exhaustive]
pub enum StudyEvent<'a> {
    /// Another process of this machine makes a run; its id if known.
    Waiting(Option<u32>),
    /// The device is warmed up before the first metered run.
    WarmingUp,
    /// A run starts; `done` of `planned` runs are done.
    Started {
        run: &'a PlannedRun,
        done: usize,
        planned: usize,
    },
    /// Something happened in the run.
    Training(&'a train::Event),
    /// The run ended and its record is saved.
    Ended {
        run: &'a RunRecord,
        done: usize,
        planned: usize,
    },
    /// A rung of a search ended, or is `recorded` from an earlier call; the search has `spent` this much so far.
    Rung {
        run: &'a RunRecord,
        spent: f64,
        recorded: bool,
    },
    Note(String),
}
