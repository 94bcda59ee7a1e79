//! The calibration of one sensor.

use serde::Serialize;

use super::response::{self, Response};
use super::workload::{Activity, Workload};
use crate::energy::clock::Clock;
use crate::energy::estimate::{self, Estimate};
use crate::energy::figure::{Grade, Interval};
use crate::energy::recording::Recording;
use crate::energy::sensor::{Sensor, Unavailable};
use crate::energy::sensor_model::{IdlePower, SETTLED, SensorModel};
use crate::energy::series;

/// What a calibration found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CalibrationResult {
    /// Seconds between two new values; absent where every read gave a new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub update_interval_seconds: Option<f64>,
    /// The step of its values, joules or watts.
    pub quantum: f64,
    /// The median time of a read, seconds.
    pub read_seconds: f64,
    /// Mean watts of each activity, the load's last.
    pub watts: Vec<(Activity, f64)>,
    /// Additional idle watts while the sensor is read without a pause instead of as a window reads it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub polling_watts: Option<f64>,
    /// How it follows a load that is switched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<Response>,
    /// Watts of one steady load over windows of these seconds.
    pub lengths: Vec<(f64, f64)>,
    /// Its deviation from a second sensor of the same device, as a share, idle and under load.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disagreement: Option<(f64, f64)>,
    /// The grade; absent where it is rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grade: Option<Grade>,
    /// Why it must not be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejected: Option<String>,
    /// The model that windows are computed with from now on.
    pub model: SensorModel,
}

/// Seconds of each way of being idle.
const IDLE_SECONDS: f64 = 3.0;
/// Seconds of steady load.
const LOAD_SECONDS: f64 = 12.0;
/// A sensor that is slow for these times gets this many update intervals or averaging times instead.
const IDLE_UPDATES: f64 = 6.0;
const IDLE_AVERAGINGS: f64 = 3.5;
const LOAD_UPDATES: f64 = 20.0;
const LOAD_AVERAGINGS: f64 = 4.0;
/// Lengths of the windows cut out of the load, seconds.
const LENGTHS: [f64; 4] = [1.0, 2.0, 4.0, 8.0];

/// Calibrates `sensor`, beside `second`, another sensor of the same device, where there is one. Takes about a minute of
/// `clock`.
///
/// # Errors
/// Why it cannot be read. A sensor that can be read but not trusted is not an error: `CalibrationResult::rejected`.
pub fn calibrate_sensor(
    sensor: &dyn Sensor,
    second: Option<&dyn Sensor>,
    workload: &mut dyn Workload,
    clock: &dyn Clock,
) -> Result<CalibrationResult, Unavailable> {
    let spec = sensor.spec();
    let mut model = SensorModel::uncalibrated(&spec);
    workload.set(Activity::Cold);
    // A slow sensor is sampled for longer, and at first its values do not show the idle device.
    let seconds = |model: &SensorModel| {
        let interval = model.update_interval.unwrap_or(0.0);
        let averaged = IDLE_AVERAGINGS * estimate::averaging(&spec, model, interval);
        IDLE_SECONDS
            .max(IDLE_UPDATES * interval)
            .max(averaged + model.response_time())
    };
    let mut cold = record(sensor, clock, None, seconds(&model))?;
    model.update_interval = cold.update_interval();
    if model.update_interval.is_none() {
        model.update_interval = learn_longer(sensor, clock, &cold)?;
        if model.update_interval.is_some() {
            cold = record(sensor, clock, model.update_interval, seconds(&model))?;
        }
    }
    let interval = model.update_interval;
    let idle_seconds = seconds(&model);
    workload.set(Activity::Context);
    let context = record(sensor, clock, interval, idle_seconds)?;
    workload.set(Activity::Empty);
    let empty = record(sensor, clock, interval, idle_seconds)?;
    let idle = [&cold, &context, &empty]
        .map(|recording| estimate::steady(&recording.series(&model).ok()?, &model));
    if let [Some(cold), Some(context), Some(empty)] = idle {
        model.idle = Some(IdlePower {
            cold,
            context,
            empty,
        });
    }
    let activities = [Activity::Cold, Activity::Context, Activity::Empty];
    let watts = activities.into_iter().zip(idle);
    let mut watts: Vec<(Activity, f64)> = watts
        .filter_map(|(activity, watts)| Some((activity, Interval::middle(watts?))))
        .collect();
    workload.set(Activity::Context);
    let polling_watts = polling(sensor, clock, &model)?;

    let response = response::measure(sensor, workload, clock, &model)?;
    if let Some(response) = &response {
        response.apply(&mut model, &spec);
    }
    workload.set(Activity::Load);
    clock.sleep_until(clock.now() + model.settling_time + 0.2);
    let from = clock.now();
    let unit = (LOAD_AVERAGINGS * model.settling_time / SETTLED)
        .max(LOAD_UPDATES * interval.unwrap_or(0.0))
        / LENGTHS[0];
    let unit = unit.max(1.0);
    let (loaded, beside) = both(sensor, second, clock, &model, LOAD_SECONDS * unit)?;
    let whole = loaded.in_load(from, clock.now(), &[], &model);
    workload.set(Activity::Context);
    let mut lengths = Vec::new();
    for length in LENGTHS.map(|length| length * unit) {
        if let Ok(window) = loaded.in_load(from, from + length, &[], &model) {
            lengths.push((window.seconds(), window.joules / window.seconds()));
        }
    }
    let mut disagreement = None;
    let rejected = match &whole {
        Ok(whole) => {
            watts.push((Activity::Load, whole.joules / whole.seconds()));
            model.nonlinearity = nonlinearity(&lengths, whole, &loaded, &model);
            disagreement = compare(sensor, second, clock, &model, whole, beside)?;
            model.grade = grade(disagreement, model.nonlinearity);
            let inconsistent = || inconsistent(disagreement, model.nonlinearity);
            model.grade.is_none().then(inconsistent)
        }
        Err(why) => Some(why.reason.clone()),
    };
    Ok(CalibrationResult {
        update_interval_seconds: interval,
        quantum: series::quantum(loaded.readings()) * spec.scale,
        read_seconds: median_read(&cold),
        watts,
        polling_watts,
        response,
        lengths,
        disagreement,
        grade: model.grade,
        rejected,
        model,
    })
}

fn record(
    sensor: &dyn Sensor,
    clock: &dyn Clock,
    update_interval: Option<f64>,
    seconds: f64,
) -> Result<Recording, Unavailable> {
    let end = clock.now() + seconds;
    Recording::take(sensor, clock, update_interval, |now| now >= end)
}

/// The update interval of a sensor that showed few changes: it is sampled for longer, up to a minute.
fn learn_longer(
    sensor: &dyn Sensor,
    clock: &dyn Clock,
    so_far: &Recording,
) -> Result<Option<f64>, Unavailable> {
    let changes = series::changes(so_far.readings()).len();
    let mut seconds = 2.0 * IDLE_SECONDS;
    while changes < 5 && seconds < 64.0 {
        let interval = record(sensor, clock, None, seconds)?.update_interval();
        if interval.is_some() {
            return Ok(interval);
        }
        seconds *= 2.0;
    }
    Ok(None)
}

/// Mean watts of a whole recording.
fn mean_watts(recording: &Recording, model: &SensorModel) -> Option<f64> {
    recording.series(model).ok()?.mean_watts(f64::MIN, f64::MAX)
}

/// Reads without a pause, then as a window does: the difference is the power of reading itself.
fn polling(
    sensor: &dyn Sensor,
    clock: &dyn Clock,
    model: &SensorModel,
) -> Result<Option<f64>, Unavailable> {
    let end = clock.now() + IDLE_SECONDS;
    let mut readings = Vec::new();
    while clock.now() < end && !sensor.keeps_record() {
        sensor.poll(&mut readings)?;
        clock.sleep_until(clock.now() + 1e-4);
    }
    let busy = Recording::new(sensor.spec(), readings);
    let calm = record(sensor, clock, model.update_interval, IDLE_SECONDS)?;
    let both = mean_watts(&busy, model).zip(mean_watts(&calm, model));
    Ok(both.map(|(busy, calm)| busy - calm))
}

/// Both sensors over the same seconds, polled in turn.
fn both(
    sensor: &dyn Sensor,
    second: Option<&dyn Sensor>,
    clock: &dyn Clock,
    model: &SensorModel,
    seconds: f64,
) -> Result<(Recording, Option<Recording>), Unavailable> {
    let end = clock.now() + seconds;
    let mut readings = Vec::new();
    let mut failed = None;
    let first = Recording::take(sensor, clock, model.update_interval, |now| {
        if let Some(second) = second
            && failed.is_none()
        {
            failed = second.poll(&mut readings).err();
        }
        now >= end
    })?;
    let second = second.filter(|_| failed.is_none());
    let beside = second.map(|second| Recording::new(second.spec(), readings));
    Ok((first, beside))
}

fn compare(
    sensor: &dyn Sensor,
    second: Option<&dyn Sensor>,
    clock: &dyn Clock,
    model: &SensorModel,
    whole: &Estimate,
    beside: Option<Recording>,
) -> Result<Option<(f64, f64)>, Unavailable> {
    let Some((second, beside)) = second.zip(beside) else {
        return Ok(None);
    };
    let other = SensorModel::uncalibrated(&second.spec());
    let share = |own: f64, beside: &Recording, from: f64, to: f64| {
        let watts = beside.series(&other).ok()?.mean_watts(from, to)?;
        Some(own / watts - 1.0)
    };
    let load = share(
        whole.joules / whole.seconds(),
        &beside,
        whole.from + other.settling_time,
        whole.to,
    );
    clock.sleep_until(clock.now() + model.settling_time + other.settling_time + 0.5);
    let seconds = IDLE_SECONDS + other.settling_time;
    let (idle, beside) = both(sensor, Some(second), clock, model, seconds)?;
    let idle = mean_watts(&idle, model)
        .zip(beside)
        .and_then(|(own, beside)| share(own, &beside, f64::MIN, f64::MAX));
    Ok(idle.zip(load))
}

/// The share by which the watts of one load differ between windows of different lengths, beyond what their own intervals
/// explain.
fn nonlinearity(
    lengths: &[(f64, f64)],
    whole: &Estimate,
    loaded: &Recording,
    model: &SensorModel,
) -> f64 {
    let mean = whole.joules / whole.seconds();
    let Ok(series) = loaded.series(model) else {
        return 0.0;
    };
    let excess = lengths.iter().map(|&(seconds, watts)| {
        let (from, to) = (whole.from - 1e-6, whole.from + seconds);
        let own = estimate::in_load(&series, model, from, to, &[]);
        let explained = own.map_or(0.0, |own| own.ci.half() / own.joules);
        // A load heats up: a few percent over the first seconds are the device's own.
        ((watts / mean - 1.0).abs() - 3.0 * explained - 0.02).max(0.0)
    });
    excess.fold(0.0, f64::max)
}

fn grade(disagreement: Option<(f64, f64)>, nonlinearity: f64) -> Option<Grade> {
    let worst = match disagreement {
        // On an idle device a fixed offset weighs more than it does under load.
        Some((idle, load)) => nonlinearity.max(load.abs()).max(idle.abs() / 2.0),
        // Without a second sensor: no better than B.
        None => nonlinearity.max(0.021),
    };
    match worst {
        worst if worst <= 0.02 => Some(Grade::A),
        worst if worst <= 0.05 => Some(Grade::B),
        worst if worst <= 0.10 => Some(Grade::C),
        _ => None,
    }
}

fn inconsistent(disagreement: Option<(f64, f64)>, nonlinearity: f64) -> String {
    match disagreement {
        Some((idle, load)) => format!(
            "its counter and its integrated power disagree by {:+.1} % idle and {:+.1} % under load",
            idle * 100.0,
            load * 100.0
        ),
        None => format!(
            "its energy is not linear in time: windows of one load differ by {:.1} %",
            nonlinearity * 100.0
        ),
    }
}

fn median_read(recording: &Recording) -> f64 {
    let readings = recording.readings().iter();
    let mut took: Vec<f64> = readings.map(|reading| reading.read_seconds).collect();
    took.sort_by(f64::total_cmp);
    took.get(took.len() / 2).copied().unwrap_or(0.0)
}
