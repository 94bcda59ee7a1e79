//! How long repeated work is metered: as long as the slowest usable source needs, and until the samples of a part-time
//! sensor have covered the step.

use super::clock::Moment;
use super::estimate;
use super::figure::{Method, Reading};
#[cfg(feature = "gpu")]
use super::source_result::SourceResult;
use super::window::Window;

/// The updates that a window of repeated work should hold: with fewer, its ends matter.
const UPDATES: f64 = 60.0;
/// Seconds between two checks of the phases, since each goes through all readings.
const CHECK_SECONDS: f64 = 1.0;

/// Decides when a window of repeated work can end.
pub struct WindowLength {
    longest: f64,
    /// The window does not end before this.
    until: f64,
    intervals: Vec<(String, Method, f64)>,
}

impl WindowLength {
    /// From `shortest` seconds, or longer where a source needs it, to `longest`.
    pub fn between(shortest: f64, longest: f64) -> Self {
        Self {
            longest,
            until: shortest.min(longest),
            intervals: Vec::new(),
        }
    }

    /// With the update intervals that an earlier window has shown: a slow sensor may not update often enough to learn them
    /// again.
    #[cfg(feature = "gpu")]
    #[must_use]
    pub(crate) fn after(mut self, results: &[SourceResult]) -> Self {
        let known = results.iter().filter_map(|result| {
            // Every line of an external meter is new, so only their number shows the update interval.
            let counted = || Some(result.seconds? / result.updates? as f64);
            let interval = result.update_interval_seconds.or_else(counted)?;
            Some((result.source.clone(), result.method, interval))
        });
        self.intervals.extend(known);
        self
    }

    /// Whether the work should continue; to be called while it does.
    pub fn should_continue(&mut self, window: &Window) -> bool {
        let lasted = Moment::now().monotonic - window.from().monotonic;
        if lasted < self.until {
            return true;
        }
        if lasted >= self.longest {
            return false;
        }
        let needed = self.seconds_needed(window);
        if lasted < needed {
            self.until = needed;
            return true;
        }
        if window.covered() {
            return false;
        }
        self.until = (lasted + CHECK_SECONDS).min(self.longest);
        true
    }

    /// Seconds for the slowest source that is usable within the longest window.
    fn seconds_needed(&self, window: &Window) -> f64 {
        let each = window.charged().filter_map(|(opened, collector)| {
            let sensor = opened.sensor.as_ref().ok()?;
            let known = || {
                let same = (&opened.source, opened.method);
                let mut known = self.intervals.iter();
                known.find(|(source, method, _)| (source, *method) == same)
            };
            let interval = opened.model.update_interval.or_else(|| {
                collector
                    .inspect(|readings, interval| {
                        interval.or_else(|| mean_spacing(readings, sensor.keeps_record()))
                    })
                    .or_else(|| known().map(|known| known.2))
            });
            let interval = interval.filter(|_| !opened.is_continuous());
            let updates = UPDATES.max(sensor.least_updates() as f64);
            let (least, wanted) =
                estimate::seconds_needed(&sensor.spec(), &opened.model, interval, updates);
            // A sensor that needs more than the longest window does not count.
            (least <= self.longest).then(|| wanted.min(self.longest))
        });
        each.fold(0.0, f64::max)
    }
}

/// The mean time between two new values; of a sensor that keeps a record each reading is new.
fn mean_spacing(readings: &[Reading], keeps_record: bool) -> Option<f64> {
    let fresh = |pair: &&[Reading]| keeps_record || pair[0].value != pair[1].value;
    let count = readings.windows(2).filter(fresh).count();
    let (first, last) = (readings.first()?, readings.last()?);
    (count > 0).then(|| (last.at.monotonic - first.at.monotonic) / count as f64)
}
