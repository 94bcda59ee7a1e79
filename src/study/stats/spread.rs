//! How much the seeds of one cell differ, and whether all cells share one spread.

use serde::Serialize;
use statrs::distribution::{ChiSquared, ContinuousCDF as _};

use super::log_cost::{mean_log, squares, without_diverged};
use super::trial::Trial;

/// The test of equal spreads objects below this p-value. It stands high because pooling wrongly is what costs: at three
/// seeds a test at 5 % sees too few unequal spreads (the module has the simulation).
const OBJECTS_BELOW: f64 = 0.25;

/// A standard deviation of log cost: about the relative one of the cost, where it is small.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// The standard deviation of the natural logarithm of the cost.
    pub sd: f64,
    /// Its degrees of freedom.
    pub df: f64,
}

/// A cell as its costs are compared: the runs that did not diverge, one that was cut off standing at what it spent.
pub(super) struct Sample {
    /// The number of log costs.
    pub(super) count: f64,
    pub(super) mean: f64,
    /// Some run did not reach, so that the cell costs more than `mean` says.
    pub(super) at_least: bool,
    /// None below two runs, and where none reached: bounds alone show no spread.
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

/// The spread of one cell's log costs over the runs that did not diverge, a run that was cut off standing at what it
/// spent. None below two such runs, and where none reached.
pub fn cell_spread(trials: &[Trial]) -> Option<Spread> {
    Sample::of(trials).spread
}

/// Where the spread of a cell is taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SpreadSource {
    /// All cells together: each has the pooled spread.
    Pooled,
    /// Each cell by itself, since the test objects to pooling. A cell that shows none (a single run, none reached, all
    /// costs equal) is given the largest of the others.
    Separate,
    /// The extra runs of the reference cell, since no cell has a spread of its own.
    Replicates,
}

/// The spread of log cost in a study.
#[derive(Clone, Debug, PartialEq)]
pub struct StudySpread {
    /// Pooled over the cells, or the replicates' own.
    pub pooled: Spread,
    /// The p-value of Bartlett's test that the cells' spreads are equal; 0 where some are nil and others not. None where
    /// fewer than two cells show a spread.
    pub equality: Option<f64>,
    /// Which spread stands for a cell.
    pub source: SpreadSource,
    cells: Vec<Option<Spread>>,
}

impl StudySpread {
    /// The spread of the cells, given by their trials; `replicates` are extra runs of one cell and only used where no
    /// cell has a spread. None where there is no spread at all: no two runs of one cell, or equal costs in every cell,
    /// which tell how finely the cost is read and not how far seeds differ.
    pub fn new<C: AsRef<[Trial]>>(cells: &[C], replicates: &[Trial]) -> Option<Self> {
        let own = cells.iter().map(|c| cell_spread(c.as_ref()));
        let cells: Vec<Option<Spread>> = own.collect();
        let shown: Vec<Spread> = cells.iter().flatten().copied().collect();
        if let Some(pooled) = pool(&shown) {
            let equality = bartlett(&shown);
            let source = match equality {
                Some(p) if p < OBJECTS_BELOW => SpreadSource::Separate,
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

    /// The spread that stands for a cell.
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
