//! Sensors that fail while a window is open, in real time: never 0 J, a constant or NaN, and always a reason. A sensor
//! returns whole numbers, so it cannot read NaN; only the text of an external meter can (tests/energy_external).

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use wattgrad::internals::energy::{
    Edge, Estimate, Meter, MeterOptions, Moment, RawUnit, Reading, Recording, Scope, Sensor,
    SensorModel, SensorSpec, SourceResult, Status, Unavailable,
};

/// The fault begins after this time: after the pre-roll, within the window.
const FAULT_SECONDS: f64 = 1.6;
const WINDOW_SECONDS: f64 = 2.5;
/// Range of wrapping counters, mJ.
const RANGE: u64 = 200_000;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    Sticks,
    Reverses,
    AlwaysZero,
    Zeroes,
    Constant,
    Underflows,
    Forbidden,
    /// No fault: it wraps as specified.
    Wraps,
    /// A read takes so long that the counter wraps twice.
    WrapsTwice,
    ClockStepped,
}

/// A counter in mJ at a constant power.
struct Made {
    fault: Fault,
    watts: f64,
    tick: f64,
    born: Instant,
    stalled: AtomicBool,
}

impl Made {
    fn counted(&self, seconds: f64) -> u64 {
        let shown = (seconds / self.tick).floor() * self.tick;
        // Odd, so that no wrap ends on 0, which is rejected.
        90_000 + (shown * self.watts * 1e3) as u64
    }
}

impl Sensor for Made {
    fn spec(&self) -> SensorSpec {
        let spec = SensorSpec::energy(RawUnit::Millijoule, 400.0, self.tick);
        match self.fault {
            Fault::Wraps | Fault::WrapsTwice => spec.wrapping_at(RANGE),
            _ => spec,
        }
    }

    fn read(&self) -> Result<u64, Unavailable> {
        let age = self.born.elapsed().as_secs_f64();
        let broken = age >= FAULT_SECONDS;
        let right = self.counted(age);
        Ok(match self.fault {
            Fault::None | Fault::ClockStepped => right,
            Fault::AlwaysZero => 0,
            Fault::WrapsTwice if broken && !self.stalled.swap(true, Ordering::Relaxed) => {
                sleep(Duration::from_secs_f64(
                    2.2 * RANGE as f64 / 1e3 / self.watts,
                ));
                self.counted(self.born.elapsed().as_secs_f64()) % RANGE
            }
            Fault::Wraps | Fault::WrapsTwice => right % RANGE,
            _ if !broken => right,
            Fault::Sticks => self.counted(FAULT_SECONDS),
            Fault::Reverses => 2 * self.counted(FAULT_SECONDS) - right,
            Fault::Zeroes => 0,
            Fault::Constant => 7,
            Fault::Underflows => u64::MAX - 40,
            Fault::Forbidden => return Err(Unavailable::new("permission was taken away")),
        })
    }

    fn poll(&self, into: &mut Vec<Reading>) -> Result<(), Unavailable> {
        let value = self.read()?;
        let mut at = Moment::now();
        if self.fault == Fault::ClockStepped && self.born.elapsed().as_secs_f64() >= FAULT_SECONDS {
            at.unix -= 3600.0;
        }
        into.push(Reading {
            value,
            unit: RawUnit::Millijoule,
            at,
            read_seconds: 0.0,
        });
        Ok(())
    }
}

fn metered(fault: Fault, watts: f64, tick: f64, seconds: f64) -> SourceResult {
    let instrument = Made {
        fault,
        watts,
        tick,
        born: Instant::now(),
        stalled: AtomicBool::new(false),
    };
    // Independent of the calibrations of this user.
    let folder = tempfile::tempdir().unwrap();
    let options = MeterOptions {
        calibrations: Some(folder.path().to_owned()),
        ..Default::default()
    };
    let meter = Meter::of_sensor("made-up", Scope::Board, Box::new(instrument), &options);
    let (_, rows) = meter.measure(|| sleep(Duration::from_secs_f64(seconds)));
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows.into_iter().next().unwrap()
}

fn refused(fault: Fault, with: &str) {
    let watts = if fault == Fault::WrapsTwice {
        350.0
    } else {
        100.0
    };
    let row = metered(fault, watts, 0.02, WINDOW_SECONDS);
    let reason = row.reason.clone().unwrap_or_default();
    assert_eq!(
        (row.status, row.joules, row.ci_low, row.accuracy_high),
        (Status::Unavailable, None, None, None),
        "{fault:?}: {row}"
    );
    assert!(
        reason.contains(with),
        "{fault:?}: `{with}` is not in `{reason}`"
    );
}

fn right(fault: Fault, watts: f64) {
    let row = metered(fault, watts, 0.02, WINDOW_SECONDS);
    assert_eq!(row.status, Status::Measured, "{fault:?}: {row}");
    let truth = watts * row.seconds.unwrap();
    let interval = row.ci().unwrap();
    assert!(
        interval.low <= truth && truth <= interval.high,
        "{fault:?}: {truth} J are not in {interval:?}"
    );
}

/// Runs cases in parallel, which mostly wait.
fn together(cases: Vec<Box<dyn Fn() + Send>>) {
    let threads: Vec<_> = cases.into_iter().map(std::thread::spawn).collect();
    let failed = threads
        .into_iter()
        .filter_map(|thread| thread.join().err())
        .count();
    assert_eq!(failed, 0, "cases failed: see above");
}

#[test]
fn invalid_counter_has_a_reason_and_no_joules() {
    together(
        [
            (Fault::Sticks, "has stopped"),
            (Fault::Reverses, "backwards"),
            (Fault::AlwaysZero, "reads 0"),
            (Fault::Zeroes, "reads 0"),
            (Fault::Constant, "backwards"),
            (Fault::Underflows, "jumped"),
            (Fault::Forbidden, "permission was taken away"),
            (Fault::WrapsTwice, "wrap may be missed"),
        ]
        .map(|(fault, with)| Box::new(move || refused(fault, with)) as Box<dyn Fn() + Send>)
        .into(),
    );
}

#[test]
fn valid_counter_is_measured_in_the_same_conditions() {
    together(
        [
            (Fault::None, 100.0),
            (Fault::Wraps, 350.0),
            // Times come from the monotonic clock alone.
            (Fault::ClockStepped, 100.0),
        ]
        .map(|(fault, watts)| Box::new(move || right(fault, watts)) as Box<dyn Fn() + Send>)
        .into(),
    );
}

/// A short window may contain an update or not: its energy is unknown by a whole update, or missing.
#[test]
fn window_shorter_than_an_update_has_a_wide_interval_or_no_energy() {
    for seconds in [0.002, 0.03, 0.1] {
        let row = metered(Fault::None, 100.0, 0.4, seconds);
        match (row.joules, row.ci()) {
            (None, None) => assert!(row.reason.is_some(), "{row:?}"),
            (Some(joules), Some(interval)) => {
                let truth = 100.0 * row.seconds.unwrap();
                assert!(joules.is_finite() && joules > 0.0, "{row}");
                assert!(
                    interval.low <= truth && truth <= interval.high,
                    "{truth} J are not in {interval:?}"
                );
            }
            other => panic!("joules and interval go together: {other:?}"),
        }
    }
}

/// The energy by a power sensor that is updated every 0.1 s in steps of `step` milliwatts from 103 to 143 W, and shows a
/// constant value from `stops` on: its last, or `idle`.
fn powered(step: u64, stops: f64, idle: Option<u64>) -> Result<Estimate, Unavailable> {
    let mut draw = fastrand::Rng::with_seed(7);
    let mut value = 103_000;
    let readings = (0..2000u32).map(|look| {
        let at = f64::from(look) * 0.01;
        if look % 10 == 0 && at < stops {
            value = 103_000 + step * draw.u64(0..40_000 / step);
        } else if at >= stops {
            value = idle.unwrap_or(value);
        }
        Reading {
            value,
            unit: RawUnit::Milliwatt,
            at: Moment {
                monotonic: at,
                unix: 1.8e9 + at,
            },
            read_seconds: 1e-4,
        }
    });
    let spec = SensorSpec::power(RawUnit::Milliwatt, 500.0, 0.1).averaging(0.1);
    let recording = Recording::new(spec, readings.collect());
    recording.fixed(
        (2.0, 18.0),
        [Edge::Interior; 2],
        &SensorModel::uncalibrated(&spec),
    )
}

#[test]
fn rejects_a_stopped_power_sensor_but_not_a_coarse_one() {
    for stops in [5.0, 9.0] {
        let reason = powered(7, stops, None).unwrap_err().reason;
        assert!(reason.contains("it has stopped"), "{reason}");
    }
    assert!(powered(7, 20.0, None).is_ok());
    // It is constant for two seconds, as an idle device may be.
    assert!(powered(7, 18.0, None).is_ok());
    // An idle device may draw the same power for long, after a load and before it.
    let idle = powered(7, 9.0, Some(31_005)).unwrap();
    let truth = 7.0 * 123.0 + 9.0 * 31.005;
    assert!((idle.joules / truth - 1.0).abs() < 0.03, "{idle:?}");
    assert!(idle.ci.low <= truth && truth <= idle.ci.high, "{idle:?}");
    // A sensor of whole watts shows the same value for long.
    assert!(powered(1000, 5.0, None).is_ok());
}
