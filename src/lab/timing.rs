//! What a launch took: seconds and joules a dispatch.

use std::fmt;

use crate::energy::SourceResult;

/// The clock a time was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Clock {
    /// The device's own, at both ends of a pass.
    Device,
    /// The host's, from submission to the end of the wait; the submission's own cost is in it, spread over its dispatches.
    Host,
}

/// Seconds a dispatch, over several submissions of many dispatches each.
///
/// ```
/// use wattgrad::internals::lab::{Clock, Timing};
///
/// let timing = Timing::new(&[2e-3, 4e-3, 3e-3], 100, Clock::Host);
/// assert_eq!(timing.to_string(), "30.00 us a dispatch (20.00 to 40.00; 3 x 100 dispatches, host's clock)");
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Timing {
    /// The median.
    pub seconds: f64,
    /// The shortest.
    pub shortest: f64,
    /// The longest.
    pub longest: f64,
    /// Every sample, in the order taken.
    pub samples: Vec<f64>,
    /// Dispatches of a sample.
    pub dispatches: u32,
    /// The clock.
    pub clock: Clock,
}

impl Timing {
    /// From the seconds of each submission of `dispatches`.
    #[must_use]
    pub fn new(submissions: &[f64], dispatches: u32, clock: Clock) -> Self {
        let each = f64::from(dispatches.max(1));
        let samples: Vec<f64> = submissions.iter().map(|seconds| seconds / each).collect();
        let mut sorted = samples.clone();
        sorted.sort_by(f64::total_cmp);
        let at = |place: usize| sorted.get(place).copied().unwrap_or(f64::NAN);
        let last = sorted.len().saturating_sub(1);
        Self {
            seconds: f64::midpoint(at(last / 2), at(last.div_ceil(2))),
            shortest: at(0),
            longest: at(last),
            samples,
            dispatches,
            clock,
        }
    }
}

impl fmt::Display for Timing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.2} us a dispatch ({:.2} to {:.2}; {} x {} dispatches, {} clock)",
            self.seconds * 1e6,
            self.shortest * 1e6,
            self.longest * 1e6,
            self.samples.len(),
            self.dispatches,
            match self.clock {
                Clock::Device => "device's",
                Clock::Host => "host's",
            }
        )
    }
}

/// What many dispatches cost, source by source.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Metered {
    /// Dispatches in the window.
    pub dispatches: u64,
    /// Seconds of the window.
    pub seconds: f64,
    /// A row a source: joules of the whole window, or the reason there are none.
    pub energy: Vec<SourceResult>,
}

impl fmt::Display for Metered {
    /// A line a source: joules a dispatch beside what stands in the row, or why there are none.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.energy.is_empty() {
            return f.write_str("no source was asked for");
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
                write!(f, "{:.3} uJ a dispatch; ", joules * 1e6)?;
            }
            write!(f, "{row}")?;
        }
        Ok(())
    }
}
