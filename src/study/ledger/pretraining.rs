//! Who pays for a pretraining run.

use serde::Serialize;

use super::{reached, same_but};
use crate::study::analysis::{Analysis, CostKind, CostReport, whole};
use crate::study::run::RunRecord;
use crate::study::stats::{Mean, MeanRatio};
use crate::train::{Init, Regime};

/// Choices by which a cell from pretrained weights may differ from its counterpart from scratch.
const KEYS: [&str; 7] = [
    "init",
    "init_weights",
    "only",
    "new_head",
    "freeze",
    "unfreeze_at",
    "lr",
];

/// The cost of cells from pretrained weights, with that of the pretraining runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pretraining {
    pub kind: CostKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// Of a pretraining run, from its first step to its end.
    pub pretraining: Mean,
    pub cells: Vec<PretrainedCell>,
}

/// A cell from pretrained weights.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PretrainedCell {
    /// Index of the cell.
    pub cell: usize,
    /// Whether some of its parameters are frozen.
    pub frozen: bool,
    /// Index of its counterpart from scratch.
    pub scratch: usize,
    /// Seeds that both cells and the pretraining have.
    pub seeds: usize,
    /// Mean cost of a run from pretrained weights, without the pretraining.
    pub fine_tuning: Mean,
    pub from_scratch: Mean,
    /// How many runs have to share a pretraining run for it to pay off: its cost over what each run saves. Negative if a run from
    /// pretrained weights costs more than one from scratch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub break_even: Option<MeanRatio>,
    /// Over the cost from scratch, without the cost of pretraining: it is sunk.
    pub sunk: MeanRatio,
    /// Over the cost from scratch, with all of the cost of pretraining.
    pub in_full: MeanRatio,
    /// Of each seed: pretraining, run from its weights, run from scratch.
    #[serde(skip)]
    costs: Vec<[f64; 3]>,
}

/// How the cost of a pretraining run is charged to a run that uses it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Charged {
    Sunk,
    /// Over this many runs.
    Shared(f64),
    InFull,
}

/// The cost of a run from pretrained weights with its share of the pretraining.
fn charge([pretraining, fine_tuning, _]: &[f64; 3], charged: Charged) -> f64 {
    fine_tuning
        + match charged {
            Charged::Sunk => 0.0,
            Charged::Shared(runs) => pretraining / runs,
            Charged::InFull => *pretraining,
        }
}

impl PretrainedCell {
    /// The mean cost of a run with its share of the pretraining.
    pub fn cost(&self, charged: Charged) -> f64 {
        let all = self.costs.iter().map(|seed| charge(seed, charged));
        all.sum::<f64>() / self.costs.len() as f64
    }

    /// That cost over the cost from scratch.
    pub fn ratio(&self, charged: Charged) -> Option<MeanRatio> {
        let pairs = self
            .costs
            .iter()
            .map(|seed| (charge(seed, charged), seed[2]));
        MeanRatio::paired(&pairs.collect::<Vec<_>>())
    }
}

impl Pretraining {
    /// `None` if no cell starts from pretrained weights, or the pretraining runs do not have this cost.
    pub(super) fn of(
        analysis: &Analysis,
        cost: &CostReport,
        regimes: &[Option<Regime>],
        pretraining: &[RunRecord],
    ) -> Option<Self> {
        let spent = pretraining.iter().filter(|run| run.outcome.is_final());
        let spent = spent.filter_map(|run| Some((run.seed, whole(run, &cost.kind)?)));
        let spent: Vec<(u32, f64)> = spent.collect();
        let mean = Mean::of(&spent.iter().map(|one| one.1).collect::<Vec<_>>())?;
        let cells = (0..cost.cells.len())
            .filter(|cell| is_pretrained(regimes[*cell].as_ref()))
            .filter_map(|cell| {
                let scratch = counterpart(analysis, cost, regimes, cell)?;
                PretrainedCell::of(cost, cell, scratch, &spent, regimes)
            });
        let cells: Vec<PretrainedCell> = cells.collect();
        (!cells.is_empty()).then(|| Self {
            kind: cost.kind.clone(),
            threshold: cost.threshold,
            pretraining: mean,
            cells,
        })
    }
}

fn is_pretrained(regime: Option<&Regime>) -> bool {
    regime.is_some_and(|regime| regime.init == Some(Init::Pretrained))
}

/// The cell from scratch with the same other choices; otherwise the reference, otherwise the cheapest from scratch.
fn counterpart(
    analysis: &Analysis,
    cost: &CostReport,
    regimes: &[Option<Regime>],
    cell: usize,
) -> Option<usize> {
    let own = regimes[cell].as_ref()?;
    let scratch = |at: &usize| regimes[*at].is_some() && !is_pretrained(regimes[*at].as_ref());
    let same = |keys: &[&str]| {
        let all = (0..regimes.len()).filter(scratch);
        let fits = |at: &usize| {
            regimes[*at]
                .as_ref()
                .is_some_and(|other| same_but(own, other, keys))
        };
        let mut fitting: Vec<usize> = all.filter(fits).collect();
        let expected = |at: usize| cost.cells[at].expected.unwrap_or(f64::INFINITY);
        fitting.sort_by(|a, b| expected(*a).total_cmp(&expected(*b)));
        fitting.first().copied()
    };
    let reference = || analysis.reference.filter(scratch);
    // With the same learning rate if there is such a cell.
    same(&KEYS[..KEYS.len() - 1])
        .or_else(|| same(&KEYS))
        .or_else(reference)
}

impl PretrainedCell {
    fn of(
        cost: &CostReport,
        cell: usize,
        scratch: usize,
        spent: &[(u32, f64)],
        regimes: &[Option<Regime>],
    ) -> Option<Self> {
        let fine = reached(&cost.cells[cell])?;
        let base = reached(&cost.cells[scratch])?;
        let costs = spent.iter().filter_map(|(seed, pretraining)| {
            let of = |all: &[(u32, f64)]| all.iter().find(|one| one.0 == *seed).map(|one| one.1);
            Some([*pretraining, of(&fine)?, of(&base)?])
        });
        let costs: Vec<[f64; 3]> = costs.collect();
        let column = |at: usize| costs.iter().map(|seed| seed[at]).collect::<Vec<f64>>();
        let ratio = |of: fn(&[f64; 3]) -> (f64, f64)| {
            MeanRatio::paired(&costs.iter().map(of).collect::<Vec<_>>())
        };
        let regime = regimes[cell].as_ref()?;
        Some(Self {
            cell,
            frozen: regime
                .freeze
                .as_ref()
                .is_some_and(|names| !names.is_empty()),
            scratch,
            seeds: costs.len(),
            fine_tuning: Mean::of(&column(1))?,
            from_scratch: Mean::of(&column(2))?,
            break_even: ratio(|seed| (seed[0], seed[2] - seed[1])),
            sunk: ratio(|seed| (charge(seed, Charged::Sunk), seed[2]))?,
            in_full: ratio(|seed| (charge(seed, Charged::InFull), seed[2]))?,
            costs,
        })
    }
}
