//! Joules of a window, and how far they can be off, from the values an instrument showed around it.
//!
//! What is shown at a time is the energy up to a moment before it: a delay that is known only within limits. Two kinds
//! of window follow from that. *In load*: from one tick to another while the load goes on, so that the delay moves both
//! ends alike. *Between*: fixed ends at which the load begins and ends; before and after it the power is that of the
//! roll, which is taken away again, so that here too the delay cancels.

use serde::{Deserialize, Serialize};

use super::figure::Interval;
use super::phase;
use super::sensor::{Quantity, SensorSpec, Unavailable};
use super::sensor_model::{SETTLED, SensorModel};
use super::series::Series;
use ends::End;
use scatter::{Scatter, sampling, smear};

mod ends;
mod scatter;

/// The joules of one window through one instrument.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Estimate {
    /// Joules.
    pub joules: f64,
    /// Within what range another measurement of the same would lie through this instrument (95 %).
    pub ci: Interval,
    /// Within what range the true joules lie (95 %), gain and offset of the instrument included.
    pub accuracy: Interval,
    /// Where the window begins, seconds on the readings' monotonic clock.
    pub from: f64,
    /// Where it ends.
    pub to: f64,
    /// Whole ticks within it; 0 where every read gave a new value.
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

/// How the power around a fixed window lies to the power in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Edge {
    /// The load begins and ends with the window: a command, a closure.
    Boundary,
    /// The load continues across it: a part of a recording.
    Interior,
}

/// Work done up to a time, for windows in load.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stamp {
    /// Seconds on the monotonic clock at which the device had finished.
    pub at: f64,
    /// Units of work (steps, iterations) finished by then.
    pub done: f64,
}

/// Normal quantile of a 95 % interval.
const Z: f64 = 1.959_964;
/// Board sensors were seen to be off by -8 to +13 % against an outside meter; data sheets say 5 %.
const GAIN: f64 = 0.10;
/// Beside the gain an offset, in watts, that matters at small loads only.
const OFFSET_WATTS: f64 = 2.0;
/// A window of so many averaging windows is the shortest whose ends do not govern it.
const AVERAGINGS: f64 = 10.0;
/// Such a window begins and ends on ticks: it is planned this much longer.
const SPARE: f64 = 1.05;
/// A window with fixed ends holds so many ticks at least.
const LEAST_TICKS: f64 = 2.0;
/// So many ticks to either side of an edge say what power is there.
const EDGE_TICKS: f64 = 5.0;
/// What a device draws at rest is looked at over stretches of so many seconds at least, and over so many of them.
const STEADY_GRAIN: f64 = 0.4;
const LEAST_GRAINS: usize = 3;

/// From a tick to a tick, inside a load that runs from `from` to `to`; with `stamps`, the phases of a part-time sensor
/// are looked at.
pub(crate) fn in_load(
    series: &Series,
    known: &SensorModel,
    from: f64,
    to: f64,
    stamps: &[Stamp],
) -> Result<Estimate, Unavailable> {
    let Some((first, last)) = inside(series, known, from, to) else {
        return Err(too_short(series, to - from));
    };
    let (a, b) = (series.points[first], series.points[last]);
    let seconds = b.at - a.at;
    averaged(series, known, seconds)?;
    let joules = positive(b.joules - a.joules, seconds)?;
    let scatter = Scatter::of(series, first, last);
    let power = joules / seconds;

    let local = EDGE_TICKS * series.tick.unwrap_or(0.0).max(0.02);
    let early = series.mean_watts(a.at, a.at + local).unwrap_or(power);
    let late = series.mean_watts(b.at - local, b.at).unwrap_or(power);
    let shift = known.delay_error / Z * (early - late).abs().hypot(scatter.watts);
    let edges = scatter.edge(a, power).hypot(scatter.edge(b, power));
    let sampling = sampling(series, known, &scatter, seconds);
    let mut sd = edges
        .hypot(shift)
        .hypot(sampling)
        .hypot(smear(series, known, first, last));
    sd = sd.hypot(known.nonlinearity * joules / Z);
    let mut half = Z * sd;
    let mut joules = joules;
    if let Some(aliasing) = phase::aliasing(series, known, first, last, stamps)? {
        joules += aliasing.correction;
        half += aliasing.joules;
    }
    resolved(joules, half, seconds)?;
    // What was shown at a tick had happened a delay before it.
    let happened = (a.at - known.delay, b.at - known.delay);
    let ticks = (last - first) as u64;
    Ok(finish(joules, half, happened, ticks))
}

/// The first and the last point of a load that lasts from `from` to `to` which show nothing of the time before it.
fn inside(series: &Series, known: &SensorModel, from: f64, to: f64) -> Option<(usize, usize)> {
    let from = from + known.roll();
    let sharp = sharpness(series, from, to);
    let first = series
        .points
        .iter()
        .position(|point| point.half <= sharp && point.at - point.half >= from)?;
    let last = series
        .points
        .iter()
        .rposition(|point| point.half <= sharp && point.at + point.half <= to)?;
    (last > first).then_some((first, last))
}

/// Whether the ticks of such a load have come round the step: see [`phase`].
pub(crate) fn covered(
    series: &Series,
    known: &SensorModel,
    (from, to): (f64, f64),
    stamps: &[Stamp],
) -> bool {
    if !phase::part_time(known) {
        return true;
    }
    // One that always sees the same of a step shows hardly any change: it has not come round.
    inside(series, known, from, to).is_some_and(|(first, last)| {
        let seconds = series.points[last].at - series.points[first].at;
        averaged(series, known, seconds).is_ok()
            && phase::covered(series, known, first, last, stamps)
    })
}

/// For how long a load has to be metered: at least, and for `ticks` ticks. `tick` where it is known.
pub(crate) fn needed(
    spec: &SensorSpec,
    known: &SensorModel,
    tick: Option<f64>,
    ticks: f64,
) -> (f64, f64) {
    let tick = tick.unwrap_or(0.0);
    let edges = known.roll() + EDGE_TICKS * tick;
    let averaged = AVERAGINGS * SPARE * averaging(spec, known, tick);
    (edges + averaged, edges + averaged.max(ticks * tick))
}

/// Watts of a device that does the same all the time: the 95 % interval of their mean, with what the device itself swings
/// around it.
pub(crate) fn steady(series: &Series, known: &SensorModel) -> Option<Interval> {
    let (from, to) = series.span;
    let from = from + known.roll().min((to - from) / 2.0);
    let first = series.points.partition_point(|point| point.at < from);
    let points = &series.points[first..];
    let (a, b) = (points.first()?, points.last()?);
    let tick = series.tick.unwrap_or(0.0);
    if series.spec.is_power() {
        // Only values that average over different times are values of their own.
        let alike = averaging(&series.spec, known, tick) / tick.max(STEADY_GRAIN / 10.0);
        let values = &series.watts[first..];
        let apart = values.iter().step_by((alike.round() as usize).max(1));
        let apart: Vec<f64> = apart.copied().collect();
        let watts = values.iter().sum::<f64>() / values.len() as f64;
        let sd = scatter::of_mean(&apart, 0.0);
        return (apart.len() >= LEAST_GRAINS).then(|| Interval::around(watts, Z * sd));
    }
    let grain = STEADY_GRAIN.max(EDGE_TICKS / 2.0 * tick);
    let blocks = scatter::means(points, grain);
    let watts = (b.joules - a.joules) / (b.at - a.at);
    // Times that are not known sharply make the watts high in one stretch and low in the next: most of that is no swing.
    let half = points.iter().map(|point| point.half).sum::<f64>() / points.len() as f64;
    let edges = 2.0 / 3.0 * (watts * half).powi(2);
    let sd = scatter::of_mean(&blocks, edges / grain.powi(2) / 4.0);
    let timing = edges.sqrt() / (b.at - a.at);
    (blocks.len() >= LEAST_GRAINS).then(|| Interval::around(watts, Z * sd.hypot(timing)))
}

/// What gain and offset add to `repeatability` of `seconds`.
pub(crate) fn absolute(ci: Interval, seconds: f64) -> Interval {
    let joules = ci.middle();
    let off = GAIN * joules + OFFSET_WATTS * seconds;
    Interval::around(joules, ci.half().hypot(off))
}

/// All of a fixed window, whose two ends may differ.
pub(crate) fn between(
    series: &Series,
    known: &SensorModel,
    (from, to): (f64, f64),
    [first, second]: [Edge; 2],
) -> Result<Estimate, Unavailable> {
    let seconds = to - from;
    // Whether a tick falls into less than two of them is chance.
    if series.points.len() < 2 || seconds < LEAST_TICKS * series.tick.unwrap_or(0.0) {
        return Err(too_short(series, seconds));
    }
    averaged(series, known, seconds)?;
    let start = End::begin(series, known, from, first);
    let end = End::finish(series, known, to, second);
    let whole = end.joules - start.joules;
    let inside = |at: f64| at >= from && at <= to + known.delay;
    let ticks = series
        .points
        .iter()
        .filter(|point| inside(point.at))
        .count();
    if ticks == 0 {
        return Err(too_short(series, seconds));
    }
    let joules = positive(whole, seconds)?;
    let first = series.points.partition_point(|point| point.at < from);
    let last = series
        .points
        .partition_point(|point| point.at <= to + known.delay)
        - 1;
    let scatter = Scatter::of(series, first.min(last), last);
    let quantum = series.quantum / 12f64.sqrt();
    let sampling = sampling(series, known, &scatter, seconds);
    let sd = [
        start.sd,
        end.sd,
        quantum,
        sampling,
        known.nonlinearity * joules / Z,
    ]
    .iter()
    .fold(0.0, |sum: f64, &sd| sum.hypot(sd));
    let half = Z * sd + start.bound + end.bound;
    resolved(joules, half, seconds)?;
    Ok(finish(joules, half, (from, to), ticks as u64))
}

/// Edge on points that appeared within this much are worth having.
fn sharpness(series: &Series, from: f64, to: f64) -> f64 {
    let mut halves: Vec<f64> = series
        .points
        .iter()
        .filter(|point| (from..=to).contains(&point.at))
        .map(|point| point.half)
        .collect();
    halves.sort_by(f64::total_cmp);
    let median = halves.get(halves.len() / 2).copied().unwrap_or(0.0);
    1.5 * median
}

fn averaged(series: &Series, known: &SensorModel, seconds: f64) -> Result<(), Unavailable> {
    let over = averaging(&series.spec, known, series.tick.unwrap_or(0.0));
    if seconds < AVERAGINGS * over {
        return Err(Unavailable::new(format!(
            "the window of {seconds:.3} s is shorter than ten of the {over:.3} s over which the sensor averages"
        ))
        .with_fix("meter a longer window"));
    }
    Ok(())
}

/// Over how many seconds one value is a mean.
pub(crate) fn averaging(spec: &SensorSpec, known: &SensorModel, tick: f64) -> f64 {
    match spec.quantity {
        Quantity::Power { averaging } => averaging
            .unwrap_or(0.0)
            .max(known.settling_time / SETTLED)
            .max(tick),
        Quantity::Energy { .. } => 0.0,
    }
}

fn too_short(series: &Series, seconds: f64) -> Unavailable {
    let refusal = match series.tick {
        Some(tick) if tick > 0.0 => Unavailable::new(format!(
            "the window of {seconds:.3} s holds too few of the instrument's ticks of {tick:.3} s"
        )),
        _ => Unavailable::new(format!(
            "no tick of the instrument was seen in a window of {seconds:.3} s"
        )),
    };
    refusal.with_fix("meter a longer window")
}

fn positive(joules: f64, seconds: f64) -> Result<f64, Unavailable> {
    if joules.is_finite() && joules > 0.0 {
        return Ok(joules);
    }
    Err(Unavailable::new(format!(
        "the readings came to {joules} J in {seconds:.3} s, which is no energy"
    )))
}

/// Joules that may as well be none are no figure.
fn resolved(joules: f64, half: f64, seconds: f64) -> Result<(), Unavailable> {
    if half < joules {
        return Ok(());
    }
    Err(Unavailable::new(format!(
        "the readings of a window of {seconds:.3} s tell no more than {joules:.3} +-{half:.3} J"
    ))
    .with_fix("meter a longer window"))
}

fn finish(joules: f64, half: f64, (from, to): (f64, f64), ticks: u64) -> Estimate {
    let ci = Interval::around(joules, half);
    Estimate {
        joules,
        accuracy: absolute(ci, to - from),
        ci,
        from,
        to,
        updates: ticks,
    }
}
