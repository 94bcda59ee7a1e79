//! What the readings of an energy counter amount to, and when they amount to nothing.

use super::figure::{RawUnit, Reading};
use super::sensor::Unavailable;

/// Within what time a counter whose tick is not known is taken to show what it counted.
const UNSEEN_TICK_SECONDS: f64 = 1.0;

/// What is known of a counter beforehand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counter {
    /// The unit of its readings.
    pub unit: RawUnit,
    /// Joules per unit.
    pub scale: f64,
    /// Where it begins again at 0; `None` for a counter that never does in practice.
    pub wraps_at: Option<u64>,
    /// More power than what it covers could ever draw. A step above it is a counter that lies (an underflow, a reset
    /// taken for a wrap), not a load.
    pub max_watts: f64,
}

impl Counter {
    /// Joules since the first reading, at each reading.
    ///
    /// # Errors
    /// A counter that stood still, ran backwards, jumped, read 0 or its type's maximum, or could have wrapped twice
    /// unseen.
    pub(crate) fn unwrap(
        &self,
        readings: &[Reading],
        update_interval_seconds: Option<f64>,
    ) -> Result<Vec<f64>, Unavailable> {
        let (Some(first), Some(last)) = (readings.first(), readings.last()) else {
            return Err(Unavailable::new("the counter was not read"));
        };
        // A counter that begins again may be read just as it does.
        let begins_again =
            self.wraps_at.is_some() && readings.iter().any(|reading| reading.value > 0);
        let mut total: u128 = 0;
        let mut joules = Vec::with_capacity(readings.len());
        for (at, reading) in readings.iter().enumerate() {
            if !(reading.value == 0 && begins_again) {
                supported(reading.value, self.wraps_at).map_err(Unavailable::new)?;
            }
            if at > 0 {
                total +=
                    u128::from(self.step(&readings[at - 1], reading, update_interval_seconds)?);
            }
            joules.push(total as f64 * self.scale);
        }
        if total == 0 {
            return Err(Unavailable::new(format!(
                "the counter stood at {} {} for the whole {:.3} s it was read",
                last.value,
                self.unit.symbol(),
                last.at.monotonic - first.at.monotonic,
            ))
            .with_fix("meter a longer window"));
        }
        Ok(joules)
    }

    /// Units counted from one reading to the next.
    fn step(
        &self,
        from: &Reading,
        to: &Reading,
        update_interval_seconds: Option<f64>,
    ) -> Result<u64, Unavailable> {
        let unit = self.unit.symbol();
        // A change that is published at once may hold a whole tick's energy; a tick not seen is taken to be a second.
        let tick = update_interval_seconds.unwrap_or(UNSEEN_TICK_SECONDS);
        let gap = (to.at.monotonic - from.at.monotonic).max(0.0) + tick;
        let most = self.max_watts * gap / self.scale;
        if let Some(range) = self.wraps_at.filter(|&range| most >= range as f64) {
            return Err(Unavailable::new(format!(
                "the counter was not read for {gap:.1} s and begins again every {range} {unit}, so a wrap may be missed"
            )));
        }
        let step = match (to.value.checked_sub(from.value), self.wraps_at) {
            (Some(step), _) => step,
            (None, Some(range)) => range.saturating_sub(from.value).saturating_add(to.value),
            (None, None) => {
                return Err(Unavailable::new(format!(
                    "the counter went backwards, from {} to {} {unit}: the driver was reset or loaded anew",
                    from.value, to.value
                )));
            }
        };
        if step as f64 > most {
            return Err(Unavailable::new(format!(
                "the counter jumped from {} to {} {unit} within {gap:.3} s, more than {} W could explain",
                from.value, to.value, self.max_watts
            )));
        }
        Ok(step)
    }
}

/// A value that real counters never show: drivers put it where they have none.
pub(crate) fn supported(value: u64, wraps_at: Option<u64>) -> Result<(), String> {
    match value {
        0 => Err("the counter reads 0, as drivers do that have none".into()),
        u64::MAX => {
            Err("the counter reads its type's maximum, as drivers do that have none".into())
        }
        _ => match wraps_at.filter(|&range| value > range) {
            Some(range) => Err(format!(
                "the counter reads {value}, above its own maximum of {range}"
            )),
            None => Ok(()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::clock::Moment;
    use super::*;

    const BOARD: Counter = Counter {
        unit: RawUnit::Millijoule,
        scale: 1e-3,
        wraps_at: None,
        max_watts: 10_000.0,
    };
    const PACKAGE: Counter = Counter {
        unit: RawUnit::Microjoule,
        scale: 1e-6,
        wraps_at: Some(262_143_328_850),
        max_watts: 2_000.0,
    };

    fn readings(unit: RawUnit, points: &[(f64, u64)]) -> Vec<Reading> {
        points
            .iter()
            .map(|&(monotonic, value)| Reading {
                value,
                unit,
                at: Moment {
                    monotonic,
                    unix: 1.7e9 + monotonic,
                },
                read_seconds: 0.004,
            })
            .collect()
    }

    fn total(counter: Counter, points: &[(f64, u64)], tick: Option<f64>) -> f64 {
        let joules = counter
            .unwrap(&readings(counter.unit, points), tick)
            .unwrap();
        joules[joules.len() - 1]
    }

    fn refused(counter: Counter, points: &[(f64, u64)], tick: Option<f64>) -> String {
        counter
            .unwrap(&readings(counter.unit, points), tick)
            .unwrap_err()
            .reason
    }

    #[test]
    fn a_counter_that_lies_gives_no_figure() {
        assert!(refused(BOARD, &[(0.0, 77), (5.0, 77)], Some(0.1)).contains("stood at 77 mJ"));
        assert!(refused(BOARD, &[(0.0, 900), (5.0, 200)], Some(0.1)).contains("backwards"));
        assert!(refused(BOARD, &[(0.0, 0), (5.0, 0)], None).contains("reads 0"));
        assert!(refused(BOARD, &[(0.0, 0), (5.0, 900)], None).contains("reads 0"));
        assert!(refused(BOARD, &[(0.0, 900), (5.0, u64::MAX)], None).contains("maximum"));
        assert!(refused(BOARD, &[(0.0, 900), (5.0, u64::MAX - 40)], Some(0.1)).contains("jumped"));
        assert!(refused(BOARD, &[], None).contains("not read"));
        assert!(
            refused(PACKAGE, &[(0.0, 5), (1.0, 300_000_000_000)], None)
                .contains("above its own maximum")
        );
    }

    #[test]
    fn one_reading_is_no_window() {
        assert!(refused(BOARD, &[(0.0, 900)], None).contains("stood"));
    }

    #[test]
    fn a_wrap_is_added_and_a_missed_one_refused() {
        let range = 262_143_328_850;
        let over = [(0.0, range - 10_000_000), (5.0, 40_000_000)];
        assert!((total(PACKAGE, &over, Some(0.001)) - 50.0).abs() < 1e-9);
        let on_it = [(0.0, range - 10_000_000), (1.0, 0), (5.0, 40_000_000)];
        assert!((total(PACKAGE, &on_it, Some(0.001)) - 50.0).abs() < 1e-9);
        assert!(refused(PACKAGE, &[(0.0, 0), (5.0, 0)], None).contains("reads 0"));

        // Read every 10 s, an hour at 300 W wraps four times and is still exact.
        let hour: Vec<(f64, u64)> = (0..=360)
            .map(|i| (f64::from(i) * 10.0, (1 + i as u64 * 3_000_000_000) % range))
            .collect();
        assert!((total(PACKAGE, &hour, Some(0.001)) - 1_080_000.0).abs() < 1e-3);

        // Read at its ends alone it cannot be told how often it wrapped.
        assert!(
            refused(PACKAGE, &[(0.0, 1), (3600.0, 31_426_684_600)], None)
                .contains("wrap may be missed")
        );
    }

    #[test]
    fn a_reset_is_not_taken_for_a_wrap() {
        assert!(
            refused(PACKAGE, &[(0.0, 50_000_000_000), (5.0, 1_000)], Some(0.001))
                .contains("jumped")
        );
    }
}
