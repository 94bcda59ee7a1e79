//! Which cells are significantly different from the best.
//!
//! The best cell is chosen from the same data, so the intervals must hold for all pairs of cells at once. With one spread for
//! all cells this is the Tukey-Kramer procedure: the critical value of the studentized range. With separate spreads it is
//! Dunnett's C (J. Am. Stat. Assoc. 75, 1980), whose critical value is the mean of the two cells' own, weighted by their
//! shares of the variance. The better-known Games-Howell procedure claims too much at few seeds.
//!
//! A run that did not reach the target has no cost to compare. A run that the budget cut off counts what it spent, which is
//! less than its cost; a diverged run does not count. So a cell with failed runs costs more than its mean, and is
//! significantly different only if even this mean is above the best. If a run of the best cell failed, no claim is made. A
//! cell that never reaches the target is also significantly different by the rule of [`never_reaches`].

use super::interval::{CONFIDENCE, Interval};
use super::spread::{Sample, StudySpread};
use super::studentized_range::StudentizedRange;
use super::trial::{End, Trial, expected_cost};
use serde::Serialize;

/// The cost of one cell over that of another, by the geometric means of their runs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ratio {
    /// All runs reached.
    Of {
        /// The ratio of the geometric means.
        ratio: f64,
        /// Its 95 % interval; `None` without a spread.
        interval: Option<Interval>,
    },
    /// Runs of the more expensive cell failed: its cost is above what was counted.
    AtLeast {
        /// The ratio of the geometric means of what was counted.
        ratio: f64,
        /// The lower end of its 95 % interval; `None` without a spread.
        low: Option<f64>,
    },
}

impl Ratio {
    /// From the difference of means of log cost and how far its interval reaches to each side.
    pub(super) fn from_logs(difference: f64, reach: Option<f64>, at_least: bool) -> Self {
        let ratio = difference.exp();
        let interval = reach.map(|reach| Interval::about(difference, reach));
        match at_least {
            true => Self::AtLeast {
                ratio,
                low: interval.map(|i| i.low),
            },
            false => Self::Of { ratio, interval },
        }
    }

    /// The ratio alone, where an error of unknown size would have to enter its interval.
    pub fn without_interval(self) -> Self {
        match self {
            Self::Of { ratio, .. } => Self::Of {
                ratio,
                interval: None,
            },
            Self::AtLeast { ratio, .. } => Self::AtLeast { ratio, low: None },
        }
    }

    /// The ratio with its interval widened by an independent relative error, such as the accuracy of two sensors: the
    /// half-widths of the logarithms are added as squares.
    pub fn widened(self, error: f64) -> Self {
        let end = |ratio: f64, end: f64| {
            let reach = (end / ratio).ln();
            ratio * (reach.abs().hypot(error) * reach.signum()).exp()
        };
        match self {
            Self::Of { ratio, interval } => Self::Of {
                ratio,
                interval: interval.map(|i| Interval {
                    low: end(ratio, i.low),
                    high: end(ratio, i.high),
                }),
            },
            Self::AtLeast { ratio, low } => Self::AtLeast {
                ratio,
                low: low.map(|low| end(ratio, low)),
            },
        }
    }

    /// The ratio, or the one it is at least.
    pub fn ratio(&self) -> f64 {
        match *self {
            Self::Of { ratio, .. } | Self::AtLeast { ratio, .. } => ratio,
        }
    }

    /// The upper end of the interval; a lower bound has none.
    pub fn high(&self) -> Option<f64> {
        match *self {
            Self::Of { interval, .. } => interval.map(|i| i.high),
            Self::AtLeast { .. } => None,
        }
    }

    /// The lower end of the interval.
    pub fn low(&self) -> Option<f64> {
        match *self {
            Self::Of { interval, .. } => interval.map(|i| i.low),
            Self::AtLeast { low, .. } => low,
        }
    }
}

/// The comparison of a cell with the best one, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It has the lowest expected cost.
    Best,
    /// It is not significantly different from the best.
    NotSignificant,
    /// It costs more than the best: the whole interval of the ratio is above 1.
    MoreExpensive,
    /// It never reaches the target, and the best cell does.
    NeverReaches,
    /// It has no runs.
    NotRun,
}

/// The comparison of a cell with the best one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Contrast {
    /// Its cost over that of the best cell; the intervals of all cells hold together. `None` for the best, if a run of
    /// the best failed, and if no run gave a cost or a bound.
    pub ratio: Option<Ratio>,
    pub verdict: Verdict,
}

/// Why no claim is made about costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoClaim {
    /// Only one cell has runs.
    OneCell,
    /// No cell has two runs, and one seed says nothing about its cell.
    OneSeed,
    /// Runs of the best cell failed, so its cost is unknown.
    BestFailed,
    /// There is no spread within any cell or among replicates.
    NoSpread,
}

/// The comparison of all cells with the best one.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// The cell with the lowest expected cost.
    pub best: usize,
    /// The spread that the intervals are based on.
    pub spread: Option<StudySpread>,
    pub no_claim: Option<NoClaim>,
    /// One per cell.
    pub cells: Vec<Contrast>,
}

impl Comparison {
    /// The best cell and those that are not significantly different from it, in order.
    pub fn indistinguishable(&self) -> Vec<usize> {
        let stays = |v: Verdict| matches!(v, Verdict::Best | Verdict::NotSignificant);
        (0..self.cells.len())
            .filter(|&i| stays(self.cells[i].verdict))
            .collect()
    }
}

/// Compares all cells, given by their trials, with the one of lowest expected cost. `replicates` are extra runs of one
/// cell, which give the spread if no cell has two runs. `None` if no run reached the target.
pub fn compare<C: AsRef<[Trial]>>(cells: &[C], replicates: &[Trial]) -> Option<Comparison> {
    let costs = cells.iter().map(|c| expected_cost(c.as_ref()));
    let reached = costs.enumerate().filter_map(|(i, cost)| Some((i, cost?)));
    let (best, _) = reached.min_by(|a, b| a.1.total_cmp(&b.1))?;

    let samples: Vec<Sample> = cells.iter().map(|c| Sample::of(c.as_ref())).collect();
    let spread = StudySpread::new(cells, replicates);
    let run = cells.iter().filter(|c| !c.as_ref().is_empty()).count();
    let no_claim = if run < 2 {
        Some(NoClaim::OneCell)
    } else if cells.iter().all(|c| c.as_ref().len() < 2) {
        Some(NoClaim::OneSeed)
    } else if samples[best].at_least {
        Some(NoClaim::BestFailed)
    } else if spread.is_none() {
        Some(NoClaim::NoSpread)
    } else {
        None
    };

    let mut critical = Critical {
        range: StudentizedRange::new(run),
        known: Vec::new(),
    };
    let contrasts = (0..cells.len()).map(|i| {
        let (trials, sample) = (cells[i].as_ref(), &samples[i]);
        if trials.is_empty() || i == best {
            let verdict = if i == best {
                Verdict::Best
            } else {
                Verdict::NotRun
            };
            return Contrast {
                ratio: None,
                verdict,
            };
        }
        let comparable = sample.count > 0.0 && !samples[best].at_least;
        let ratio = comparable.then(|| {
            let sides = [(i, sample), (best, &samples[best])];
            let reach = spread.as_ref().map(|s| critical.reach(s, sides));
            Ratio::from_logs(sample.mean - samples[best].mean, reach, sample.at_least)
        });
        let more_expensive = ratio.and_then(|r| r.low()).is_some_and(|low| low > 1.0);
        let verdict = if no_claim.is_none() && more_expensive {
            Verdict::MoreExpensive
        } else if never_reaches(trials, cells[best].as_ref(), cells) {
            Verdict::NeverReaches
        } else {
            Verdict::NotSignificant
        };
        Contrast { ratio, verdict }
    });
    let contrasts: Vec<Contrast> = contrasts.collect();
    Some(Comparison {
        best,
        spread,
        no_claim,
        cells: contrasts,
    })
}

/// Critical values of the studentized range by degrees of freedom.
struct Critical {
    range: StudentizedRange,
    known: Vec<(f64, f64)>,
}

impl Critical {
    fn at(&mut self, df: f64) -> f64 {
        if let Some(known) = self.known.iter().find(|k| k.0 == df) {
            return known.1;
        }
        let value = self.range.quantile(CONFIDENCE, df);
        self.known.push((df, value));
        value
    }

    /// How far the simultaneous interval of a difference of two means reaches to each side.
    fn reach(&mut self, spread: &StudySpread, sides: [(usize, &Sample); 2]) -> f64 {
        let weights = sides.map(|(cell, sample)| spread.of(cell).sd.powi(2) / sample.count);
        let values = sides.map(|(cell, _)| self.at(spread.of(cell).df));
        let sum = weights[0] + weights[1];
        let critical = (weights[0] * values[0] + weights[1] * values[1]) / sum;
        critical * (sum / 2.0).sqrt()
    }
}

/// Whether a cell never reaches the target because of the cell and not by chance: every run of the best cell reached it, no
/// cell has both runs that reached it and runs that failed in the same way (cut off, diverged), and there are enough seeds.
/// Two cells with the same success rate p look like this with a probability of at most 2 pⁿ (1 - p)ᵐ, n and m being their
/// seeds; more cells of that rate make it less likely, since none of them may have both. Three seeds each suffice (3.1 %),
/// two do not (12.5 %).
fn never_reaches<C: AsRef<[Trial]>>(trials: &[Trial], best: &[Trial], cells: &[C]) -> bool {
    if trials.iter().any(Trial::reached) || !best.iter().all(Trial::reached) {
        return false;
    }
    let fails_so = |end: End| trials.iter().any(|t| t.ended() == end);
    let both = |cell: &[Trial]| {
        let failed = |t: &Trial| !t.reached() && fails_so(t.ended());
        cell.iter().any(Trial::reached) && cell.iter().any(failed)
    };
    let (n, m) = (best.len() as f64, trials.len() as f64);
    let chance = 2.0 * (n / (n + m)).powf(n) * (m / (n + m)).powf(m);
    chance <= 1.0 - CONFIDENCE && !cells.iter().any(|c| both(c.as_ref()))
}
