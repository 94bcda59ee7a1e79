//! Ledgers: who pays for a pretraining run, what sharing a network saves, and when inference outweighs training.

mod footprint;
mod life_cycle;
mod multitask;
mod pretraining;

pub use footprint::{Factor, Footprint, FootprintCell};
pub use life_cycle::{Inference, InferenceCell, LifeCycle};
pub use multitask::Multitask;
pub use pretraining::{Charged, PretrainedCell, Pretraining};

use serde::Serialize;
use serde_json::Value;

use super::analysis::{Analysis, CellCost, CostKind, CostReport, TrialPoint};
use super::run::{Purpose, RunRecord};
use super::stats::End;
use crate::energy::Status;
use crate::train::{InferenceRecord, Regime};

/// The ledgers of a study. The first of each list is that of the headline: to the last target, in measured joules if there are
/// any, otherwise in time, otherwise in FLOPs.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Ledgers {
    /// Cells from pretrained weights against the same from scratch.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pretraining: Vec<Pretraining>,
    /// One network for several tasks against one for each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub multitask: Vec<Multitask>,
    /// Training against inference.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub life_cycle: Vec<LifeCycle>,
    /// Carbon and money, from factors that the user gives.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub footprint: Vec<Footprint>,
    /// Number of runs that share a pretraining run, for the cost of a shared one.
    pub uses: f64,
}

/// [`Ledgers::uses`] without another choice.
pub const USES: f64 = 10.0;

impl Ledgers {
    /// `pretraining`: the runs whose weights the others start from; none if the study has no such runs.
    pub fn of(analysis: &Analysis, runs: &[RunRecord], pretraining: &[RunRecord]) -> Self {
        let regimes = regimes(analysis, runs);
        let costs = ordered(analysis);
        let costs = || costs.iter().copied();
        Self {
            pretraining: costs()
                .filter_map(|cost| Pretraining::of(analysis, cost, &regimes, pretraining))
                .collect(),
            multitask: costs()
                .flat_map(|cost| Multitask::all(cost, &regimes))
                .collect(),
            life_cycle: costs()
                .filter_map(|cost| LifeCycle::of(cost, analysis, runs))
                .collect(),
            footprint: Vec::new(),
            uses: USES,
        }
    }

    /// Adds what the measured joules mean in carbon and money.
    pub fn add_factors(&mut self, analysis: &Analysis, factors: &[Factor]) {
        let costs = ordered(analysis);
        let of = |factor: &Factor| {
            let all = costs.iter();
            all.filter_map(|cost| Footprint::of(cost, factor))
                .collect::<Vec<_>>()
        };
        self.footprint = factors.iter().flat_map(of).collect();
    }

    /// Takes inference from a measurement instead of the evaluations of the runs. Whether a regime is of its network and device.
    pub fn set_inference(
        &mut self,
        analysis: &Analysis,
        runs: &[RunRecord],
        record: &InferenceRecord,
    ) -> bool {
        let costs = ordered(analysis).into_iter();
        self.life_cycle = costs
            .flat_map(|cost| LifeCycle::measured(cost, analysis, runs, record))
            .collect();
        !self.life_cycle.is_empty()
    }

    /// What a study over different tasks is made for: one network against several, where it has both, by the first cost.
    pub fn lead(&self, analysis: &Analysis) -> Vec<&Multitask> {
        let Some(first) = self.multitask.first().filter(|_| analysis.is_split()) else {
            return Vec::new();
        };
        let same = self.multitask.iter();
        same.filter(|one| one.kind == first.kind && one.threshold == first.threshold)
            .collect()
    }

    pub fn is_empty(&self) -> bool {
        self.pretraining.is_empty()
            && self.multitask.is_empty()
            && self.life_cycle.is_empty()
            && self.footprint.is_empty()
    }
}

/// The costs of ledgers: to the last target first, of each target measured joules, time, FLOPs and samples.
fn ordered(analysis: &Analysis) -> Vec<&CostReport> {
    let rank = |cost: &&CostReport| match cost.kind {
        CostKind::Energy {
            status: Status::Measured,
            ..
        } => Some(0),
        CostKind::Seconds => Some(1),
        CostKind::Flops => Some(2),
        CostKind::Samples => Some(3),
        _ => None,
    };
    let mut costs: Vec<&CostReport> = analysis
        .costs
        .iter()
        .filter(|cost| rank(cost).is_some())
        .collect();
    let thresholds = &analysis.target.thresholds;
    let target = |cost: &CostReport| {
        let at = thresholds
            .iter()
            .position(|one| Some(*one) == cost.threshold);
        at.map_or(0, |at| thresholds.len() - at)
    };
    costs.sort_by_key(|cost| (target(cost), rank(cost)));
    costs
}

/// The regime of each cell, from one of its runs.
fn regimes(analysis: &Analysis, runs: &[RunRecord]) -> Vec<Option<Regime>> {
    let of = |id: &str| {
        let own = runs.iter().filter(|run| run.cell == id);
        own.filter_map(|run| run.record.as_ref())
            .map(|record| record.regime.clone())
            .next()
    };
    analysis.cells.iter().map(|cell| of(&cell.id)).collect()
}

/// Whether two regimes are the same but for the choices `keys`, the seed, and what changes no result.
fn same_but(a: &Regime, b: &Regime, keys: &[&str]) -> bool {
    let choices = |regime: &Regime| -> Vec<(String, Value)> {
        let ignored = |key: &str| keys.contains(&key) || ["seed", "eval_batch_size"].contains(&key);
        let all = regime.choices().into_iter();
        all.filter(|(key, _)| !ignored(key)).collect()
    };
    choices(a) == choices(b)
}

/// The ranked main runs of a cell that reached the target, by seed; `None` if some did not, since the cost of the others says
/// nothing about that of a success.
fn reached(cell: &CellCost) -> Option<Vec<(u32, f64)>> {
    let ranked: Vec<&TrialPoint> = cell
        .trials
        .iter()
        .filter(|point| point.unranked.is_none())
        .collect();
    let all = !ranked.is_empty() && ranked.iter().all(|point| point.ended == End::Reached);
    all.then(|| {
        ranked
            .iter()
            .map(|point| (point.seed, point.spent))
            .collect()
    })
}

/// The main runs of a cell with their records.
fn main_runs<'a>(runs: &'a [RunRecord], id: &'a str) -> impl Iterator<Item = &'a RunRecord> {
    runs.iter()
        .filter(move |run| run.cell == id && run.purpose == Purpose::Main)
}
