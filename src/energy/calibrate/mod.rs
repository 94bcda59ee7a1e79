//! Self-examination: what an instrument is like, found by watching it at rest and under a load that is switched.
//!
//! [`calibrate_sensor`] runs in any [`Clock`], so that a simulated instrument is examined as a card is. What it finds is kept
//! by [`Calibration`], once per device and driver.

mod response;
mod store;

pub use response::Response;
pub use store::Calibration;
pub(crate) use store::recall;

use serde::{Deserialize, Serialize};

use super::estimate::{self, Estimate};
use super::figure::{Grade, Interval};
use super::recording::{Clock, Recording};
use super::sensor::{Sensor, Unavailable};
use super::sensor_model::{IdlePower, SETTLED, SensorModel};
use super::series;

/// What the device does during a part of an examination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activity {
    /// Nothing, without so much as a context on it.
    Cold,
    /// Nothing, but a context with its buffers is open: many devices keep their clocks up then.
    Context,
    /// Dispatches of an empty kernel, one after the other.
    Empty,
    /// A steady load.
    Load,
}

/// Something that can be made to work and to rest.
pub trait Workload {
    /// Goes over to `activity` and returns once it has.
    fn set(&mut self, activity: Activity);
}

/// What an examination found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CalibrationResult {
    /// Seconds between two new values; absent where every read gave a new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update_interval_seconds: Option<f64>,
    /// The step of its values, joules or watts.
    pub quantum: f64,
    /// The median time of a read, seconds.
    pub read_seconds: f64,
    /// Mean watts of each activity, the load's last.
    pub watts: Vec<(Activity, f64)>,
    /// Watts more at rest while it is read without a pause than while it is read as a window does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub polling_watts: Option<f64>,
    /// How it follows a load that is switched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<Response>,
    /// Watts of one steady load over windows of these seconds.
    pub lengths: Vec<(f64, f64)>,
    /// By how much it differs from the second way of seeing the same thing, as a share, at rest and under load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disagreement: Option<(f64, f64)>,
    /// The grade; absent where it is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grade: Option<Grade>,
    /// Why it is not to be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// What windows are settled by from now on.
    pub known: SensorModel,
}

/// Seconds at rest, in each way of resting.
const REST: f64 = 3.0;
/// Seconds of steady load.
const LOAD: f64 = 12.0;
/// What an instrument that is slow for these times gets instead.
const REST_TICKS: f64 = 6.0;
const REST_AVERAGINGS: f64 = 3.5;
const LOAD_TICKS: f64 = 20.0;
const LOAD_AVERAGINGS: f64 = 4.0;
/// Lengths of the windows cut out of it, seconds.
const LENGTHS: [f64; 4] = [1.0, 2.0, 4.0, 8.0];
/// A load that draws no more than this share above rest shows no response.
const LEAST_RISE: f64 = 0.05;

/// Examines `instrument`, beside `second`, another way of seeing the same thing, where there is one. Takes about a
/// minute of `clock`.
///
/// # Errors
/// Why it cannot be read. An instrument that can be read but not trusted is no error: [`CalibrationResult::refused`].
pub fn calibrate_sensor(
    instrument: &dyn Sensor,
    second: Option<&dyn Sensor>,
    workload: &mut dyn Workload,
    clock: &dyn Clock,
) -> Result<CalibrationResult, Unavailable> {
    let spec = instrument.spec();
    let mut known = SensorModel::uncalibrated(&spec);
    workload.set(Activity::Cold);
    // A slow instrument is watched for longer, and at first nothing is shown of the rest.
    let seconds = |known: &SensorModel| {
        let tick = known.update_interval.unwrap_or(0.0);
        let averaged = REST_AVERAGINGS * estimate::averaging(&spec, known, tick);
        REST.max(REST_TICKS * tick).max(averaged + known.roll())
    };
    let mut cold = watch(instrument, clock, None, seconds(&known))?;
    known.update_interval = cold.tick();
    if known.update_interval.is_none() {
        known.update_interval = learn_longer(instrument, clock, &cold)?;
        if known.update_interval.is_some() {
            cold = watch(instrument, clock, known.update_interval, seconds(&known))?;
        }
    }
    let tick = known.update_interval;
    let rest = seconds(&known);
    workload.set(Activity::Context);
    let context = watch(instrument, clock, tick, rest)?;
    workload.set(Activity::Empty);
    let empty = watch(instrument, clock, tick, rest)?;
    let idle = [&cold, &context, &empty].map(|at_rest| resting(at_rest, &known));
    if let [Some(cold), Some(context), Some(empty)] = idle {
        known.idle = Some(IdlePower {
            cold,
            context,
            empty,
        });
    }
    let activities = [Activity::Cold, Activity::Context, Activity::Empty];
    let mut watts: Vec<(Activity, f64)> = activities
        .into_iter()
        .zip(idle)
        .filter_map(|(activity, watts)| Some((activity, watts?.middle())))
        .collect();
    workload.set(Activity::Context);
    let polling_watts = polling(instrument, clock, &known)?;

    let response = response::measure(instrument, workload, clock, &known)?;
    if let Some(response) = &response {
        response.apply(&mut known, &spec);
    }
    workload.set(Activity::Load);
    clock.sleep_until(clock.now() + known.settling_time + 0.2);
    let from = clock.now();
    let unit = (LOAD_AVERAGINGS * known.settling_time / SETTLED)
        .max(LOAD_TICKS * tick.unwrap_or(0.0))
        / LENGTHS[0];
    let unit = unit.max(1.0);
    let (loaded, beside) = both(instrument, second, clock, &known, LOAD * unit)?;
    let whole = loaded.in_load(from, clock.now(), &[], &known);
    workload.set(Activity::Context);
    let mut lengths = Vec::new();
    for length in LENGTHS.map(|length| length * unit) {
        if let Ok(window) = loaded.in_load(from, from + length, &[], &known) {
            lengths.push((window.seconds(), window.joules / window.seconds()));
        }
    }
    let mut disagreement = None;
    let mut refused = None;
    match &whole {
        Ok(whole) => {
            watts.push((Activity::Load, whole.joules / whole.seconds()));
            known.nonlinearity = nonlinearity(&lengths, whole, &loaded, &known);
            disagreement = compare(instrument, second, clock, &known, whole, beside)?;
        }
        Err(refusal) => refused = Some(refusal.reason.clone()),
    }
    let grade = match refused {
        Some(_) => None,
        None => grade(disagreement, known.nonlinearity),
    };
    if refused.is_none() && grade.is_none() {
        refused = Some(inconsistent(disagreement, known.nonlinearity));
    }
    known.grade = grade;
    Ok(CalibrationResult {
        update_interval_seconds: tick,
        quantum: series::quantum(loaded.readings()) * spec.scale,
        read_seconds: read_cost(&cold),
        watts,
        polling_watts,
        response,
        lengths,
        disagreement,
        grade,
        refused,
        known,
    })
}

fn watch(
    instrument: &dyn Sensor,
    clock: &dyn Clock,
    tick: Option<f64>,
    seconds: f64,
) -> Result<Recording, Unavailable> {
    let end = clock.now() + seconds;
    Recording::take(instrument, clock, tick, |now| now >= end)
}

/// The tick of an instrument that showed few changes: it is watched for longer, up to a minute.
fn learn_longer(
    instrument: &dyn Sensor,
    clock: &dyn Clock,
    so_far: &Recording,
) -> Result<Option<f64>, Unavailable> {
    let changes = so_far
        .readings()
        .windows(2)
        .filter(|pair| pair[0].value != pair[1].value)
        .count();
    let mut seconds = 2.0 * REST;
    while changes < 5 && seconds < 64.0 {
        let longer = watch(instrument, clock, None, seconds)?;
        if longer.tick().is_some() {
            return Ok(longer.tick());
        }
        seconds *= 2.0;
    }
    Ok(None)
}

/// Watts at rest, once what went before can no longer be shown.
fn resting(at_rest: &Recording, known: &SensorModel) -> Option<Interval> {
    estimate::steady(&at_rest.series(known).ok()?, known)
}

/// Reads without a pause, then as a window does: the difference is what reading itself draws.
fn polling(
    instrument: &dyn Sensor,
    clock: &dyn Clock,
    known: &SensorModel,
) -> Result<Option<f64>, Unavailable> {
    let end = clock.now() + REST;
    let mut readings = Vec::new();
    while clock.now() < end && !instrument.keeps_record() {
        instrument.poll(&mut readings)?;
        clock.sleep_until(clock.now() + 1e-4);
    }
    let busy = Recording::new(instrument.spec(), readings);
    let calm = watch(instrument, clock, known.update_interval, REST)?;
    let mean = |recording: &Recording| {
        recording
            .series(known)
            .ok()
            .and_then(|series| series.mean_watts(f64::MIN, f64::MAX))
    };
    Ok(mean(&busy).zip(mean(&calm)).map(|(busy, calm)| busy - calm))
}

/// Both instruments over the same seconds, one after the other's look.
fn both(
    instrument: &dyn Sensor,
    second: Option<&dyn Sensor>,
    clock: &dyn Clock,
    known: &SensorModel,
    seconds: f64,
) -> Result<(Recording, Option<Recording>), Unavailable> {
    let end = clock.now() + seconds;
    let mut readings = Vec::new();
    let mut failed = None;
    let first = Recording::take(instrument, clock, known.update_interval, |now| {
        if let Some(second) = second
            && failed.is_none()
        {
            failed = second.poll(&mut readings).err();
        }
        now >= end
    })?;
    let beside = match (second, failed) {
        (Some(second), None) => Some(Recording::new(second.spec(), readings)),
        _ => None,
    };
    Ok((first, beside))
}

fn compare(
    instrument: &dyn Sensor,
    second: Option<&dyn Sensor>,
    clock: &dyn Clock,
    known: &SensorModel,
    whole: &Estimate,
    beside: Option<Recording>,
) -> Result<Option<(f64, f64)>, Unavailable> {
    let (Some(second), Some(beside)) = (second, beside) else {
        return Ok(None);
    };
    let other = SensorModel::uncalibrated(&second.spec());
    let share = |own: f64, beside: &Recording, from: f64, to: f64| {
        let series = beside.series(&other).ok()?;
        let watts = series.mean_watts(from, to)?;
        Some(own / watts - 1.0)
    };
    let load = share(
        whole.joules / whole.seconds(),
        &beside,
        whole.from + other.settling_time,
        whole.to,
    );
    clock.sleep_until(clock.now() + known.settling_time + other.settling_time + 0.5);
    let (rest, beside) = both(
        instrument,
        Some(second),
        clock,
        known,
        REST + other.settling_time,
    )?;
    let own = rest
        .series(known)
        .ok()
        .and_then(|series| series.mean_watts(f64::MIN, f64::MAX));
    let rest = own
        .zip(beside)
        .and_then(|(own, beside)| share(own, &beside, f64::MIN, f64::MAX));
    Ok(rest.zip(load))
}

/// The share by which the watts of one load differ between windows of different lengths, beyond what their own
/// intervals explain.
fn nonlinearity(
    lengths: &[(f64, f64)],
    whole: &Estimate,
    loaded: &Recording,
    known: &SensorModel,
) -> f64 {
    let mean = whole.joules / whole.seconds();
    let Ok(series) = loaded.series(known) else {
        return 0.0;
    };
    lengths
        .iter()
        .map(|&(seconds, watts)| {
            let (from, to) = (whole.from - 1e-6, whole.from + seconds);
            let own = estimate::in_load(&series, known, from, to, &[]);
            let explained = own.map_or(0.0, |own| own.ci.half() / own.joules);
            // A load heats up: a few percent over the first seconds are the device's own.
            ((watts / mean - 1.0).abs() - 3.0 * explained - 0.02).max(0.0)
        })
        .fold(0.0, f64::max)
}

fn grade(disagreement: Option<(f64, f64)>, nonlinearity: f64) -> Option<Grade> {
    let worst = match disagreement {
        Some((rest, load)) => {
            // At rest a fixed offset weighs more than it does under load.
            nonlinearity.max(load.abs()).max(rest.abs() / 2.0)
        }
        // Nothing to compare with: no better than B.
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
        Some((rest, load)) => format!(
            "its counter and its integrated power disagree by {:+.1} % at rest and {:+.1} % under load",
            rest * 100.0,
            load * 100.0
        ),
        None => format!(
            "its energy is not linear in time: windows of one load differ by {:.1} %",
            nonlinearity * 100.0
        ),
    }
}

fn read_cost(recording: &Recording) -> f64 {
    let mut took: Vec<f64> = recording
        .readings()
        .iter()
        .map(|reading| reading.read_seconds)
        .collect();
    took.sort_by(f64::total_cmp);
    took.get(took.len() / 2).copied().unwrap_or(0.0)
}
