//! The record of one run of a study.

use serde::{Deserialize, Serialize};

use crate::train::{self, PauseAt, Record};

/// Version of the keys of a run's file.
pub const SCHEMA: u32 = 2;

/// The purpose of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// A cell and a seed of the study.
    Main,
    /// The reference cell again, for the spread.
    Replicate,
    /// Best, worst or reference cell with a fresh seed, which had no part in choosing it.
    Confirm,
}

/// How a run of a study ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The ranking target was reached.
    Reached,
    /// The budget ended it first.
    OverBudget,
    /// A loss or gradient was no longer finite.
    Diverged,
    /// It was stopped from outside and is made again.
    Interrupted,
    /// It ended with an error.
    Failed,
    /// A search paused it, and continues it only if it is among the best.
    Stopped,
}

impl Outcome {
    /// Whether the run is done: an interrupted run is made again.
    pub fn is_final(self) -> bool {
        self != Self::Interrupted
    }

    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reached => "reached",
            Self::OverBudget => "over budget",
            Self::Diverged => "diverged",
            Self::Interrupted => "interrupted",
            Self::Failed => "failed",
            Self::Stopped => "stopped early",
        }
    }
}

impl From<train::Outcome> for Outcome {
    fn from(outcome: train::Outcome) -> Self {
        match outcome {
            train::Outcome::TargetReached => Self::Reached,
            train::Outcome::Completed | train::Outcome::TargetNotReached => Self::OverBudget,
            train::Outcome::Interrupted => Self::Interrupted,
            train::Outcome::Diverged => Self::Diverged,
        }
    }
}

/// The part of a run that a search trained: a rung. Its record is that of the run up to its end.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SearchRung {
    /// From 0.
    pub rung: u32,
    /// Where the run was to pause; absent of a run that was to be trained to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<PauseAt>,
}

/// One run of a study.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// [`SCHEMA`] of the version that wrote it.
    pub schema: u32,
    /// Cell and seed.
    pub id: String,
    pub cell: String,
    pub seed: u32,
    pub purpose: Purpose,
    pub outcome: Outcome,
    /// Of a search.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<SearchRung>,
    /// Of a failed run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Whether other metered runs of the machine were allowed at the same time: its time and joules are not ranked.
    #[serde(default)]
    pub overlap: bool,
    /// Absent if no training started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<Record>,
}

impl RunRecord {
    /// Why its time and joules are not ranked, if other processes used the machine.
    pub fn shared(&self) -> Option<String> {
        if self.overlap {
            return Some("other metered runs were allowed at the same time (--overlap)".to_owned());
        }
        let contention = self.record.as_ref()?.contention;
        contention.is_significant().then(|| {
            format!(
                "other processes used {:.0} % of the CPU",
                100.0 * contention.cpu_share.unwrap_or(0.0)
            )
        })
    }
}
