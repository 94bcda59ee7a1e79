//! The spread between the seeds of a cell, and whether all cells share it.

use serde::Serialize;
use statrs::distribution::{ChiSquared, ContinuousCDF as _};

use super::log_cost::{mean_log, squares, without_diverged};
use super::trial::Trial;

/// The spreads are not pooled below this p-value of the test of equal spreads. It is high because wrong pooling is costly: at
/// three seeds a test at 5 % detects too few unequal spreads (the module has a simulation).
const SEPARATE_BELOW: f64 = 0.25;

/// A standard deviation of log cost, which is about the relative standard deviation of the cost if it is small.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// The standard deviation of the natural logarithm of the cost.
    pub sd: f64,
    /// Its degrees of freedom.
    pub df: f64,
}

/// The log costs of a cell as they are compared: the runs that did not diverge, those cut off with what they spent.
pub(super) struct Sample {
    /// The number of log costs.
    pub(super) count: f64,
    pub(super) mean: f64,
    /// Some run did not reach the target, so the cell costs more than `mean`.
    pub(super) at_least: bool,
    /// `None` for fewer than two runs, and if none reached the target: bounds show no spread.
    spread: Option<Spread>,
}

impl Sample {
    pub(super) fn of(trials: &[Trial]) -> Self {
        let logs = without_diverged(trials);
        let reached = trials.iter().filter(|t| t.reached()).count();
        let df = logs.len() as f64 - 1.0;
        let spread = (df >= 1.0 && reached > 0).then(|| Spread {
            sd: (squares(&logs) / df).sqrt(),
            df,
        });
        Self {
            count: logs.len() as f64,
            mean: mean_log(&logs),
            at_least: reached < trials.len(),
            spread,
        }
    }
}

/// The spread of a cell's log costs over the runs that did not diverge; runs that were cut off count what they spent. `None`
/// for fewer than two such runs, and if none reached the target.
pub fn cell_spread(trials: &[Trial]) -> Option<Spread> {
    Sample::of(trials).spread
}

/// Where the spread of a cell comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SpreadSource {
    /// All cells together.
    Pooled,
    /// Each cell by itself, because the test rejects pooling. A cell without a spread (a single run, none that reached the
    /// target, equal costs) has the largest of the others.
    Separate,
    /// The replicates of the reference cell, because no cell has a spread of its own.
    Replicates,
}

/// The spread of log cost in a study.
#[derive(Clone, Debug, PartialEq)]
pub struct StudySpread {
    /// Pooled over the cells, or the replicates' own.
    pub pooled: Spread,
    /// The p-value of Bartlett's test that the cells' spreads are equal; 0 if only some are zero. `None` if fewer than two
    /// cells have a spread.
    pub equality: Option<f64>,
    pub source: SpreadSource,
    cells: Vec<Option<Spread>>,
}

impl StudySpread {
    /// The spread of the cells, given by their trials; `replicates` are extra runs of one cell, used only if no cell has a
    /// spread. `None` without any spread: no two runs of a cell, or equal costs in every cell, which show the resolution of
    /// the cost and not the difference between seeds.
    pub fn new<C: AsRef<[Trial]>>(cells: &[C], replicates: &[Trial]) -> Option<Self> {
        let own = cells.iter().map(|c| cell_spread(c.as_ref()));
        let cells: Vec<Option<Spread>> = own.collect();
        let shown: Vec<Spread> = cells.iter().flatten().copied().collect();
        if let Some(pooled) = pool(&shown) {
            let equality = bartlett(&shown);
            let source = match equality {
                Some(p) if p < SEPARATE_BELOW => SpreadSource::Separate,
                _ => SpreadSource::Pooled,
            };
            return (pooled.sd > 0.0).then_some(Self {
                pooled,
                equality,
                source,
                cells,
            });
        }
        let pooled = cell_spread(replicates).filter(|s| s.sd > 0.0)?;
        Some(Self {
            pooled,
            equality: None,
            source: SpreadSource::Replicates,
            cells,
        })
    }

    /// The spread to use for a cell.
    pub fn of(&self, cell: usize) -> Spread {
        if self.source != SpreadSource::Separate {
            return self.pooled;
        }
        let own = self.cells.get(cell).copied().flatten();
        own.filter(|s| s.sd > 0.0).unwrap_or_else(|| {
            let shown = self.cells.iter().flatten().copied();
            shown.fold(
                self.pooled,
                |largest, s| if s.sd > largest.sd { s } else { largest },
            )
        })
    }

    /// The standard error of the difference of two cells' means of log cost.
    pub(super) fn error_of(&self, a: (usize, &Sample), b: (usize, &Sample)) -> f64 {
        let part = |(cell, sample): (usize, &Sample)| self.of(cell).sd.powi(2) / sample.count;
        (part(a) + part(b)).sqrt()
    }
}

/// The root of the mean variance, weighted by degrees of freedom.
fn pool(spreads: &[Spread]) -> Option<Spread> {
    let df: f64 = spreads.iter().map(|s| s.df).sum();
    let squares: f64 = spreads.iter().map(|s| s.df * s.sd.powi(2)).sum();
    (df > 0.0).then(|| Spread {
        sd: (squares / df).sqrt(),
        df,
    })
}

/// The p-value of Bartlett's test of equal variances (Proc. R. Soc. A 160, 1937).
fn bartlett(spreads: &[Spread]) -> Option<f64> {
    let pooled = pool(spreads).filter(|s| s.sd > 0.0)?;
    let groups = spreads.len() as f64;
    if groups < 2.0 {
        return None;
    }
    if spreads.iter().any(|s| s.sd == 0.0) {
        return Some(0.0);
    }
    let logs: f64 = spreads.iter().map(|s| s.df * s.sd.powi(2).ln()).sum();
    let inverses: f64 = spreads.iter().map(|s| 1.0 / s.df).sum();
    let correction = 1.0 + (inverses - 1.0 / pooled.df) / (3.0 * (groups - 1.0));
    let statistic = (pooled.df * pooled.sd.powi(2).ln() - logs) / correction;
    let reference = ChiSquared::new(groups - 1.0).ok()?;
    Some(reference.sf(statistic.max(0.0)))
}
