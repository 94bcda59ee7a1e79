//! Joules over time as the readings of a result show them.

use super::figure::RawUnit;
use super::sensor::Quantity;
use super::source_result::SourceResult;

/// Joules since the first reading at each update of the sensor.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cumulative {
    /// Seconds on the monotonic clock and joules, in order of time; at least one point.
    pub points: Vec<(f64, f64)>,
    /// Start and end of the window.
    pub window: (f64, f64),
    /// Whether the sensor shows watts, and not joules.
    pub is_power: bool,
}

impl SourceResult {
    /// The readings as joules over time; `None` without readings, and for CPU time without the watts that its joules assume.
    pub(crate) fn cumulative(&self) -> Option<Cumulative> {
        let (first, last) = (self.readings.first()?, self.readings.last()?);
        let spec = self.basis.as_ref().map(|basis| basis.spec);
        let is_power = match &spec {
            Some(spec) => spec.is_power(),
            None => matches!(first.unit, RawUnit::Milliwatt | RawUnit::Microwatt),
        };
        if spec.is_none() && first.unit == RawUnit::Nanosecond {
            return None;
        }
        let scale = spec.map_or(first.unit.scale(), |spec| spec.scale);
        let wraps_at = spec.and_then(|spec| match spec.quantity {
            Quantity::Energy { wraps_at } => wraps_at,
            Quantity::Power { .. } => None,
        });
        let mut joules = 0.0;
        let mut points = vec![(first.at.monotonic, 0.0)];
        for pair in self.readings.windows(2) {
            let seconds = pair[1].at.monotonic - pair[0].at.monotonic;
            let (before, after) = (pair[0].value, pair[1].value);
            if is_power {
                joules += f64::midpoint(before as f64, after as f64) * scale * seconds;
            } else if before == after {
                continue;
            } else {
                let wrapped = wraps_at.map_or(0, |at| at.saturating_sub(before) + after);
                let counts = after.checked_sub(before).unwrap_or(wrapped);
                joules += counts as f64 * scale;
            }
            points.push((pair[1].at.monotonic, joules));
        }
        let begin = first.at.monotonic;
        let end = self
            .seconds
            .map_or(last.at.monotonic, |seconds| begin + seconds);
        Some(Cumulative {
            points,
            window: self
                .basis
                .as_ref()
                .map_or((begin, end), |basis| basis.window),
            is_power,
        })
    }
}

impl Cumulative {
    /// Joules at `time`, on the straight lines between the points and their continuation beyond the ends.
    pub fn at(&self, time: f64) -> f64 {
        let (before, after) = self.segment(time);
        match after.0 > before.0 {
            true => before.1 + self.watts(time) * (time - before.0),
            false => before.1,
        }
    }

    /// Watts at `time`: the mean between the two points around it.
    pub fn watts(&self, time: f64) -> f64 {
        let (before, after) = self.segment(time);
        match after.0 > before.0 {
            true => (after.1 - before.1) / (after.0 - before.0),
            false => 0.0,
        }
    }

    /// The joules that the sensor showed last at `time`.
    pub fn shown(&self, time: f64) -> f64 {
        let next = self.points.partition_point(|point| point.0 <= time);
        self.points[next.saturating_sub(1)].1
    }

    /// The two points around `time`, the first or the last two outside.
    fn segment(&self, time: f64) -> ((f64, f64), (f64, f64)) {
        let last = self.points.len() - 1;
        let after = self.points.partition_point(|point| point.0 < time);
        let after = after.clamp(1.min(last), last);
        (self.points[after.saturating_sub(1)], self.points[after])
    }
}
