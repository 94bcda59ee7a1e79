//! The ratio of the worst cell to the best: in the study, by chance alone, and with fresh seeds.

use super::compare::Ratio;
use super::interval::{CONFIDENCE, t_reach};
use super::log_cost::{mean_log, of_all, squares, without_diverged};
use super::reference::welch;
use super::spread::StudySpread;
use super::studentized_range::StudentizedRange;
use super::trial::{Trial, expected_cost, tau};
use serde::Serialize;

/// The ratio of worst to best in the study's own data. As a maximum over a minimum it is biased upward and is shown next to
/// the ratio that equal cells would have.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extremes {
    /// The cell with the lowest expected cost.
    pub best: usize,
    /// The cell with the highest; a cell that never reached the target is above all others.
    pub worst: usize,
    /// The ratio of the geometric means, without an interval. A run that was cut off counts what it spent, a diverged one the
    /// study's tau. If a run of the best cell failed, the ratio of the expected costs.
    pub ratio: Ratio,
    /// `None` without a spread, and if a run of the best cell failed.
    pub null_ratio: Option<NullRatio>,
}

/// The ratio of the largest to the smallest geometric mean if all cells had the same cost.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct NullRatio {
    /// Half of such studies have a lower ratio.
    pub median: f64,
    /// 95 % of them have a lower ratio.
    pub upper: f64,
}

/// Compares the worst cell with the best. `None` for fewer than two cells with runs, and if no run reached the target.
pub fn extremes<C: AsRef<[Trial]>>(cells: &[C], spread: Option<&StudySpread>) -> Option<Extremes> {
    let tau = tau(cells.iter().flat_map(|c| c.as_ref()))?;
    let mean = |cell: usize| mean_log(&of_all(cells[cell].as_ref(), tau));
    let run = (0..cells.len()).filter(|&i| !cells[i].as_ref().is_empty());
    let run: Vec<usize> = run.collect();
    let cost = |&cell: &usize| expected_cost(cells[cell].as_ref()).unwrap_or(f64::INFINITY);
    let rank = |cell: &usize| (cost(cell), mean(*cell));
    let order = |a: &&usize, b: &&usize| {
        let (a, b) = (rank(a), rank(b));
        a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1))
    };
    let best = *run.iter().min_by(order)?;
    let worst = *run.iter().max_by(order)?;
    if run.len() < 2 {
        return None;
    }
    let failed = |cell: usize| !cells[cell].as_ref().iter().all(Trial::reached);
    if failed(best) {
        return Some(Extremes {
            best,
            worst,
            ratio: ratio_of_expected(cells[best].as_ref(), cells[worst].as_ref(), Some(tau))?,
            null_ratio: None,
        });
    }
    let inverses = run.iter().map(|&i| 1.0 / cells[i].as_ref().len() as f64);
    let inverse_count = inverses.sum::<f64>() / run.len() as f64;
    Some(Extremes {
        best,
        worst,
        ratio: Ratio::from_logs(mean(worst) - mean(best), None, failed(worst)),
        null_ratio: spread.map(|s| null_ratio(run.len(), 1.0 / inverse_count, s)),
    })
}

/// The ratio for `cells` equal cells of `runs` each (the harmonic mean if they differ), from the pooled spread.
fn null_ratio(cells: usize, runs: f64, spread: &StudySpread) -> NullRatio {
    let range = StudentizedRange::new(cells);
    let error = spread.pooled.sd / runs.sqrt();
    let quantile = |p: f64| (range.quantile(p, spread.pooled.df) * error).exp();
    NullRatio {
        median: quantile(0.5),
        upper: quantile(CONFIDENCE),
    }
}

/// The ratio of the expected costs. If no run of the worst cell reached the target, a success costs more than any of its runs,
/// so their mean is a lower bound. `None` if the best never reached it or the worst has no run that counts.
fn ratio_of_expected(best: &[Trial], worst: &[Trial], tau: Option<f64>) -> Option<Ratio> {
    let least = expected_cost(best)?;
    if let Some(most) = expected_cost(worst) {
        return Some(Ratio::Of {
            ratio: most / least,
            interval: None,
        });
    }
    let bounds = bounds(worst, tau);
    let spent: f64 = bounds.iter().map(|log| log.exp()).sum();
    (!bounds.is_empty()).then(|| Ratio::AtLeast {
        ratio: spent / bounds.len() as f64 / least,
        low: None,
    })
}

/// Log costs; a diverged run counts `tau`, or nothing if the study has none.
fn bounds(trials: &[Trial], tau: Option<f64>) -> Vec<f64> {
    match tau.filter(|t| t.is_finite() && *t > 0.0) {
        Some(tau) => of_all(trials, tau),
        None => without_diverged(trials),
    }
}

/// The ratio of the worst cell to the best from fresh seeds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confirmed {
    /// With Welch's t interval on log cost; a lower bound if fresh runs of the worst cell failed.
    Ratio(Ratio),
    /// Some fresh runs of the best cell failed: the ratio of the expected costs, without an interval.
    OfExpected(Ratio),
    /// No fresh run of the best cell reached the target: there is no ratio.
    BestFailed,
    /// One of the two has no fresh runs, or none that gave a cost or a bound.
    NotRun,
}

/// The ratio of two cells from fresh runs alone, which had no part in choosing the cells. A run that was cut off counts what
/// it spent, a diverged one the study's `tau`, in the unit of the cost, if there is one. The interval needs two fresh runs of
/// the best, and two of the worst unless these are only bounds.
pub fn confirmed_ratio(best: &[Trial], worst: &[Trial], tau: Option<f64>) -> Confirmed {
    if !best.iter().all(Trial::reached) {
        return match ratio_of_expected(best, worst, tau) {
            Some(ratio) => Confirmed::OfExpected(ratio),
            None if best.iter().any(Trial::reached) => Confirmed::NotRun,
            None => Confirmed::BestFailed,
        };
    }
    let sides = [bounds(worst, tau), bounds(best, tau)];
    if sides.iter().any(Vec::is_empty) {
        return Confirmed::NotRun;
    }
    let difference = mean_log(&sides[0]) - mean_log(&sides[1]);
    let never = !worst.iter().any(Trial::reached);
    let failed = !worst.iter().all(Trial::reached);
    Confirmed::Ratio(Ratio::from_logs(
        difference,
        welch_reach(&sides, never),
        failed,
    ))
}

/// The half-width of the interval of the difference of the means. If the worst never reached the target its values are
/// bounds and add no spread.
fn welch_reach(sides: &[Vec<f64>; 2], never: bool) -> Option<f64> {
    let part = |logs: &Vec<f64>| {
        let (count, df) = (logs.len() as f64, logs.len() as f64 - 1.0);
        (df >= 1.0).then(|| (squares(logs) / df / count, df))
    };
    let best = part(&sides[1])?;
    let worst = if never { (0.0, 1.0) } else { part(&sides[0])? };
    let error = (worst.0 + best.0).sqrt();
    (error > 0.0).then(|| t_reach(welch([worst, best])) * error)
}
