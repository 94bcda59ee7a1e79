//! Joules from the readings of an energy counter, with faulty counters rejected.

use super::figure::Reading;
use super::sensor::{Quantity, SensorSpec, Unavailable};

/// A counter of unknown update interval is assumed to show what it counted within this time.
const UNKNOWN_UPDATE_SECONDS: f64 = 1.0;

/// Joules since the first reading, at each reading of a counter.
///
/// # Errors
/// A counter that stood still, ran backwards, jumped, read 0 or its type's maximum, or could have wrapped twice unseen.
pub(crate) fn joules(
    spec: &SensorSpec,
    readings: &[Reading],
    update_interval: Option<f64>,
) -> Result<Vec<f64>, Unavailable> {
    let (Some(first), Some(last)) = (readings.first(), readings.last()) else {
        return Err(Unavailable::new("the counter was not read"));
    };
    let wraps_at = match spec.quantity {
        Quantity::Energy { wraps_at } => wraps_at,
        Quantity::Power { .. } => None,
    };
    // A counter that wraps can be read just as it restarts.
    let restarts = wraps_at.is_some() && readings.iter().any(|reading| reading.value > 0);
    let mut total: u128 = 0;
    let mut joules = Vec::with_capacity(readings.len());
    for (at, reading) in readings.iter().enumerate() {
        if !(reading.value == 0 && restarts) {
            supported(reading.value, wraps_at).map_err(Unavailable::new)?;
        }
        if at > 0 {
            let pair = (&readings[at - 1], reading);
            total += u128::from(step(spec, wraps_at, pair, update_interval)?);
        }
        joules.push(total as f64 * spec.scale);
    }
    if total == 0 {
        return Err(Unavailable::new(format!(
            "the counter stayed at {} {} for the whole {:.3} s",
            last.value,
            spec.unit.symbol(),
            last.at.monotonic - first.at.monotonic,
        ))
        .longer_window());
    }
    Ok(joules)
}

/// Units counted from one reading to the next.
fn step(
    spec: &SensorSpec,
    wraps_at: Option<u64>,
    (from, to): (&Reading, &Reading),
    update_interval: Option<f64>,
) -> Result<u64, Unavailable> {
    let unit = spec.unit.symbol();
    // A change that is published at once can hold the energy of a whole update interval.
    let interval = update_interval.unwrap_or(UNKNOWN_UPDATE_SECONDS);
    let gap = (to.at.monotonic - from.at.monotonic).max(0.0) + interval;
    let most = spec.max_watts * gap / spec.scale;
    if let Some(range) = wraps_at.filter(|&range| most >= range as f64) {
        return Err(Unavailable::new(format!(
            "the counter was not read for {gap:.1} s and wraps every {range} {unit}, so a wrap may be missed"
        )));
    }
    let (a, b) = (from.value, to.value);
    let step = match (b.checked_sub(a), wraps_at) {
        (Some(step), _) => step,
        (None, Some(range)) => range.saturating_sub(a).saturating_add(b),
        (None, None) => {
            return Err(Unavailable::new(format!(
                "the counter went backwards, from {a} to {b} {unit}: the driver was reset or reloaded"
            )));
        }
    };
    if step as f64 > most {
        return Err(Unavailable::new(format!(
            "the counter jumped from {a} to {b} {unit} within {gap:.3} s, more than the possible {} W",
            spec.max_watts
        )));
    }
    Ok(step)
}

/// Rejects the values that drivers show where they have no counter.
pub(crate) fn supported(value: u64, wraps_at: Option<u64>) -> Result<(), String> {
    match value {
        0 => Err("the counter reads 0, as from drivers without a counter".into()),
        u64::MAX => Err(
            "the counter reads the maximum of its type, as from drivers without a counter".into(),
        ),
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
    use super::super::figure::RawUnit;
    use super::*;

    const RANGE: u64 = 262_143_328_850;

    fn board() -> SensorSpec {
        SensorSpec::energy(RawUnit::Millijoule, 10_000.0, 0.1)
    }

    fn package() -> SensorSpec {
        SensorSpec::energy(RawUnit::Microjoule, 2_000.0, 0.001).wrapping_at(RANGE)
    }

    fn of(
        spec: SensorSpec,
        points: &[(f64, u64)],
        interval: Option<f64>,
    ) -> Result<Vec<f64>, Unavailable> {
        let readings = points.iter().map(|&(monotonic, value)| Reading {
            value,
            unit: spec.unit,
            at: Moment {
                monotonic,
                unix: 1.7e9 + monotonic,
            },
            read_seconds: 0.004,
        });
        joules(&spec, &readings.collect::<Vec<_>>(), interval)
    }

    fn total(spec: SensorSpec, points: &[(f64, u64)]) -> f64 {
        *of(spec, points, Some(0.001)).unwrap().last().unwrap()
    }

    #[track_caller]
    fn rejects(spec: SensorSpec, points: &[(f64, u64)], interval: Option<f64>, with: &str) {
        let reason = of(spec, points, interval).unwrap_err().reason;
        assert!(reason.contains(with), "`{with}` is not in `{reason}`");
    }

    #[test]
    fn rejects_faulty_counters() {
        let rejects =
            |points: &[(f64, u64)], interval, with| rejects(board(), points, interval, with);
        rejects(&[(0.0, 77), (5.0, 77)], Some(0.1), "stayed at 77 mJ");
        rejects(&[(0.0, 900), (5.0, 200)], Some(0.1), "backwards");
        rejects(&[(0.0, 0), (5.0, 0)], None, "reads 0");
        rejects(&[(0.0, 0), (5.0, 900)], None, "reads 0");
        rejects(&[(0.0, 900), (5.0, u64::MAX)], None, "maximum");
        rejects(&[(0.0, 900), (5.0, u64::MAX - 40)], Some(0.1), "jumped");
        rejects(&[], None, "not read");
        rejects(&[(0.0, 900)], None, "stayed");
    }

    #[test]
    fn rejects_a_value_above_the_counters_range() {
        let points = [(0.0, 5), (1.0, 300_000_000_000)];
        rejects(package(), &points, None, "above its own maximum");
    }

    #[test]
    fn adds_a_wrap_and_rejects_a_missed_one() {
        let over = [(0.0, RANGE - 10_000_000), (5.0, 40_000_000)];
        assert!((total(package(), &over) - 50.0).abs() < 1e-9);
        let on_it = [(0.0, RANGE - 10_000_000), (1.0, 0), (5.0, 40_000_000)];
        assert!((total(package(), &on_it) - 50.0).abs() < 1e-9);
        rejects(package(), &[(0.0, 0), (5.0, 0)], None, "reads 0");

        // Read every 10 s, an hour at 300 W wraps four times and is still exact.
        let hour: Vec<(f64, u64)> = (0..=360)
            .map(|i| (f64::from(i) * 10.0, (1 + i as u64 * 3_000_000_000) % RANGE))
            .collect();
        assert!((total(package(), &hour) - 1_080_000.0).abs() < 1e-3);

        // Read at its ends alone, the number of wraps is unknown.
        let ends = [(0.0, 1), (3600.0, 31_426_684_600)];
        rejects(package(), &ends, None, "wrap may be missed");
    }

    #[test]
    fn does_not_take_a_reset_for_a_wrap() {
        let reset = [(0.0, 50_000_000_000), (5.0, 1_000)];
        rejects(package(), &reset, Some(0.001), "jumped");
    }
}
