//! The joules of a window, in load or with fixed ends.

use serde::{Deserialize, Serialize};

use super::Z;
use super::ends::{EDGE_UPDATES, Edge, End, Side};
use super::scatter::{Scatter, sampling, smear};
use super::unseen::unseen;
use crate::energy::figure::{Interval, Stamp};
use crate::energy::phase;
use crate::energy::sensor::{Quantity, SensorSpec, Unavailable};
use crate::energy::sensor_model::{SETTLED, SensorModel};
use crate::energy::series::Series;

/// The joules of one window through one sensor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Estimate {
    /// Joules.
    pub joules: f64,
    /// 95 % confidence interval: another measurement of the same work through this sensor lies in it.
    pub ci: Interval,
    /// 95 % accuracy interval: the true joules lie in it; includes the sensor's gain and offset.
    pub accuracy: Interval,
    /// Start of the window, seconds on the readings' monotonic clock.
    pub from: f64,
    /// Its end.
    pub to: f64,
    /// Updates within it; 0 where every read gave a new value.
    pub updates: u64,
}

impl Estimate {
    /// Seconds of the window.
    pub fn seconds(&self) -> f64 {
        self.to - self.from
    }

    /// Widens both intervals by `joules` to either side.
    pub(crate) fn widen(&mut self, joules: f64) {
        for interval in [&mut self.ci, &mut self.accuracy] {
            interval.low -= joules;
            interval.high += joules;
        }
    }
}

/// Board sensors were off by -8 to +13 % against an external meter; data sheets say 5 %.
const GAIN: f64 = 0.10;
/// Beside the gain an offset, in watts, that matters at small loads only.
const OFFSET_WATTS: f64 = 2.0;
/// The shortest window whose ends do not dominate it, in averaging times.
const MIN_AVERAGINGS: f64 = 10.0;
/// Such a window begins and ends on updates, so it is planned this much longer.
const SPARE: f64 = 1.05;
/// A window with fixed ends holds at least this many update intervals: whether an update falls into a shorter one is
/// chance.
const MIN_UPDATES: f64 = 2.0;

/// From update to update inside a load that runs from `from` to `to`; with `stamps` of the work, the phases of a
/// part-time sensor are checked.
pub(crate) fn in_load(
    series: &Series,
    model: &SensorModel,
    from: f64,
    to: f64,
    stamps: &[Stamp],
) -> Result<Estimate, Unavailable> {
    let Some((first, last)) = inside(series, model, from, to) else {
        return Err(too_short(series, to - from));
    };
    let (a, b) = (series.points[first], series.points[last]);
    let seconds = b.at - a.at;
    long_enough(series, model, seconds)?;
    let mut joules = positive(b.joules - a.joules, seconds)?;
    let scatter = Scatter::of(series, first, last);
    let power = joules / seconds;

    let local = EDGE_UPDATES * series.update_interval.unwrap_or(0.0).max(0.02);
    let early = series.mean_watts(a.at, a.at + local).unwrap_or(power);
    let late = series.mean_watts(b.at - local, b.at).unwrap_or(power);
    let shift = model.delay_error / Z * (early - late).abs().hypot(scatter.watts);
    let sd = scatter
        .edge(a, power)
        .hypot(scatter.edge(b, power))
        .hypot(shift)
        .hypot(sampling(series, model, &scatter, seconds))
        .hypot(smear(series, model, first, last))
        .hypot(model.nonlinearity * joules / Z);
    let mut half = Z * sd;
    if let Some(aliasing) = phase::aliasing(series, model, first, last, stamps)? {
        joules += aliasing.correction;
        half += aliasing.joules;
    }
    // A value shown at an update had happened a delay before it.
    let happened = (a.at - model.delay, b.at - model.delay);
    let unseen = unseen(series, a.at, b.at)?;
    estimate(joules, half, unseen, seconds, happened, last - first)
}

/// The first and the last point that show nothing but the load from `from` to `to`.
fn inside(series: &Series, model: &SensorModel, from: f64, to: f64) -> Option<(usize, usize)> {
    let from = from + model.response_time();
    let sharp = sharpness(series, from, to);
    let mut points = series.points.iter();
    let first = points
        .clone()
        .position(|point| point.half <= sharp && point.at - point.half >= from)?;
    let last = points.rposition(|point| point.half <= sharp && point.at + point.half <= to)?;
    (last > first).then_some((first, last))
}

/// Whether the updates of such a load have covered the step: see [`phase`].
pub(crate) fn covered(
    series: &Series,
    model: &SensorModel,
    (from, to): (f64, f64),
    stamps: &[Stamp],
) -> bool {
    // A sensor that always sees the same part of a step shows hardly any change: it has not covered the step.
    !phase::is_part_time(model)
        || inside(series, model, from, to).is_some_and(|(first, last)| {
            let seconds = series.points[last].at - series.points[first].at;
            long_enough(series, model, seconds).is_ok()
                && phase::covered(series, model, first, last, stamps)
        })
}

/// How many seconds a load has to be metered: at least, and for `updates` updates. `interval`: the update interval, where
/// known.
pub(crate) fn seconds_needed(
    spec: &SensorSpec,
    model: &SensorModel,
    interval: Option<f64>,
    updates: f64,
) -> (f64, f64) {
    let interval = interval.unwrap_or(0.0);
    let edges = model.response_time() + EDGE_UPDATES * interval;
    let averaged = MIN_AVERAGINGS * SPARE * averaging(spec, model, interval);
    (edges + averaged, edges + averaged.max(updates * interval))
}

/// A window with fixed ends.
pub(crate) fn fixed(
    series: &Series,
    model: &SensorModel,
    (from, to): (f64, f64),
    [first, second]: [Edge; 2],
) -> Result<Estimate, Unavailable> {
    let seconds = to - from;
    let shortest = MIN_UPDATES * series.update_interval.unwrap_or(0.0);
    if series.points.len() < 2 || seconds < shortest {
        return Err(too_short(series, seconds));
    }
    long_enough(series, model, seconds)?;
    let start = End::of(series, model, from, first, Side::Start);
    let end = End::of(series, model, to, second, Side::Finish);
    let before = |until: f64| series.points.partition_point(|point| point.at < until);
    let first = before(from);
    let after = series
        .points
        .partition_point(|point| point.at <= to + model.delay);
    if after <= first {
        return Err(too_short(series, seconds));
    }
    let joules = positive(end.joules - start.joules, seconds)?;
    let scatter = Scatter::of(series, first, after - 1);
    let sd = [
        start.sd,
        end.sd,
        series.quantum / 12f64.sqrt(),
        sampling(series, model, &scatter, seconds),
        model.nonlinearity * joules / Z,
    ]
    .iter()
    .fold(0.0, |sum: f64, &sd| sum.hypot(sd));
    let half = Z * sd + start.bound + end.bound;
    let unseen = unseen(series, from + model.delay, to + model.delay)?;
    estimate(joules, half, unseen, seconds, (from, to), after - first)
}

/// Window ends are placed on points whose time is known this sharply.
fn sharpness(series: &Series, from: f64, to: f64) -> f64 {
    let inside = |at: &f64| (from..=to).contains(at);
    let points = series.points.iter().filter(|point| inside(&point.at));
    let mut halves: Vec<f64> = points.map(|point| point.half).collect();
    halves.sort_by(f64::total_cmp);
    let median = halves.get(halves.len() / 2).copied().unwrap_or(0.0);
    1.5 * median
}

fn long_enough(series: &Series, model: &SensorModel, seconds: f64) -> Result<(), Unavailable> {
    let interval = series.update_interval.unwrap_or(0.0);
    let over = averaging(&series.spec, model, interval);
    if seconds < MIN_AVERAGINGS * over {
        return Err(Unavailable::new(format!(
            "the window of {seconds:.3} s is shorter than ten averaging times of the sensor ({over:.3} s each)"
        ))
        .longer_window());
    }
    Ok(())
}

/// Seconds that one value averages over.
pub(crate) fn averaging(spec: &SensorSpec, model: &SensorModel, interval: f64) -> f64 {
    match spec.quantity {
        Quantity::Power { averaging } => averaging
            .unwrap_or(0.0)
            .max(model.settling_time / SETTLED)
            .max(interval),
        Quantity::Energy { .. } => 0.0,
    }
}

fn too_short(series: &Series, seconds: f64) -> Unavailable {
    let why = match series.update_interval {
        Some(interval) if interval > 0.0 => format!(
            "the window of {seconds:.3} s contains too few updates of the sensor (one every {interval:.3} s)"
        ),
        _ => format!("the sensor did not update in a window of {seconds:.3} s"),
    };
    Unavailable::new(why).longer_window()
}

fn positive(joules: f64, seconds: f64) -> Result<f64, Unavailable> {
    if joules.is_finite() && joules > 0.0 {
        return Ok(joules);
    }
    Err(Unavailable::new(format!(
        "the readings add up to {joules} J in {seconds:.3} s, which is not above 0"
    )))
}

/// The accuracy interval of joules of `seconds`: gain and offset added to the confidence interval.
pub(crate) fn accuracy(ci: Interval, seconds: f64) -> Interval {
    let joules = ci.middle();
    let off = GAIN * joules + OFFSET_WATTS * seconds;
    Interval::around(joules, ci.half().hypot(off))
}

/// Joules whose confidence interval includes 0 are no result.
fn estimate(
    joules: f64,
    half: f64,
    [below, above]: [f64; 2],
    metered: f64,
    (from, to): (f64, f64),
    updates: usize,
) -> Result<Estimate, Unavailable> {
    let ci = Interval {
        low: joules - half - below,
        high: joules + half + above,
    };
    if ci.low > 0.0 {
        return Ok(Estimate {
            joules,
            accuracy: accuracy(ci, to - from),
            ci,
            from,
            to,
            updates: updates as u64,
        });
    }
    Err(Unavailable::new(format!(
        "the confidence interval of a window of {metered:.3} s includes 0: {joules:.3} +-{:.3} J",
        joules - ci.low
    ))
    .longer_window())
}
