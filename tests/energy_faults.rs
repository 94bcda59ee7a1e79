//! Instruments that fail while a window is open, through the public interface and in real time: no 0 J, no constant and
//! no NaN comes of them, and always a reason. An instrument gives whole numbers, so it cannot read NaN; only an outside
//! meter's text can (tests/energy_external.rs).

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use wattgrad::internals::energy::{
    Edge, Estimate, Meter, MeterOptions, Moment, RawUnit, Reading, Recording, Scope, Sensor,
    SensorModel, SensorSpec, SourceResult, Status, Unavailable,
};

/// After so long a fault sets in: past the pre-roll, amid the window.
const FAULT_SECONDS: f64 = 1.6;
const WINDOW_SECONDS: f64 = 2.5;
/// What wrapping counters count to, mJ.
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
    /// No fault: it wraps, as it says.
    Wraps,
    /// A read that takes so long that the counter wraps twice.
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
        // Odd, so that no wrap ends on 0, which no counter is believed.
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
    // Calibrations of this user are none of this instrument's.
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

/// Runs at once what only waits.
fn together(cases: Vec<Box<dyn Fn() + Send>>) {
    let threads: Vec<_> = cases.into_iter().map(std::thread::spawn).collect();
    let failed = threads
        .into_iter()
        .filter_map(|thread| thread.join().err())
        .count();
    assert_eq!(failed, 0, "cases failed: see above");
}

#[test]
fn a_counter_that_lies_gives_a_reason_and_no_joules() {
    together(
        [
            (Fault::Sticks, "stood"),
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
fn a_counter_that_works_has_its_joules_beside_them() {
    together(
        [
            (Fault::None, 100.0),
            (Fault::Wraps, 350.0),
            // Times are taken from the monotonic clock alone.
            (Fault::ClockStepped, 100.0),
        ]
        .map(|(fault, watts)| Box::new(move || right(fault, watts)) as Box<dyn Fn() + Send>)
        .into(),
    );
}

/// A tick may fall into so short a window or not: then its figure is unknown by a whole tick, or there is none.
#[test]
fn a_window_shorter_than_a_tick_claims_no_more_than_it_knows() {
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

/// What a power sensor's readings come to that ticks every 0.1 s in steps of `step` milliwatts from 103 to 143 W, and from
/// `stops` on shows one value.
fn powered(step: u64, stops: f64) -> Result<Estimate, Unavailable> {
    let mut draw = fastrand::Rng::with_seed(7);
    let mut value = 103_000;
    let readings = (0..2000u32).map(|look| {
        let at = f64::from(look) * 0.01;
        if look % 10 == 0 && at < stops {
            value = 103_000 + step * draw.u64(0..40_000 / step);
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
fn a_power_sensor_that_stops_is_refused_and_a_coarse_one_is_not() {
    for stops in [5.0, 9.0] {
        let told = powered(7, stops).unwrap_err().reason;
        assert!(told.contains("it has stopped"), "{told}");
    }
    assert!(powered(7, 20.0).is_ok());
    // It stands for two seconds: an idle device may.
    assert!(powered(7, 18.0).is_ok());
    // A meter of whole watts shows one value for long.
    assert!(powered(1000, 5.0).is_ok());
}
