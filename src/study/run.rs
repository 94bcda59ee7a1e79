//! One run of a study, as the store keeps it.

use serde::{Deserialize, Serialize};

use crate::train::{self, Record};

/// Version of the keys of a run's file; a key that changes its meaning raises it.
pub const SCHEMA: u32 = 2;

/// Why a run was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// A cell and a seed of the study.
    Main,
    /// The reference cell once more, for the spread.
    Replicate,
    /// Best, worst and reference cell with fresh seeds, which had no part in choosing them.
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
    /// It was stopped from outside; it is done again.
    Interrupted,
    /// It could not be run to an end; its error says why.
    Failed,
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

/// One run of a study.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// [`SCHEMA`] of the version that wrote it.
    pub schema: u32,
    /// Its name in the study: cell, purpose and seed.
    pub id: String,
    /// The cell.
    pub cell: String,
    /// The seed.
    pub seed: u32,
    /// Why it was made.
    pub purpose: Purpose,
    /// How it ended.
    pub outcome: Outcome,
    /// What went wrong, of a failed run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Whether other metered runs of this host were allowed beside it: its time and joules are not ranked.
    #[serde(default)]
    pub overlap: bool,
    /// Everything about the training; absent where none began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<Record>,
}

impl RunRecord {
    /// Why its time and joules are not its own; `None` where they are.
    pub fn shared(&self) -> Option<String> {
        if self.overlap {
            return Some("other metered runs were allowed beside it (--overlap)".to_owned());
        }
        let others = self.record.as_ref()?.others;
        others.share_the_run().then(|| {
            format!(
                "others used {:.0} % of the processors meanwhile",
                100.0 * others.cpu_share.unwrap_or(0.0)
            )
        })
    }
}
