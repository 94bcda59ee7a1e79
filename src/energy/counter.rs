//! What two or more readings of an energy counter amount to, and when they amount to nothing.

use super::clock;
use super::figure::{Reading, Unit};
use super::source::{Joules, Refusal};

/// Without a tick seen in half a second of watching, a shorter window than this gives no figure.
const UNSEEN_TICK_SECONDS: f64 = 1.0;

/// What is known of a counter beforehand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counter {
    /// The unit of its readings.
    pub unit: Unit,
    /// Where it begins again at 0; `None` for a counter that never does in practice.
    pub wraps_at: Option<u64>,
    /// More power than what it covers could ever draw. A step above it is a counter that lies (an underflow, a reset
    /// taken for a wrap), not a load.
    pub most_watts: f64,
}

impl Counter {
    /// Joules between the first and the last reading.
    ///
    /// Refused where the counter stood still, ran backwards, jumped, read 0 or its type's maximum, could have wrapped
    /// twice unseen, or where the window is shorter than two of the ticks seen (each edge may be off by one), or than a
    /// second where none were.
    pub(crate) fn settle(
        &self,
        readings: &[Reading],
        tick_seconds: Option<f64>,
    ) -> Result<Joules, Refusal> {
        let (Some(first), Some(last)) = (readings.first(), readings.last()) else {
            return Err(Refusal::new("the counter was not read"));
        };
        for reading in [first, last] {
            supported(reading.value, self.wraps_at).map_err(Refusal::new)?;
        }
        let mut total: u128 = 0;
        for pair in readings.windows(2) {
            total += u128::from(self.step(&pair[0], &pair[1], tick_seconds)?);
        }
        let seconds = last.at.monotonic - first.at.monotonic;
        let short = tick_seconds.filter(|tick| seconds < 2.0 * tick);
        if let Some(tick) = short {
            return Err(Refusal::new(format!(
                "the window of {seconds:.3} s is shorter than two of the counter's ticks of {tick:.3} s"
            ))
            .with_remedy("meter a longer window"));
        }
        if total == 0 {
            let value = last.value;
            let unit = self.unit.symbol();
            return Err(Refusal::new(format!(
                "the counter stood at {value} {unit} for the whole window of {seconds:.3} s"
            ))
            .with_remedy("meter a longer window"));
        }
        if tick_seconds.is_none() && seconds < UNSEEN_TICK_SECONDS {
            return Err(Refusal::new(format!(
                "no tick of the counter was seen, and a window of {seconds:.3} s may hold less than one"
            ))
            .with_remedy("meter a longer window"));
        }
        let joules = total as f64 * self.unit.scale();
        let uncertainty = tick_seconds.filter(|_| seconds > 0.0).map(|tick| {
            // Each edge lags by up to one tick, each read lies anywhere within its own duration, and the counter
            // itself is whole units.
            let edges = 2.0 * tick + (first.read_seconds + last.read_seconds) / 2.0;
            joules / seconds * edges + self.unit.scale()
        });
        Ok(Joules {
            joules,
            uncertainty,
        })
    }

    /// Units counted from one reading to the next.
    fn step(
        &self,
        from: &Reading,
        to: &Reading,
        tick_seconds: Option<f64>,
    ) -> Result<u64, Refusal> {
        let unit = self.unit.symbol();
        // A change that is published at once may hold a whole tick's energy; a tick not seen is taken to be a second.
        let tick = tick_seconds.unwrap_or(UNSEEN_TICK_SECONDS);
        let gap = (to.at.monotonic - from.at.monotonic).max(0.0) + tick;
        let most = self.most_watts * gap / self.unit.scale();
        if let Some(range) = self.wraps_at.filter(|&range| most >= range as f64) {
            return Err(Refusal::new(format!(
                "the counter was not read for {gap:.1} s and begins again every {range} {unit}, so a wrap may be missed"
            )));
        }
        let step = match (to.value.checked_sub(from.value), self.wraps_at) {
            (Some(step), _) => step,
            (None, Some(range)) => range.saturating_sub(from.value).saturating_add(to.value),
            (None, None) => {
                return Err(Refusal::new(format!(
                    "the counter went backwards, from {} to {} {unit}: the driver was reset or loaded anew",
                    from.value, to.value
                )));
            }
        };
        if step as f64 > most {
            return Err(Refusal::new(format!(
                "the counter jumped from {} to {} {unit} within {gap:.3} s, more than {} W could explain",
                from.value, to.value, self.most_watts
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

/// First and last reading, and both sides of each wrap: what is needed to compute the figure again.
pub(crate) fn essential(readings: &[Reading]) -> Vec<Reading> {
    let end = readings.len().saturating_sub(1);
    let falls = |index: usize| {
        index + 1 < readings.len() && readings[index + 1].value < readings[index].value
    };
    readings
        .iter()
        .enumerate()
        .filter(|&(index, _)| index == 0 || index == end || falls(index) || falls(index - 1))
        .map(|(_, reading)| *reading)
        .collect()
}

/// The sentence for a counter that did not move while it was watched.
pub(crate) fn still(seconds: f64) -> String {
    let watched = std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default();
    format!(
        "the counter did not move in the {} it was watched",
        clock::seconds(watched)
    )
}

#[cfg(test)]
mod tests {
    use super::super::clock::Moment;
    use super::*;

    const BOARD: Counter = Counter {
        unit: Unit::Millijoule,
        wraps_at: None,
        most_watts: 10_000.0,
    };
    const PACKAGE: Counter = Counter {
        unit: Unit::Microjoule,
        wraps_at: Some(262_143_328_850),
        most_watts: 2_000.0,
    };

    fn readings(unit: Unit, points: &[(f64, u64)]) -> Vec<Reading> {
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

    fn refused(counter: Counter, points: &[(f64, u64)], tick: Option<f64>) -> String {
        counter
            .settle(&readings(counter.unit, points), tick)
            .unwrap_err()
            .reason
    }

    #[test]
    fn a_steady_load_gives_its_joules_and_the_edges() {
        let got = BOARD.settle(
            &readings(Unit::Millijoule, &[(1.0, 5_000_000), (11.0, 7_500_000)]),
            Some(0.1),
        );
        let got = got.unwrap();
        assert!((got.joules - 2500.0).abs() < 1e-9);
        // 250 W x (0.1 s + 0.1 s + 4 ms) + 1 mJ
        assert!((got.uncertainty.unwrap() - 51.001).abs() < 1e-9, "{got:?}");
    }

    #[test]
    fn without_a_tick_seen_there_is_no_uncertainty() {
        let got = BOARD
            .settle(
                &readings(Unit::Millijoule, &[(1.0, 5_000), (2.0, 9_000)]),
                None,
            )
            .unwrap();
        assert_eq!(
            got,
            Joules {
                joules: 4.0,
                uncertainty: None
            }
        );
    }

    #[test]
    fn a_counter_that_lies_gives_no_figure() {
        assert!(refused(BOARD, &[(0.0, 77), (5.0, 77)], Some(0.1)).contains("stood at 77 mJ"));
        assert!(refused(BOARD, &[(0.0, 900), (5.0, 200)], Some(0.1)).contains("backwards"));
        assert!(refused(BOARD, &[(0.0, 0), (5.0, 0)], None).contains("reads 0"));
        assert!(refused(BOARD, &[(0.0, 0), (5.0, 900)], None).contains("reads 0"));
        assert!(refused(BOARD, &[(0.0, 900), (5.0, u64::MAX)], None).contains("maximum"));
        assert!(refused(BOARD, &[(0.0, 900), (5.0, u64::MAX - 40)], Some(0.1)).contains("jumped"));
        assert!(refused(BOARD, &[(0.0, 900), (0.15, 950)], Some(0.1)).contains("shorter than two"));
        assert!(refused(BOARD, &[(0.0, 900), (0.9, 950)], None).contains("no tick"));
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
        let got = PACKAGE
            .settle(&readings(Unit::Microjoule, &over), Some(0.001))
            .unwrap();
        assert!((got.joules - 50.0).abs() < 1e-9);

        // Read every 10 s, an hour at 300 W wraps four times and is still exact.
        let hour: Vec<(f64, u64)> = (0..=360)
            .map(|i| (f64::from(i) * 10.0, (1 + i as u64 * 3_000_000_000) % range))
            .collect();
        let hour = readings(Unit::Microjoule, &hour);
        let got = PACKAGE.settle(&hour, Some(0.001)).unwrap();
        assert!((got.joules - 1_080_000.0).abs() < 1e-3, "{got:?}");
        let kept = essential(&hour);
        assert_eq!(kept.len(), 2 + 2 * 4);
        let first_and_last: u64 = hour[360].value - hour[0].value;
        assert_eq!(first_and_last + 4 * range, 1_080_000_000_000);

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
