//! The statistics of many trials, and the bounds that they must keep.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::load::SHAPES;
use crate::sensor::Model;
use crate::trial::{self, Kind, Outcome};

/// The share of the intervals that must hold the true value.
const HELD: f64 = 0.93;
/// Intervals may be this many times as wide as the observed errors need.
const WIDEST: f64 = 2.0;
/// The share of long enough trials that may have no result.
const REFUSED: f64 = 0.05;
/// Seconds of load from which a missing result counts; for a sensor that averages, this many averaging times. Ten are
/// needed after the averaged value has reached the load.
const LONG: f64 = 5.0;
const AVERAGINGS: f64 = 14.0;
/// The bounds are stated for this many trials and more. Fewer trials are judged with the sampling error of the binomial
/// distribution, see [`chance`].
const FULL: usize = 1000;
const DEFAULT: usize = 200;

/// Trials of each sensor and kind of window: 200, or `WATTGRAD_TRIALS` (the tables of docs/intervals.md take 1000).
pub fn trials() -> usize {
    std::env::var("WATTGRAD_TRIALS")
        .ok()
        .map_or(DEFAULT, |trials| trials.parse().expect("WATTGRAD_TRIALS"))
}

/// How far the observed share of `trials` can deviate by chance from a true `share`: the one-sided 95 % bound of the
/// binomial distribution, 1.645 sqrt(p (1 - p) / n); 0 from [`FULL`] trials on. A tenth of the trials may have no result.
pub fn chance(share: f64, trials: usize) -> f64 {
    if trials >= FULL * 9 / 10 {
        return 0.0;
    }
    1.645 * (share * (1.0 - share) / trials as f64).sqrt()
}

/// The interval of one trial and its error.
#[derive(Clone, Copy, Debug)]
struct Score {
    /// Error of the estimate and half the interval's width, as shares of the joules.
    error: f64,
    half: f64,
    held: bool,
}

/// All trials of a sensor and a kind of window.
pub struct Verdict {
    pub model: Model,
    pub kind: Kind,
    outcomes: Vec<Outcome>,
}

impl Verdict {
    pub fn of(model: Model, kind: Kind, calibrated: bool) -> Self {
        let outcomes = (0..trials() as u64)
            .map(|trial| trial::run(model, kind, calibrated, trial))
            .collect();
        Self {
            model,
            kind,
            outcomes,
        }
    }

    fn confidence<'a>(&'a self, of: impl Fn(&Outcome) -> bool + 'a) -> Vec<Score> {
        let given = self.outcomes.iter().filter(move |outcome| of(outcome));
        given.filter_map(confidence).collect()
    }

    fn accuracy(&self) -> Vec<Score> {
        self.outcomes.iter().filter_map(accuracy).collect()
    }

    fn long(&self, outcome: &Outcome) -> bool {
        outcome.window >= LONG.max(AVERAGINGS * self.model.averaging())
    }

    /// The number of long enough trials, and how many of them have no result.
    fn refused(&self) -> (usize, usize) {
        let long = || self.outcomes.iter().filter(|outcome| self.long(outcome));
        (
            long().count(),
            long().filter(|outcome| outcome.estimate.is_err()).count(),
        )
    }

    /// Median half-width of the confidence interval of windows of about `seconds`.
    fn half_at(&self, seconds: f64) -> f64 {
        let near = self.confidence(|outcome| (outcome.window - seconds).abs() < 0.02 * seconds);
        quantile(near.iter().map(|score| score.half), 0.5)
    }

    /// The share of trials in which the naive reading with the estimator's own interval around it would have held.
    pub fn naive(&self) -> f64 {
        let naive = self.outcomes.iter().filter_map(|outcome| {
            let estimate = outcome.estimate.as_ref().ok()?;
            Some(outcome.naive_error.abs() <= estimate.ci.half())
        });
        let held: Vec<bool> = naive.collect();
        share(&held)
    }

    /// The violated bounds, one sentence each.
    pub fn faults(&self, accurate: bool) -> Vec<String> {
        let mut faults = Vec::new();
        let scores = [
            ("confidence", self.confidence(|_| true)),
            ("accuracy", self.accuracy()),
        ];
        for (name, scores) in &scores {
            if scores.is_empty() {
                continue;
            }
            let held = coverage(scores);
            if held < HELD - chance(HELD, scores.len()) {
                faults.push(format!("{name} holds in {:.1} %", 100.0 * held));
            }
            let width = width(scores, (0.95 + chance(0.95, scores.len())).min(1.0));
            if self.model.within_model && width > WIDEST {
                faults.push(format!("{name} is {width:.1} times as wide as needed"));
            }
        }
        let (long, refused) = self.refused();
        let most = REFUSED + chance(REFUSED, long);
        if self.model.within_model && refused as f64 > most * long as f64 {
            faults.push(format!("{refused} of {long} long trials refused"));
        }
        for (seconds, most) in [(5.0, 0.02), (10.0, 0.01)] {
            let half = self.half_at(seconds);
            // NaN if no window of that length has a result.
            if accurate && (half.is_nan() || half >= most) {
                faults.push(format!("+-{:.2} % at {seconds} s", 100.0 * half));
            }
        }
        faults
    }

    /// Whether both intervals hold in at least `share` of the trials, less what chance explains; and the lower share.
    pub fn holds(&self, share: f64) -> (bool, f64) {
        let both = [self.confidence(|_| true), self.accuracy()];
        let held = both.iter().map(|scores| coverage(scores));
        let held = held.fold(1.0, f64::min);
        (held >= share - chance(share, both[0].len()), held)
    }

    /// A line of the table.
    pub fn line(&self) -> String {
        let (rep, abs) = (self.confidence(|_| true), self.accuracy());
        let percent = |share: f64| 100.0 * share;
        let (long, refused) = self.refused();
        let given = rep.len();
        format!(
            "{:16} {:8} {:5} {:4}/{:<4} | {:5.1} {:7.3} {:7.3} {:5.2} {:5.2} | {:5.1} {:6.2} {:6.2} {:5.2} {:5.2} | {:6.3} {:6.3} | {:5.1}",
            self.model.name,
            format!("{:?}", self.kind),
            given,
            refused,
            long,
            percent(coverage(&rep)),
            percent(quantile(rep.iter().map(|score| score.half), 0.5)),
            percent(quantile(rep.iter().map(|score| score.error), 0.95)),
            medians(&rep),
            width(&rep, 0.95),
            percent(coverage(&abs)),
            percent(quantile(abs.iter().map(|score| score.half), 0.5)),
            percent(quantile(abs.iter().map(|score| score.error), 0.95)),
            medians(&abs),
            width(&abs, 0.95),
            percent(self.half_at(5.0)),
            percent(self.half_at(10.0)),
            percent(self.naive()),
        )
    }

    /// Why trials have no result, and where the confidence interval holds: by the load's shape and by halves of each draw.
    pub fn details(&self) -> String {
        let mut text = String::new();
        for (reason, outcomes) in self.reasons() {
            let _ = write!(text, "    refused {}: {reason}; median", outcomes.len());
            for (name, of) in DRAWS {
                let middle = quantile(outcomes.iter().map(|outcome| of(outcome)), 0.5);
                let _ = write!(text, " {name} {middle:.1}");
            }
            let reason = outcomes[0].estimate.as_ref().err().map(ToString::to_string);
            let seed = outcomes[0].seed;
            let _ = writeln!(text, "; seed {seed}: {}", reason.unwrap_or_default());
        }
        text += "    holds, %:";
        for shape in SHAPES {
            let scores = self.confidence(|outcome| outcome.program.shape == shape);
            let _ = write!(text, " {shape:?} {:.0}", 100.0 * coverage(&scores));
        }
        for (name, of) in DRAWS {
            let middle = quantile(self.outcomes.iter().map(of), 0.5);
            let below = self.confidence(|outcome| of(outcome) < middle);
            let above = self.confidence(|outcome| of(outcome) >= middle);
            let held = |scores: &[Score]| 100.0 * coverage(scores);
            let _ = write!(
                text,
                "; {name} <|> {middle:.2}: {:.0}|{:.0}",
                held(&below),
                held(&above)
            );
        }
        if self.kind == Kind::InLoad {
            let _ = write!(text, "; as if shown {:.0} ms late", 1e3 * self.late());
        }
        text.push('\n');
        let mut missed: Vec<_> = self
            .outcomes
            .iter()
            .filter_map(|outcome| Some((outcome, confidence(outcome)?)))
            .filter(|(_, score)| !score.held)
            .collect();
        missed.sort_by(|a, b| (b.1.error / b.1.half).total_cmp(&(a.1.error / a.1.half)));
        for (outcome, score) in missed.iter().take(2) {
            let signed = outcome.estimate.as_ref().map_or(0.0, |e| e.joules) - outcome.through;
            let _ = writeln!(
                text,
                "    seed {} {:?}, {:.1} s: off {:+.3} %, half {:.3} %, delay {:.0} ms, read {:.1} ms, noise {:.1} % of {:.0} ms",
                outcome.seed,
                outcome.program.shape,
                outcome.window,
                100.0 * signed / outcome.through,
                100.0 * score.half,
                1e3 * outcome.hidden.delay,
                1e3 * outcome.latency,
                100.0 * outcome.program.noise,
                1e3 * outcome.program.grain,
            );
        }
        text
    }

    /// The additional delay in seconds that would explain the errors best: power that falls but is shown late is
    /// overestimated.
    fn late(&self) -> f64 {
        let (mut both, mut square) = (0.0, 0.0);
        for outcome in &self.outcomes {
            if let Ok(estimate) = &outcome.estimate {
                both += (estimate.joules - outcome.through) * outcome.fall;
                square += outcome.fall.powi(2);
            }
        }
        both / square
    }

    fn reasons(&self) -> BTreeMap<String, Vec<&Outcome>> {
        let mut reasons: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for outcome in &self.outcomes {
            if let Err(refusal) = &outcome.estimate {
                let reason = general(&refusal.reason);
                reasons.entry(reason).or_default().push(outcome);
            }
        }
        reasons
    }
}

/// The draws to inspect if intervals do not hold.
type Draw = (&'static str, fn(&Outcome) -> f64);
const DRAWS: [Draw; 5] = [
    ("seconds", |outcome| outcome.window),
    ("delay ms", |outcome| 1e3 * outcome.hidden.delay),
    ("read ms", |outcome| 1e3 * outcome.latency),
    ("noise %", |outcome| 100.0 * outcome.program.noise),
    ("heating %", |outcome| 100.0 * outcome.program.heating),
];

/// The table's head.
pub const HEAD: &str = "                                          | confidence interval               | accuracy interval                 | half, median % | naive\n\
                        instrument       window   given refused   | held  half    p95err  med.  need  | held  half   p95err med.  need  | 5 s    10 s   | held";

/// The confidence interval must contain the true joules scaled by gain and offset.
fn confidence(outcome: &Outcome) -> Option<Score> {
    let estimate = outcome.estimate.as_ref().ok()?;
    Some(Score {
        error: (estimate.joules - outcome.through).abs() / outcome.through,
        half: estimate.ci.half() / outcome.through,
        held: estimate.ci.holds(outcome.through),
    })
}

/// The accuracy interval must contain the true joules.
fn accuracy(outcome: &Outcome) -> Option<Score> {
    let estimate = outcome.estimate.as_ref().ok()?;
    Some(Score {
        error: (estimate.joules - outcome.truth).abs() / outcome.truth,
        half: estimate.accuracy.half() / outcome.truth,
        held: estimate.accuracy.holds(outcome.truth),
    })
}

fn coverage(scores: &[Score]) -> f64 {
    let held: Vec<bool> = scores.iter().map(|score| score.held).collect();
    share(&held)
}

/// The median half-width over the error that 95 % of trials stayed below.
fn medians(scores: &[Score]) -> f64 {
    quantile(scores.iter().map(|score| score.half), 0.5)
        / quantile(scores.iter().map(|score| score.error), 0.95)
}

/// By how much all intervals could shrink and still hold `share`: each trial's width is compared with its own error, so
/// that wide intervals of bad trials do not offset narrow ones of good trials.
fn width(scores: &[Score], share: f64) -> f64 {
    1.0 / quantile(scores.iter().map(|score| score.error / score.half), share)
}

fn share(held: &[bool]) -> f64 {
    held.iter().filter(|&&held| held).count() as f64 / held.len() as f64
}

pub fn quantile(values: impl Iterator<Item = f64>, share: f64) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        len => sorted[((len - 1) as f64 * share).round() as usize],
    }
}

/// A reason without its numbers.
fn general(reason: &str) -> String {
    let mut text = String::new();
    for letter in reason.chars() {
        let number = letter.is_ascii_digit() || (letter == '.' && text.ends_with('#'));
        match number {
            true if text.ends_with('#') => {}
            true => text.push('#'),
            false => text.push(letter),
        }
    }
    text
}
