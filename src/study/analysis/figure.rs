//! The cost that the answer names.

use super::{CostReport, FreshCost};
use crate::study::stats::Interval;

/// The cost of the best cell: of its runs with fresh seeds alone where there are any, since the others were used to choose
/// the cell and make it look cheaper.
pub(super) struct Figure {
    pub geometric_mean: Option<f64>,
    pub interval: Option<Interval>,
    pub expected: Option<f64>,
    pub share: Option<f64>,
    pub confirmed: Option<f64>,
    /// Seeds, and whether they are fresh.
    pub seeds: (usize, bool),
}

impl Figure {
    pub fn of(cost: &CostReport, best: usize) -> Self {
        let cell = &cost.cells[best];
        match fresh(cost) {
            Some(fresh) => Self {
                geometric_mean: fresh.geometric_mean,
                interval: fresh.interval,
                expected: fresh.expected,
                share: Some(fresh.share),
                confirmed: fresh.confirmed,
                seeds: (fresh.runs, true),
            },
            None => Self {
                geometric_mean: cell.geometric_mean,
                interval: cell.interval,
                expected: cell.expected,
                share: cell.share,
                confirmed: cell.confirmed,
                seeds: (cell.trials.len(), false),
            },
        }
    }

    /// Of cells that are not compared: their main seeds.
    pub fn of_all(cost: &CostReport) -> Self {
        let shares = cost.cells.iter().filter_map(|cell| cell.share);
        let seeds = cost.cells.iter().map(|cell| cell.trials.len());
        Self {
            geometric_mean: None,
            interval: None,
            expected: None,
            share: shares.min_by(f64::total_cmp),
            confirmed: None,
            seeds: (seeds.max().unwrap_or(0), false),
        }
    }

    /// The geometric mean with its interval; no other figure has one. Where runs failed, a success costs more than the mean
    /// of those that reached the target.
    pub fn mean(&self) -> Option<(f64, Interval)> {
        match self.share {
            Some(1.0) => self.geometric_mean.zip(self.interval),
            _ => None,
        }
    }
}

pub(super) fn fresh(cost: &CostReport) -> Option<&FreshCost> {
    cost.confirmation.as_ref()?.cost.as_ref()
}
