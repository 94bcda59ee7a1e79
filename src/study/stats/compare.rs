//! Which cells the data can tell from the best.
//!
//! The best cell is chosen from the same data, so a cell is told apart only where its interval holds for all pairs of
//! cells at once. With one spread for all cells that is Tukey and Kramer's: the studentized range's critical value. With
//! a spread each it is Dunnett's C (J. Am. Stat. Assoc. 75, 1980), whose critical value is the mean of the two cells' own,
//! weighted by their shares of the variance. The better-known one of Games and Howell claims too much at few seeds.
//!
//! A run that did not reach the target has no cost to compare. What was cut off stands at what it spent, which is less
//! than its cost; what diverged is left out of the cell's costs. So a cell where a run failed costs more than its mean
//! says, and is told apart only where even that is dearer than the best. Where a run of the best cell itself failed,
//! nothing is claimed. What never arrived is also told apart by that alone, by [`never_arrives`]' rule.

use super::interval::{CONFIDENCE, Interval};
use super::spread::{Sample, StudySpread};
use super::studentized_range::StudentizedRange;
use super::trial::{End, Trial, expected_cost};
use serde::Serialize;

/// How many times as much one cell costs as another, by the geometric means of their runs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ratio {
    /// All runs reached.
    Of {
        /// The ratio of the geometric means.
        ratio: f64,
        /// Its 95 % interval; None without a spread.
        interval: Option<Interval>,
    },
    /// Runs of the dearer cell failed: its cost is above what was counted.
    AtLeast {
        /// The ratio of the geometric means of what was counted.
        ratio: f64,
        /// The lower end of its 95 % interval; None without a spread.
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

/// What the data say of a cell beside the best one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It has the lowest expected cost.
    Best,
    /// It cannot be told from the best.
    Undecided,
    /// It costs more than the best: the whole interval of the ratio is above 1.
    Dearer,
    /// It never reaches the target, where the best does.
    NeverArrives,
    /// It has no runs.
    NotRun,
}

/// One cell beside the best one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Contrast {
    /// Its cost over the best cell's; the intervals of all cells hold together. None for the best, where a run of the
    /// best failed, and where no run gave a cost or a bound of one.
    pub ratio: Option<Ratio>,
    /// Whether it is told apart.
    pub verdict: Verdict,
}

/// Why no cell is told apart by its cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoClaim {
    /// Only one cell has runs.
    OneCell,
    /// No cell has two runs: what one seed does is no property of its cell.
    OneSeed,
    /// Runs of the best cell failed, so that its own cost is not known.
    BestFailed,
    /// No spread is seen, within any cell or among replicates.
    NoSpread,
}

/// The cells of a study beside its best one.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// The cell with the lowest expected cost.
    pub best: usize,
    /// The spread that the intervals are made of.
    pub spread: Option<StudySpread>,
    /// Why nothing is claimed of costs; None where claims are made.
    pub no_claim: Option<NoClaim>,
    /// One for each cell, in their order.
    pub cells: Vec<Contrast>,
}

impl Comparison {
    /// The best cell and those that the data cannot tell from it, in order.
    pub fn indistinguishable(&self) -> Vec<usize> {
        let stays = |v: Verdict| matches!(v, Verdict::Best | Verdict::Undecided);
        (0..self.cells.len())
            .filter(|&i| stays(self.cells[i].verdict))
            .collect()
    }
}

/// Compares all cells, given by their trials, with the one of lowest expected cost. `replicates` are extra runs of one
/// cell, from which the spread comes where no cell has two runs. None where no run reached.
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
        let dearer = ratio.and_then(|r| r.low()).is_some_and(|low| low > 1.0);
        let verdict = if no_claim.is_none() && dearer {
            Verdict::Dearer
        } else if never_arrives(trials, cells[best].as_ref(), cells) {
            Verdict::NeverArrives
        } else {
            Verdict::Undecided
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

/// Critical values of the studentized range, one for each degrees of freedom met.
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

/// Whether a cell is told from the best by never arriving, its runs having failed in ways (cut off, diverged) that in
/// this study belong to a cell and not to a seed: the best cell always arrived, no cell has both arrivals and failures of
/// these ways, and there are enough seeds. Two cells of one success rate p look like this with a probability of at most
/// 2 pⁿ (1 - p)ᵐ, n and m being their seeds; more cells of that rate make it less likely, since none of them may have
/// both. Three seeds each suffice (3.1 %), two do not (12.5 %).
fn never_arrives<C: AsRef<[Trial]>>(trials: &[Trial], best: &[Trial], cells: &[C]) -> bool {
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
