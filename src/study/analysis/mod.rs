//! The analysis of a study: the cost of each cell to each target, the comparison of the cells, and the answer.

mod answer;
mod build;
mod cost;
mod design;
mod figure;
mod lead;
mod tasks;

pub use answer::Answer;
pub(in crate::study) use answer::cell_words;
pub(super) use answer::times;
pub(super) use build::ranked;
pub(super) use cost::whole;
pub(crate) use cost::worth;
pub use design::{Design, DesignCell};

use serde::Serialize;

use super::run::{Outcome, Purpose};
use super::stats::{
    Confirmed, Contrast, End, Interval, Median, NoClaim, NullRatio, Ratio, Spread, SpreadSource,
    VersusReference,
};
use crate::energy::{self, Grade, Method, Scope, Status};
use crate::train::{Budget, Derivation, DeviceRecord, Host, MetricTarget, Versions};

/// What reaching a target costs.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum CostKind {
    /// Joules of one source. Measured and assumed joules are different costs, and so are two scopes.
    Energy {
        source: String,
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

/// The cost of one run to a target.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrialPoint {
    pub run: String,
    pub seed: u32,
    /// What it spent until it reached the target, was cut off by the budget or diverged, in the unit of the cost.
    pub spent: f64,
    /// The part of it that evaluations took, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evaluating: Option<f64>,
    /// What it had spent at the first single evaluation that reached the target. A window decides, so this ranks nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_single: Option<f64>,
    /// How it ended with respect to this target.
    pub ended: End,
    /// The value on the confirming half in the window that reached the target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<f64>,
    /// How the joules were derived.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub derivation: Option<Derivation>,
    /// The sensor's 95 % confidence interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ci: Option<energy::Interval>,
    /// The sensor's 95 % accuracy interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<energy::Interval>,
    /// Why it is shown but not ranked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unranked: Option<String>,
}

impl TrialPoint {
    /// What it spent without its evaluations, if known.
    pub fn without_evaluations(&self) -> Option<f64> {
        Some(self.spent - self.evaluating?)
    }
}

/// The cost of one cell.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CellCost {
    /// The main runs that have this cost, ranked or not.
    pub trials: Vec<TrialPoint>,
    /// The replicates of the reference cell, ranked or not. They are not part of the figures below.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub replicates: Vec<TrialPoint>,
    /// The expected cost of one success with restarts; absent if no run reached the target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<f64>,
    /// The share of runs that reached the target, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub median: Option<Median>,
    /// The mean of min(X, tau).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restricted_mean: Option<f64>,
    /// The geometric mean over the runs that reached the target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub geometric_mean: Option<f64>,
    /// Its 95 % confidence interval; absent where a run did not reach the target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spread: Option<Spread>,
    /// The comparison with the best cell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contrast: Option<Contrast>,
    /// The comparison with the reference cell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub versus_reference: Option<VersusReference>,
    /// The mean value on the confirming half over the runs that reached the target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<f64>,
}

/// The cost of a cell from its ranked runs with fresh seeds alone.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct FreshCost {
    pub runs: usize,
    /// The share of runs that reached the target, 0 to 1.
    pub share: f64,
    /// The expected cost of one success with restarts; absent if no run reached the target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<f64>,
    /// The geometric mean over the runs that reached the target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub geometric_mean: Option<f64>,
    /// Its 95 % confidence interval, from the spread of these runs alone; absent where one did not reach the target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
    /// The mean value on the confirming half over the runs that reached the target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<f64>,
}

/// Runs with fresh seeds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Confirmation {
    /// Runs of the best, worst and reference cell.
    pub best: Vec<TrialPoint>,
    pub worst: Vec<TrialPoint>,
    pub reference: Vec<TrialPoint>,
    /// The cost of the best cell from these runs; absent if none of them is ranked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<FreshCost>,
    /// Worst over best from these runs.
    pub ratio: Confirmed,
}

/// One cost to one target, for all cells.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CostReport {
    pub kind: CostKind,
    /// The threshold of [`Analysis::target`] up to which costs count; absent where the runs have no common target and a
    /// cost is that of the whole run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// The horizon of the restricted means.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tau: Option<f64>,
    /// One per cell.
    pub cells: Vec<CellCost>,
    /// The cell with the lowest expected cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub best: Option<usize>,
    /// The best cell and those that are not significantly different from it.
    pub indistinguishable: Vec<usize>,
    /// Why no claim about costs is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_claim: Option<NoClaim>,
    /// The spread over all cells, and its source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spread: Option<(Spread, SpreadSource)>,
    /// The cell with the highest expected cost, or in which no run reached the target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worst: Option<usize>,
    /// Worst over best in the main runs, biased upward; by expected costs if a run of the best cell failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extremes: Option<Ratio>,
    /// Worst over best if all cells had the same cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub null_ratio: Option<NullRatio>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirmation: Option<Confirmation>,
    /// Runs that have this cost but are not ranked.
    pub unranked: usize,
}

impl CostReport {
    /// Whether [`CostReport::extremes`] is a ratio of expected costs, because some run of the best cell did not reach the
    /// target, and not of geometric means.
    pub fn is_by_expected(&self) -> bool {
        self.best
            .is_some_and(|best| self.cells[best].share != Some(1.0))
    }

    /// The cells that are run again with fresh seeds: best, worst and `reference`, each once.
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

/// A cell with its runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CellReport {
    pub id: String,
    /// The regime in words.
    #[serde(skip)]
    words: String,
    /// Its value on each axis.
    pub values: Vec<String>,
    pub runs: Vec<RunLine>,
    /// Cost and value of the target's metric at the end of its ranked runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<EndPoint>,
}

/// A planned run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunLine {
    pub id: String,
    pub seed: u32,
    pub purpose: Purpose,
    /// Absent for a run that is not made yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
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
    /// The long flag of `train` without its dashes.
    pub key: String,
    pub values: Vec<String>,
}

/// A source of energy figures over all runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SensorSummary {
    pub source: String,
    pub scope: Scope,
    pub method: Method,
    pub status: Status,
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

/// A machine and device that made runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Machine {
    pub device: DeviceRecord,
    pub host: Host,
    pub versions: Versions,
    pub runs: usize,
}

/// Everything that a report shows of a study or of an ad-hoc comparison.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Analysis {
    /// Version of these keys.
    pub schema: u32,
    pub name: String,
    /// When the first and the last run started, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dates: Option<(f64, f64)>,
    /// The regime that all cells share, in words.
    pub base: String,
    /// Empty for an ad-hoc comparison.
    pub axes: Vec<AxisReport>,
    pub cells: Vec<CellReport>,
    /// The reference cell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<usize>,
    /// Seeds of the main runs.
    pub seeds: Vec<u32>,
    /// Number of fresh seeds for the runs that confirm.
    pub confirm: u32,
    /// The target of the runs; without thresholds where they have none in common.
    pub target: MetricTarget,
    /// Training samples between evaluations, and in the window that decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cadence: Option<(u64, u64)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<Budget>,
    /// Number of planned runs.
    pub planned: usize,
    /// Number of runs by outcome.
    pub by_outcome: Vec<(Outcome, usize)>,
    /// Every cost to every target. The first is the headline: to the last target, measured joules if there are any,
    /// otherwise seconds.
    pub costs: Vec<CostReport>,
    /// Cells on the Pareto front of cost and metric at the end, in the headline's cost.
    pub pareto: Vec<usize>,
    pub sensors: Vec<SensorSummary>,
    pub machines: Vec<Machine>,
    /// If cells learn different tasks, the analysis of the cells of each choice of tasks: only they are compared. Then no cost
    /// has a best cell.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub by_tasks: Vec<Analysis>,
    /// The answer in words.
    pub answer: Answer,
    /// What a reader should know: conflicting or damaged records, contention.
    pub notes: Vec<String>,
}

impl Analysis {
    /// Number of runs that are done; interrupted ones are made again.
    pub fn done(&self) -> usize {
        let all: usize = self.by_outcome.iter().map(|(_, count)| count).sum();
        all - self.count(Outcome::Interrupted)
    }

    pub fn headline(&self) -> Option<&CostReport> {
        self.costs.first()
    }
}
