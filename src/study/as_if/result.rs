//! What one instrument would have concluded in place of one sensor.

use serde::Serialize;

use super::instrument::Instrument;
use crate::energy::Scope;
use crate::study::stats::{Agreement, Ratio, Verdict};

/// A simpler instrument in place of a sensor.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AsIf {
    pub instrument: Instrument,
    /// The sensor whose readings it is computed from.
    pub source: String,
    pub scope: Scope,
    /// To the last target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// Joules of each run with kept readings.
    pub runs: Vec<AsIfRun>,
    /// Runs with joules whose readings do not allow it.
    pub left_out: usize,
    /// The cell with the lowest cost by the sensor and by the instrument.
    pub best: [Option<usize>; 2],
    /// Worst over best by both, biased upward.
    pub worst_over_best: [Option<Ratio>; 2],
    /// Of the regimes' costs by both.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agreement: Option<Agreement>,
    /// Cells whose comparison with the best changes.
    pub changed: Vec<Changed>,
    /// Cells that are compared.
    pub compared: usize,
}

/// The joules of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AsIfRun {
    pub run: String,
    /// As recorded.
    pub recorded: f64,
    /// By the instrument.
    pub as_if: f64,
}

/// A conclusion that changes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Changed {
    pub cell: usize,
    pub recorded: Verdict,
    pub as_if: Verdict,
}

impl AsIf {
    /// The lowest, the median and the highest error of the joules of a run, as shares of the recorded joules.
    pub fn errors(&self) -> [f64; 3] {
        let errors = self.runs.iter().map(|run| run.as_if / run.recorded - 1.0);
        let mut errors: Vec<f64> = errors.collect();
        errors.sort_by(f64::total_cmp);
        let last = errors.len().saturating_sub(1);
        [0, last / 2, last].map(|at| errors.get(at).copied().unwrap_or(0.0))
    }

    /// Whether the same cell is the best, and no comparison with it changes.
    pub fn same_conclusions(&self) -> bool {
        self.best[0] == self.best[1] && self.changed.is_empty()
    }
}
