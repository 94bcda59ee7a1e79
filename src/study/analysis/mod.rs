//! What the runs of a study amount to: the cost of each cell to each target, the comparison, and the answer.

mod answer;
mod build;
mod cost;
mod design;

pub use answer::Answer;
pub(crate) use cost::worth;
pub use design::{Design, DesignCell, DesignRun};

use serde::Serialize;

use super::run::{Outcome, Purpose};
use super::stats::{
    ByChance, Confirmed, Contrast, End, Interval, Median, Named, NoClaim, Ratio, Spread,
    SpreadSource,
};
use crate::energy::{self, Grade, Method, Scope, Status};
use crate::train::{Budget, DeviceRecord, Host, MetricTarget, Versions, Way};

/// What a run's way to the target is counted in.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum CostKind {
    /// Joules of one source. Measured and assumed ones are different costs, and so are two scopes.
    Energy {
        /// The instrument.
        source: String,
        /// What it covers.
        scope: Scope,
        /// `Measured` or `Assumed`.
        status: Status,
    },
    /// Seconds of training and evaluating.
    Seconds,
    /// Training samples.
    Samples,
    /// Floating-point operations of training.
    Flops,
    /// Bytes that the kernels of training read and write.
    Bytes,
}

/// One run's way to a target.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrialPoint {
    /// The run's id.
    pub run: String,
    /// Its seed.
    pub seed: u32,
    /// What it spent until it arrived, was cut off or diverged, in the unit of the cost.
    pub spent: f64,
    /// Of this, what evaluations took; absent where it is not told apart or takes nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evaluating: Option<f64>,
    /// What it had spent at the first single evaluation at or above the target, in the unit of the cost; where one window
    /// of several evaluations decides, this is beside it and ranks nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_single: Option<f64>,
    /// How it ended, as far as this target goes.
    pub ended: End,
    /// The accuracy on the confirming half in the window that arrived, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<f64>,
    /// How the joules were come by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub way: Option<Way>,
    /// The instrument's 95 % interval of repeatability.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ci: Option<energy::Interval>,
    /// The instrument's 95 % absolute interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<energy::Interval>,
    /// Why it is shown and not ranked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unranked: Option<String>,
}

impl TrialPoint {
    /// What it spent without its evaluations; None where these are not told apart or take nothing.
    pub fn without_evaluations(&self) -> Option<f64> {
        Some(self.spent - self.evaluating?)
    }
}

/// What one cell costs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CellCost {
    /// Every seed of the study proper that has this cost, ranked or not.
    pub trials: Vec<TrialPoint>,
    /// The replicates of the reference cell, ranked or not; none in other cells. They are in no figure of the cell.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub replicates: Vec<TrialPoint>,
    /// The expected cost of one success with restarts; absent where no run arrived.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<f64>,
    /// The share of runs that arrived, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
    /// The median.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub median: Option<Median>,
    /// The mean of min(X, tau).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restricted_mean: Option<f64>,
    /// The geometric mean of the arrivals.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub geometric_mean: Option<f64>,
    /// The 95 % interval of the geometric mean.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
    /// The cell's own spread.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spread: Option<Spread>,
    /// The cell beside the best.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contrast: Option<Contrast>,
    /// The cell beside the reference cell, where the study names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub named: Option<Named>,
    /// The mean accuracy on the confirming half over the runs that arrived.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<f64>,
}

/// What a cell costs by its ranked runs with fresh seeds alone.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct FreshCost {
    /// How many there are.
    pub runs: usize,
    /// The share that arrived, 0 to 1.
    pub share: f64,
    /// The expected cost of one success with restarts; absent where none arrived.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<f64>,
    /// The geometric mean of the arrivals.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub geometric_mean: Option<f64>,
    /// Its 95 % interval, with the spread of these runs alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
    /// The mean accuracy of the arrivals on the confirming half, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<f64>,
}

/// Fresh runs of the best and the worst cell.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Confirmation {
    /// The best cell's fresh runs.
    pub best: Vec<TrialPoint>,
    /// The worst cell's.
    pub worst: Vec<TrialPoint>,
    /// The reference cell's.
    pub reference: Vec<TrialPoint>,
    /// What the best cell costs by them; absent where it has none that is ranked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<FreshCost>,
    /// What they say of worst over best.
    pub ratio: Confirmed,
}

/// One cost to one target, over all cells.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CostReport {
    /// The cost.
    pub kind: CostKind,
    /// The accuracy to be reached, 0 to 1; absent where runs were held to none, whose cost is that of the whole run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_least: Option<f64>,
    /// The horizon of the restricted means, one for the study.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tau: Option<f64>,
    /// One a cell, in their order.
    pub cells: Vec<CellCost>,
    /// The cell with the lowest expected cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub best: Option<usize>,
    /// The best cell and those that the data cannot tell from it.
    pub indistinguishable: Vec<usize>,
    /// Why nothing is claimed of costs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_claim: Option<NoClaim>,
    /// The spread over all cells, and where it comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spread: Option<(Spread, SpreadSource)>,
    /// The cell with the highest expected cost, or that never arrived.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worst: Option<usize>,
    /// Worst over best in the study's own data, biased upward; by expected costs where a run of the best failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extremes: Option<Ratio>,
    /// What equal cells would show with this spread.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by_chance: Option<ByChance>,
    /// What fresh seeds say of worst and best.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirmation: Option<Confirmation>,
    /// Runs that have this cost but are shown and not ranked.
    pub unranked: usize,
}

impl CostReport {
    /// Whether [`CostReport::extremes`] is a ratio of expected costs and not of geometric means: some run of the best cell
    /// did not arrive.
    pub fn is_by_expected(&self) -> bool {
        self.best
            .is_some_and(|best| self.cells[best].share != Some(1.0))
    }

    /// The best, the worst and the `reference` cell, each once: those that are run again with fresh seeds.
    pub fn to_confirm(&self, reference: Option<usize>) -> Vec<usize> {
        let mut cells: Vec<usize> = [self.best, self.worst, reference]
            .into_iter()
            .flatten()
            .collect();
        cells.sort_unstable();
        cells.dedup();
        cells
    }
}

/// A cell and what became of its runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CellReport {
    /// Its id.
    pub id: String,
    /// Its value on each axis, in the order of the axes.
    pub values: Vec<String>,
    /// Each run of it.
    pub runs: Vec<RunLine>,
    /// Cost and value of the target's metric at the end of its ranked runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<EndPoint>,
}

/// A run in a line.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunLine {
    /// Its id.
    pub id: String,
    /// Its seed.
    pub seed: u32,
    /// Why it was made.
    pub purpose: Purpose,
    /// How it ended; absent where it was not made yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// What went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What a cell came to at the end of its runs, on average, in the cost of the headline.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct EndPoint {
    /// Mean cost of its ranked runs, spent to their ends.
    pub cost: f64,
    /// Mean of the metric over their last windows on the confirming half.
    pub value: f64,
}

/// An axis of the study.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AxisReport {
    /// The flag of `train` without its dashes.
    pub key: String,
    /// Its values in order.
    pub values: Vec<String>,
}

/// What the joules came through, one a source.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Instrument {
    /// The instrument.
    pub source: String,
    /// What it covers.
    pub scope: Scope,
    /// How its figures are come by.
    pub method: Method,
    /// What they are worth.
    pub status: Status,
    /// Their grade, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grade: Option<Grade>,
    /// The median tick, seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update_interval_seconds: Option<f64>,
    /// Runs in which it gave joules.
    pub runs: usize,
    /// Why it gave none, or what limits its figures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What would open it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

/// A machine and device that runs were made on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Machine {
    /// The device.
    pub device: DeviceRecord,
    /// The machine.
    pub host: Host,
    /// The versions.
    pub versions: Versions,
    /// How many runs.
    pub runs: usize,
}

/// Everything that a report says of a study or of a set of single runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Analysis {
    /// Version of these keys.
    pub schema: u32,
    /// The study's name, or what was compared.
    pub name: String,
    /// Seconds since 1970 at the start of the first run and of the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dates: Option<(f64, f64)>,
    /// What all cells share, in words.
    pub base: String,
    /// The axes; empty for single runs.
    pub axes: Vec<AxisReport>,
    /// The cells.
    pub cells: Vec<CellReport>,
    /// The reference cell, where the study names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<usize>,
    /// Seeds of the study proper.
    pub seeds: Vec<u32>,
    /// Fresh seeds with which best, worst and reference cell are to be run again; 0 where the study asks for none.
    pub confirm: u32,
    /// The target of the runs; without thresholds where they have none in common.
    pub target: MetricTarget,
    /// Samples from one evaluation to the next, and in the window that decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cadence: Option<(u64, u64)>,
    /// What a run may spend.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
    /// Planned runs, and how many are done.
    pub planned: usize,
    /// Runs by outcome, done or to be done again.
    pub by_outcome: Vec<(Outcome, usize)>,
    /// Every cost to every target. The first is the headline: joules where there are measured ones, else seconds, to the
    /// last target.
    pub costs: Vec<CostReport>,
    /// Cells on the Pareto front of cost and metric at the end, in the headline's cost.
    pub pareto: Vec<usize>,
    /// What joules came through, and what gave none.
    pub instruments: Vec<Instrument>,
    /// The machines.
    pub machines: Vec<Machine>,
    /// The answer in words.
    pub answer: Answer,
    /// What a reader has to know beside it: duplicates, damaged files, runs that are shared.
    pub notes: Vec<String>,
}

impl Analysis {
    /// Runs that are done; those that were interrupted are done again.
    pub fn done(&self) -> usize {
        let all: usize = self.by_outcome.iter().map(|(_, count)| count).sum();
        all - self.count(Outcome::Interrupted)
    }

    /// The headline.
    pub fn headline(&self) -> Option<&CostReport> {
        self.costs.first()
    }
}
