//! Where readings of a power sensor are missing.

use super::figure::Reading;
use super::sensor::SensorSpec;

/// A gap between readings of more than this many usual gaps is a hole,
const HOLE: f64 = 2.5;
/// and of more than this many long ones.
const LONG: f64 = 1.5;

/// From one reading to the next where it came far too late, and what the power may have been there.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Holes {
    all: Vec<(f64, f64)>,
    /// The lowest and the highest watts of all readings.
    pub range: (f64, f64),
}

impl Holes {
    /// `update_interval`: of a sensor that is polled. A record keeps no reading within a plateau of such a sensor, so between
    /// equal readings it has no hole.
    pub(crate) fn of(
        spec: &SensorSpec,
        update_interval: Option<f64>,
        readings: &[Reading],
    ) -> Self {
        let each = spec.shows_each_update();
        let time = |reading: &Reading| reading.at.monotonic;
        let pairs = || readings.windows(2);
        let mut gaps: Vec<f64> = pairs()
            .map(|pair| time(&pair[1]) - time(&pair[0]))
            .collect();
        gaps.sort_by(f64::total_cmp);
        let (Some(&median), Some(&long)) =
            (gaps.get(gaps.len() / 2), gaps.get(gaps.len() * 19 / 20))
        else {
            return Self::default();
        };
        let usual = match update_interval.filter(|_| !each) {
            Some(interval) => interval.max(median),
            None => median,
        };
        let longest = (HOLE * usual).max(LONG * long.min(4.0 * usual));
        let holes = pairs()
            .filter(|pair| each || pair[0].value != pair[1].value)
            .map(|pair| (time(&pair[0]), time(&pair[1])))
            .filter(|(from, to)| to - from > longest);
        let watts = || {
            readings
                .iter()
                .map(|reading| reading.value as f64 * spec.scale)
        };
        Self {
            all: holes.collect(),
            range: (
                watts().fold(f64::INFINITY, f64::min),
                watts().fold(0.0, f64::max),
            ),
        }
    }

    /// The holes of a window, cut to it, longest first.
    pub(crate) fn within(&self, from: f64, to: f64) -> Vec<(f64, f64)> {
        let first = self.all.partition_point(|hole| hole.1 <= from);
        let own = self.all[first..].iter().take_while(|hole| hole.0 < to);
        let mut cut: Vec<_> = own.map(|hole| (hole.0.max(from), hole.1.min(to))).collect();
        cut.sort_by(|a, b| (b.1 - b.0).total_cmp(&(a.1 - a.0)));
        cut
    }

    /// Whether a hole ends at `time`.
    pub(crate) fn ends_at(&self, time: f64) -> bool {
        let at = self.all.partition_point(|hole| hole.1 < time);
        self.all.get(at).is_some_and(|hole| hole.1 == time)
    }
}
