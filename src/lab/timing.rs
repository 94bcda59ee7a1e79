//! Seconds and joules per dispatch.

use std::fmt;

use statrs::distribution::{Binomial, ContinuousCDF as _, DiscreteCDF as _, StudentsT};

use crate::energy::{Interval, SourceResult};

/// The clock of a timing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TimingClock {
    /// The device's timestamps at both ends of a pass.
    Device,
    /// The host's clock, from submission to completion; it includes the cost of the submission, spread over its dispatches.
    Host,
}

impl TimingClock {
    /// The name in output: `device` or `host`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Host => "host",
        }
    }
}

/// Seconds per dispatch, over several submissions of many dispatches each.
///
/// ```
/// use wattgrad::{TimingClock, KernelTiming};
///
/// let timing = KernelTiming::new(&[2e-3, 4e-3, 3e-3], 100, TimingClock::Host);
/// assert_eq!(timing.to_string(), "30.00 us per dispatch (20.00 to 40.00; 3 x 100 dispatches, host clock)");
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct KernelTiming {
    /// Median.
    pub seconds: f64,
    /// Lowest.
    pub lowest: f64,
    /// Highest.
    pub highest: f64,
    /// Every sample, in order.
    pub samples: Vec<f64>,
    /// Dispatches per sample.
    pub dispatches: u32,
    /// The clock.
    pub clock: TimingClock,
}

impl KernelTiming {
    /// From the seconds of each submission of `dispatches`.
    #[must_use]
    pub fn new(submissions: &[f64], dispatches: u32, clock: TimingClock) -> Self {
        let each = f64::from(dispatches.max(1));
        let samples: Vec<f64> = submissions.iter().map(|seconds| seconds / each).collect();
        let mut sorted = samples.clone();
        sorted.sort_by(f64::total_cmp);
        let at = |place: usize| sorted.get(place).copied().unwrap_or(f64::NAN);
        let last = sorted.len().saturating_sub(1);
        Self {
            seconds: f64::midpoint(at(last / 2), at(last.div_ceil(2))),
            lowest: at(0),
            highest: at(last),
            samples,
            dispatches,
            clock,
        }
    }
}

impl KernelTiming {
    /// The 95 % confidence interval of the median by the ranks of the samples, distribution-free; `None` for fewer than six
    /// samples.
    #[must_use]
    pub fn ci(&self) -> Option<Interval> {
        let mut sorted = self.samples.clone();
        sorted.sort_by(f64::total_cmp);
        let count = sorted.len();
        let half = Binomial::new(0.5, count as u64).ok()?;
        // The k-th lowest to the k-th highest, with the largest k whose binomial tails have at most 2.5 % each.
        let ranks = (0..count as u64 / 2).take_while(|&rank| half.cdf(rank) <= 0.025);
        let k = ranks.count();
        (k > 0).then(|| Interval {
            low: sorted[k - 1],
            high: sorted[count - k],
        })
    }
}

impl fmt::Display for KernelTiming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.2} us per dispatch ({:.2} to {:.2}; {} x {} dispatches, {} clock)",
            self.seconds * 1e6,
            self.lowest * 1e6,
            self.highest * 1e6,
            self.samples.len(),
            self.dispatches,
            self.clock.name()
        )
    }
}

/// The mean and its 95 % confidence interval by Student's t; without an interval for fewer than two samples. Means add up where
/// medians do not: other work on the machine disturbs few short samples much, and every long sample a little.
pub fn mean(samples: &[f64]) -> (f64, Option<Interval>) {
    let count = samples.len() as f64;
    let mean = samples.iter().sum::<f64>() / count;
    let squares: f64 = samples.iter().map(|sample| (sample - mean).powi(2)).sum();
    let t = StudentsT::new(0.0, 1.0, count - 1.0).map(|t| t.inverse_cdf(0.975));
    let half = |t: f64| t * (squares / (count - 1.0) / count).sqrt();
    (mean, t.ok().map(|t| Interval::around(mean, half(t))))
}

/// The energy of many dispatches.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct KernelEnergy {
    /// Dispatches in the window.
    pub dispatches: u64,
    /// Seconds of the window.
    pub seconds: f64,
    /// One result per source: joules of the whole window, or the reason why there are none.
    pub energy: Vec<SourceResult>,
}

impl fmt::Display for KernelEnergy {
    /// One line per source: joules per dispatch and the source's result.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.energy.is_empty() {
            return f.write_str("no source was selected");
        }
        for (at, row) in self.energy.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            let measured = row
                .measured()
                .and_then(|joules| joules.per(self.dispatches))
                .map(|each| each.joules());
            let assumed = row.assumed().and_then(|joules| joules.per(self.dispatches));
            if let Some(joules) = measured.or(assumed) {
                write!(f, "{:.3} uJ per dispatch; ", joules * 1e6)?;
            }
            write!(f, "{row}")?;
        }
        Ok(())
    }
}

#[test]
fn the_interval_of_the_median_has_the_ranks_of_tables() {
    let of = |count: u32| {
        let samples: Vec<f64> = (1..=count).map(f64::from).collect();
        KernelTiming::new(&samples, 1, TimingClock::Host).ci()
    };
    let ranks = |low, high| Some(Interval { low, high });
    // Ranks as in tables of the sign test.
    assert_eq!((of(5), of(6)), (None, ranks(1.0, 6.0)));
    assert_eq!((of(10), of(30)), (ranks(2.0, 9.0), ranks(10.0, 21.0)));
}

#[test]
fn the_interval_of_the_mean_is_that_of_students_t() {
    let (found, ci) = mean(&[1.0, 2.0, 3.0, 4.0]);
    // t is 3.1824 with three degrees of freedom, the standard error 0.6455.
    assert!((found - 2.5).abs() < 1e-12 && (ci.unwrap().half() - 2.0543).abs() < 1e-3);
    assert_eq!(mean(&[7.0]), (7.0, None));
}
