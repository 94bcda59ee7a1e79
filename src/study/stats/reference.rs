//! Comparisons with the reference cell. They are chosen before there are data, so Holm's correction suffices.

use serde::Serialize;
use statrs::distribution::{ContinuousCDF as _, StudentsT};

use super::compare::Ratio;
use super::interval::{CONFIDENCE, t_reach};
use super::spread::{Sample, SpreadSource, StudySpread};
use super::trial::Trial;

/// The comparison of a cell with the reference cell.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct VersusReference {
    /// The cell's cost over that of the reference cell. The interval is for this pair alone.
    pub ratio: Ratio,
    /// The two-sided p-value of a t test on log cost. 1 if runs failed on the side that appears cheaper, as it may be the
    /// more expensive one.
    pub p: f64,
    /// The p-value after Holm's correction for all cells compared.
    pub adjusted: f64,
}

impl VersusReference {
    /// Whether the difference is significant, at 5 % for all comparisons of the study together.
    pub fn is_significant(&self) -> bool {
        self.adjusted <= 1.0 - CONFIDENCE
    }
}

/// Compares each cell with the cell `reference` by t tests on log cost: with the pooled spread, or Welch's where the
/// cells' spreads differ. Costs of failed runs count as in [`compare`](super::compare()). `None` for the reference itself,
/// for a cell with neither a cost nor a bound, and everywhere if no claim is possible: one run per cell, or no spread.
pub fn versus_reference<C: AsRef<[Trial]>>(
    cells: &[C],
    reference: usize,
) -> Vec<Option<VersusReference>> {
    let none = vec![None; cells.len()];
    let samples: Vec<Sample> = cells.iter().map(|c| Sample::of(c.as_ref())).collect();
    let Some(spread) = StudySpread::new(cells, &[]) else {
        return none;
    };
    let Some(base) = samples.get(reference).filter(|s| s.count > 0.0) else {
        return none;
    };
    let mut compared: Vec<Option<VersusReference>> = (0..cells.len())
        .map(|i| {
            let sample = &samples[i];
            if i == reference || sample.count == 0.0 {
                return None;
            }
            let sides = [(i, sample), (reference, base)];
            let error = spread.error_of(sides[0], sides[1]);
            let df = degrees_of_freedom(&spread, sides);
            let difference = sample.mean - base.mean;
            let cheaper_failed = if difference > 0.0 {
                base.at_least
            } else {
                sample.at_least
            };
            let p = if cheaper_failed {
                1.0
            } else {
                let t = StudentsT::new(0.0, 1.0, df).ok()?;
                2.0 * t.sf((difference / error).abs())
            };
            // A ratio to a reference with failed runs has no bounds.
            let reach = (!base.at_least).then(|| t_reach(df) * error);
            Some(VersusReference {
                ratio: Ratio::from_logs(difference, reach, sample.at_least),
                p,
                adjusted: p,
            })
        })
        .collect();
    let p: Vec<f64> = compared.iter().flatten().map(|n| n.p).collect();
    for (comparison, adjusted) in compared.iter_mut().flatten().zip(holm(&p)) {
        comparison.adjusted = adjusted;
    }
    compared
}

/// The pooled degrees of freedom, or Welch-Satterthwaite's.
fn degrees_of_freedom(spread: &StudySpread, sides: [(usize, &Sample); 2]) -> f64 {
    if spread.source != SpreadSource::Separate {
        return spread.pooled.df;
    }
    welch(sides.map(|(cell, sample)| {
        let own = spread.of(cell);
        (own.sd.powi(2) / sample.count, own.df)
    }))
}

/// Welch-Satterthwaite degrees of freedom of a sum of two variances of means, each with its own.
pub(super) fn welch(parts: [(f64, f64); 2]) -> f64 {
    let sum: f64 = parts.iter().map(|p| p.0).sum();
    let lost: f64 = parts.iter().map(|p| p.0.powi(2) / p.1).sum();
    sum.powi(2) / lost
}

/// Holm's correction of p-values (Scand. J. Stat. 6, 1979), in their order. NaN stays NaN.
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).filter(|&i| !p[i].is_nan()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    let mut adjusted = p.to_vec();
    let mut largest = 0.0_f64;
    for (rank, &i) in order.iter().enumerate() {
        largest = largest.max(p[i] * (order.len() - rank) as f64);
        adjusted[i] = largest.min(1.0);
    }
    adjusted
}
