//! What a search asks for and what it finds.

use serde::Serialize;

use crate::study::run::Purpose;

/// How far a run is trained; costs are those since its first step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Until {
    /// The first window of evaluations is full.
    Window,
    Cost(f64),
    /// Its target or the budget of a run.
    End,
}

/// A run to start or to continue.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Job {
    /// Index in the study.
    pub cell: usize,
    pub seed: u32,
    pub purpose: Purpose,
    pub until: Until,
}

/// How a run came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It has not ended: it can be continued.
    Paused,
    Reached,
    OverBudget,
    Diverged,
    Failed,
}

/// A run after a [`Job`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rung {
    /// What the run has cost since its first step.
    pub spent: f64,
    /// How far the last window is beyond the target; negative before it is reached.
    pub value: Option<f64>,
    pub end: End,
    /// The cost at which it was to pause, if a cost limited it. Less than asked for if it was recorded when less of the
    /// budget was left.
    pub until: Option<f64>,
}

/// Trains cells for [`find`](super::find()).
pub trait Train {
    type Error;

    /// Starts or continues a run; `None` if the user interrupted it.
    ///
    /// # Errors
    /// What keeps the search from going on.
    fn train(&mut self, job: Job) -> Result<Option<Rung>, Self::Error>;
}

/// How a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// Every cell was tried.
    Complete,
    BudgetSpent,
    Interrupted,
}

/// What became of a cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    #[default]
    NotTried,
    Reached,
    OverBudget,
    Diverged,
    Failed,
    /// It had cost as much as the best cell and was not there yet.
    Dominated,
    /// Others were closer to the target at the same cost.
    Stopped,
    /// The budget of the search ended it.
    BudgetSpent,
}

impl Fate {
    pub fn name(self) -> &'static str {
        match self {
            Self::NotTried => "not tried",
            Self::Reached => "reached",
            Self::OverBudget => "over budget",
            Self::Diverged => "diverged",
            Self::Failed => "failed",
            Self::Dominated => "dominated",
            Self::Stopped => "stopped early",
            Self::BudgetSpent => "search budget spent",
        }
    }
}

/// What a rung cost and what became of its cells.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RungRow {
    pub bracket: usize,
    pub rung: u32,
    /// The cost up to which cells were trained; absent for the first window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<f64>,
    pub cells: usize,
    pub reached: usize,
    /// Ended as stopped or dominated.
    pub stopped: usize,
    /// Diverged, failed or over the budget of a run.
    pub ended: usize,
    pub spent: f64,
}

/// What a search found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    pub ended: Option<Ended>,
    /// The place in `Space::cells` of the cell with the lowest expected cost, its expected cost and its seeds.
    pub best: Option<(usize, f64, usize)>,
    /// By place.
    pub fates: Vec<Fate>,
    /// Cost of the first seed of each cell, by place.
    pub costs: Vec<f64>,
    pub rungs: Vec<RungRow>,
    /// What the runs with the first seed, those with the other seeds and the confirming ones cost.
    pub first_seed: f64,
    pub other_seeds: f64,
    pub confirming: f64,
    /// The confirming runs that ended: whether they reached the target, and their costs.
    pub confirmed: Vec<(bool, f64)>,
}

impl Found {
    pub fn spent(&self) -> f64 {
        self.first_seed + self.other_seeds + self.confirming
    }

    /// The expected cost of one success in the confirming runs.
    pub fn confirmed_cost(&self) -> Option<f64> {
        let reached = self.confirmed.iter().filter(|run| run.0).count();
        let spent: f64 = self.confirmed.iter().map(|run| run.1).sum();
        (reached > 0).then(|| spent / reached as f64)
    }
}
