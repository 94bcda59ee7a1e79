//! The worst cell over the best one: what it would be by chance alone, and what fresh seeds say.

use super::compare::Ratio;
use super::interval::{CONFIDENCE, t_reach};
use super::log_cost::{mean_log, of_all, squares, without_diverged};
use super::reference::welch;
use super::spread::StudySpread;
use super::studentized_range::StudentizedRange;
use super::trial::{Trial, expected_cost, tau};
use serde::Serialize;

/// The ratio of worst to best in the study's own data. It is a maximum over a minimum: biased upward, it stands beside
/// what equal cells would show and is no result.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extremes {
    /// The cell with the lowest expected cost.
    pub best: usize,
    /// The cell with the highest; one that never arrived is above all that did.
    pub worst: usize,
    /// The worst cell's geometric mean over the best one's, without an interval. A run that was cut off counts what it
    /// spent, one that diverged the study's tau. Where a run of the best cell failed it is that of the expected costs.
    pub ratio: Ratio,
    /// What the largest geometric mean over the smallest would be if all cells had one cost; None without a spread, and
    /// where a run of the best cell failed.
    pub by_chance: Option<ByChance>,
}

/// The ratio of the largest to the smallest of equal cells' geometric means.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ByChance {
    /// Half of such studies show less.
    pub median: f64,
    /// 95 % of them do.
    pub upper: f64,
}

/// The worst cell beside the best. None below two cells with runs, and where none reached.
pub fn extremes<C: AsRef<[Trial]>>(cells: &[C], spread: Option<&StudySpread>) -> Option<Extremes> {
    let tau = tau(cells.iter().flat_map(|c| c.as_ref()))?;
    let mean = |cell: usize| mean_log(&of_all(cells[cell].as_ref(), tau));
    let run = (0..cells.len()).filter(|&i| !cells[i].as_ref().is_empty());
    let run: Vec<usize> = run.collect();
    let cost = |&cell: &usize| expected_cost(cells[cell].as_ref()).unwrap_or(f64::INFINITY);
    let dearness = |cell: &usize| (cost(cell), mean(*cell));
    let order = |a: &&usize, b: &&usize| {
        let (a, b) = (dearness(a), dearness(b));
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
            by_chance: None,
        });
    }
    let inverses = run.iter().map(|&i| 1.0 / cells[i].as_ref().len() as f64);
    let inverse_count = inverses.sum::<f64>() / run.len() as f64;
    Some(Extremes {
        best,
        worst,
        ratio: Ratio::from_logs(mean(worst) - mean(best), None, failed(worst)),
        by_chance: spread.map(|s| by_chance(run.len(), 1.0 / inverse_count, s)),
    })
}

/// What `cells` equal cells of `runs` each (the harmonic mean, where they differ) show with the pooled spread.
fn by_chance(cells: usize, runs: f64, spread: &StudySpread) -> ByChance {
    let range = StudentizedRange::new(cells);
    let error = spread.pooled.sd / runs.sqrt();
    let quantile = |p: f64| (range.quantile(p, spread.pooled.df) * error).exp();
    ByChance {
        median: quantile(0.5),
        upper: quantile(CONFIDENCE),
    }
}

/// The worst cell's expected cost over the best one's. Where no run of the worst arrived, one success costs more than any
/// of its runs did, so the mean of these is a lower bound. None where the best never arrived or the worst has no run that
/// counts.
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

/// Log costs, where one that diverged counts `tau` or, where the study has none, nothing.
fn bounds(trials: &[Trial], tau: Option<f64>) -> Vec<f64> {
    match tau.filter(|t| t.is_finite() && *t > 0.0) {
        Some(tau) => of_all(trials, tau),
        None => without_diverged(trials),
    }
}

/// What fresh seeds say of the worst cell over the best.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confirmed {
    /// The ratio, with Welch's t interval on log cost; a lower bound where fresh runs of the worst cell failed.
    Ratio(Ratio),
    /// Some fresh runs of the best cell failed: the ratio is that of the expected costs, and has no interval.
    OfExpected(Ratio),
    /// No fresh run of the best cell arrived: there is no ratio.
    BestFailed,
    /// One of the two has no fresh runs, or none that gave a cost or a bound of one.
    NotRun,
}

/// The ratio of two cells from fresh runs alone, which had no part in choosing them. A run that was cut off counts what
/// it spent, one that diverged the study's `tau`, in the unit of the cost; None where the study has none. The interval
/// needs two fresh runs of the best, and two of the worst unless these are bounds alone.
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

/// How far the interval of the difference of the sides' means reaches. Where the worst never arrived its values are
/// bounds, which have no spread to be added.
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
