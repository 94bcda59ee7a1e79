//! How long repeated work is measured, in real time, by sensors of the test whose true joules are known.

use std::thread::sleep;
use std::time::Duration;

use tempfile::TempDir;
use wattgrad::internals::energy::{
    Calibration, Meter, MeterOptions, Moment, RawUnit, Scope, Sensor, SensorModel, SensorSpec,
    Unavailable, WindowLength, WindowResult,
};

/// A square wave: the first half of each period at one power, the second half at another.
#[derive(Clone, Copy)]
struct Wave {
    period: f64,
    watts: [f64; 2],
}

impl Wave {
    /// Joules from 0 to `at`.
    fn joules(self, at: f64) -> f64 {
        let [high, low] = self.watts;
        let half = self.period / 2.0;
        let periods = (at / self.period).floor();
        let within = (at - periods * self.period).max(0.0);
        periods * half * (high + low) + high * within.min(half) + low * (within - half).max(0.0)
    }

    fn mean(self) -> f64 {
        self.watts.iter().sum::<f64>() / 2.0
    }
}

/// A sensor that shows at each update, without delay, the mean power of the last `over` seconds.
struct WaveSensor {
    spec: SensorSpec,
    wave: Wave,
    tick: f64,
    over: f64,
}

impl Sensor for WaveSensor {
    fn spec(&self) -> SensorSpec {
        self.spec
    }

    fn read(&self) -> Result<u64, Unavailable> {
        let tick = (Moment::now().monotonic / self.tick).floor() * self.tick;
        let joules = self.wave.joules(tick) - self.wave.joules(tick - self.over);
        // A milliwatt that comes and goes: equal values in succession would not be updates.
        let flicker = (tick / self.tick).round() as u64 % 2;
        Ok((joules / self.over * 1e3) as u64 + flicker)
    }
}

impl WaveSensor {
    /// Its meter, with its model where it is calibrated.
    fn meter(self, known: Option<SensorModel>) -> (Meter, TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let options = MeterOptions {
            calibrations: Some(folder.path().to_owned()),
            ..Default::default()
        };
        if let Some(known) = known {
            Calibration::new(NAME, known, None).store(&options).unwrap();
        }
        (
            Meter::of_sensor(NAME, Scope::Board, Box::new(self), &options),
            folder,
        )
    }
}

const NAME: &str = "sensor";

/// Steps of one period each, stamped as they end, for as long as `length` decides; with the seconds that took.
fn metered(meter: &Meter, wave: Wave, mut length: WindowLength) -> (WindowResult, f64) {
    let window = meter.start();
    let period = wave.period;
    // The wave begins a period at every multiple of its length.
    let first = (Moment::now().monotonic / period).ceil();
    let mut done = 0.0;
    let wait = |at: f64| {
        let left = at - Moment::now().monotonic;
        sleep(Duration::from_secs_f64(left.max(0.0)));
    };
    wait(first * period);
    window.stamp(0.0);
    while length.should_continue(&window) {
        done += 1.0;
        wait((first + done) * period);
        window.stamp(done);
    }
    let lasted = Moment::now().monotonic - window.from().monotonic;
    (window.finish(&[]), lasted)
}

/// The joules of a step are those of a period, within their confidence interval.
#[track_caller]
fn holds(settled: &WindowResult, wave: Wave, most: f64) {
    let unit = settled.units.first();
    let unit = unit.unwrap_or_else(|| panic!("{:?}", settled.units_unavailable));
    let truth = wave.mean() * wave.period;
    let interval = unit.window.ci.over(unit.units);
    assert!(interval.holds(truth), "{truth} J: {interval:?}");
    assert!(interval.half() < most * truth, "{truth} J: {interval:?}");
}

fn refused(settled: &WindowResult, with: &str) {
    assert!(settled.units.is_empty(), "{:?}", settled.units);
    let reason = &settled
        .units_unavailable
        .first()
        .expect("a reason")
        .why
        .reason;
    assert!(reason.contains(with), "`{with}` is not in `{reason}`");
}

#[test]
fn measures_ten_averaging_times() {
    let wave = Wave {
        period: 0.01,
        watts: [210.0, 190.0],
    };
    let sensor = || WaveSensor {
        spec: SensorSpec::power(RawUnit::Milliwatt, 1000.0, 0.05).averaging(0.4),
        wave,
        tick: 0.05,
        over: 0.4,
    };
    let (meter, _folder) = sensor().meter(None);
    refused(
        &metered(&meter, wave, WindowLength::between(1.0, 1.0)).0,
        "ten averaging times of the sensor (0.400 s each)",
    );
    let (settled, lasted) = metered(&meter, wave, WindowLength::between(1.0, 20.0));
    holds(&settled, wave, 0.1);
    assert!((4.0..8.0).contains(&lasted), "{lasted} s");
    // A sensor that needs more than the longest window does not count.
    let (settled, lasted) = metered(&meter, wave, WindowLength::between(1.0, 3.0));
    assert!(lasted < 2.0, "{lasted} s");
    refused(&settled, "ten averaging times of the sensor (0.400 s each)");
}

#[test]
fn measures_sixty_updates_of_a_slow_sensor() {
    let wave = Wave {
        period: 0.01,
        watts: [210.0, 190.0],
    };
    let sensor = WaveSensor {
        spec: SensorSpec::power(RawUnit::Milliwatt, 1000.0, 0.1).averaging(0.1),
        wave,
        tick: 0.1,
        over: 0.1,
    };
    let (meter, _folder) = sensor.meter(None);
    let (settled, lasted) = metered(&meter, wave, WindowLength::between(0.5, 20.0));
    holds(&settled, wave, 0.1);
    assert!((6.0..9.0).contains(&lasted), "{lasted} s");
}

/// Steps of 50.5 ms beside an update interval of 50 ms: a hundred updates, 5 s, until the samples cover the step.
#[test]
fn measures_until_a_part_time_sensor_covers_the_step() {
    let wave = Wave {
        period: 0.0505,
        watts: [300.0, 100.0],
    };
    let spec = SensorSpec::power(RawUnit::Milliwatt, 1000.0, 0.05);
    let sensor = WaveSensor {
        spec,
        wave,
        tick: 0.05,
        over: 0.0125,
    };
    let known = SensorModel {
        update_interval: Some(0.05),
        delay: 0.0125 / 2.0,
        delay_error: 0.001,
        settling_time: 0.0125,
        coverage: Some(0.25),
        ..SensorModel::uncalibrated(&spec)
    };
    let (meter, _folder) = sensor.meter(Some(known));
    let (settled, _) = metered(&meter, wave, WindowLength::between(1.5, 1.5));
    refused(&settled, "of a step was never sampled");
    let (settled, lasted) = metered(&meter, wave, WindowLength::between(1.5, 30.0));
    holds(&settled, wave, 0.25);
    assert!(
        lasted > 3.2,
        "60 updates are 3 s, and are not enough: {lasted} s"
    );
}
