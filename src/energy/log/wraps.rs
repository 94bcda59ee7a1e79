//! Counters that begin again at 0.

use super::error::LogError;
use crate::energy::cell::time::{self, SECOND, TimeUnit};
use crate::energy::cell::unit::Unit;

/// Ranges at which RAPL counters wrap, in joules.
const RAPL_RANGES: [f64; 3] = [262_143.328_850, 65_712.999_613, 65_532.610_987];
/// More than what RAPL counts draws.
const RAPL_WATTS: f64 = 1000.0;

/// A burst of a second may draw this beside ten times the power before.
const LEAST_JOULES: f64 = 50.0;

/// What is known of a counter's wraps up to a row.
pub struct Wraps {
    unit: Unit,
    time_unit: TimeUnit,
    /// Joules at which the user said that it wraps.
    stated: Option<f64>,
    /// Joules at which it wraps, as far as wraps have shown.
    range: f64,
    /// Joules of the row before.
    before: Option<f64>,
    /// Power between the two rows before.
    watts: f64,
    /// What wraps have added.
    added: f64,
    pub count: u64,
}

impl Wraps {
    pub fn new(unit: Unit, time_unit: TimeUnit, wraps_at: Option<f64>) -> Self {
        Self {
            unit,
            time_unit,
            stated: wraps_at.map(|at| at * unit.scale),
            range: RAPL_RANGES[0],
            before: None,
            watts: 0.0,
            added: 0.0,
            count: 0,
        }
    }

    /// Begins anew with the next value.
    pub fn reset(&mut self) {
        self.before = None;
        self.added = 0.0;
    }

    /// The joules of a row with the wraps before it. `at` and `gap` are its time and that since the row before, in
    /// nanoseconds.
    pub fn unwrapped(&mut self, value: f64, at: i64, gap: i64, line: u64) -> Result<f64, LogError> {
        let seconds = gap as f64 / SECOND as f64;
        let Some(before) = self.before.replace(value) else {
            return Ok(value + self.added);
        };
        // Microjoules below this are those of RAPL.
        let rapl = self.unit.scale == 1e-6 && value < RAPL_RANGES[0];
        let longest = match self.stated {
            Some(range) => range / self.watts.max(1e-9),
            None if rapl => self.range / RAPL_WATTS,
            None => f64::INFINITY,
        };
        if seconds > longest {
            return Err(LogError::MayWrap {
                seconds: time::seconds(gap),
                line,
            });
        }
        if value >= before {
            self.watts = (value - before) / seconds.max(1e-9);
            return Ok(value + self.added);
        }
        let range = self
            .stated
            .or_else(|| self.rapl_range(before, value, seconds));
        let Some(range) = range.filter(|range| before <= *range) else {
            return Err(LogError::CounterFell {
                before: before / self.unit.scale,
                after: value / self.unit.scale,
                unit: self.unit.symbol,
                at: time::written(at, self.time_unit),
                line,
            });
        };
        self.added += range;
        self.count += 1;
        self.range = range;
        Ok(value + self.added)
    }

    /// The range of RAPL that a counter wrapped at: nearly all of it was counted, and the energy is plausible and nearest
    /// to the power before.
    fn rapl_range(&self, before: f64, value: f64, seconds: f64) -> Option<f64> {
        let drawn = |range: f64| range - before + value;
        let fits = |range: &f64| {
            let most = match self.watts > 0.0 {
                true => 10.0 * self.watts * seconds + LEAST_JOULES,
                false => RAPL_WATTS * seconds.max(1.0),
            };
            let plausible = 0.0..=most;
            before > 0.9 * range && before <= *range && plausible.contains(&drawn(*range))
        };
        let off = |range: f64| (drawn(range) - self.watts * seconds).abs();
        let ranges = RAPL_RANGES.into_iter().filter(fits);
        ranges.min_by(|&a, &b| off(a).total_cmp(&off(b)))
    }
}
