//! How a sensor follows a load that is switched on and off at known times.
//!
//! The load is switched many times, at phases spread over the update interval. Before and after each switch the power is
//! steady, so the lines of shown energy meet at the time of the switch plus the sensor's delay. How often a switch falls
//! into a value, and not between two, is the share of the time in which the sensor samples.

use serde::Serialize;

use super::workload::{Activity, Workload};
use crate::energy::clock::Clock;
use crate::energy::poll_schedule::PollSchedule;
use crate::energy::recording::Recording;
use crate::energy::sensor::{Quantity, Sensor, SensorSpec, Unavailable};
use crate::energy::sensor_model::{SETTLED, SensorModel};
use crate::energy::series::Series;

/// What the switches showed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Response {
    /// Seconds from a switch to where its two lines of energy meet.
    pub delay: f64,
    /// How far that can be off (95 %).
    pub delay_error: f64,
    /// Seconds after the delay until the new power is shown in full.
    pub settle: f64,
    /// The share of the time in which it samples; absent where the load is too unsteady to tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coverage: Option<f64>,
    /// Switches that were evaluated.
    pub switches: usize,
}

/// A load that draws no more than this share above idle shows no response.
const MIN_RISE: f64 = 0.05;
/// Switches of the load, half of them on.
const SWITCHES: usize = 24;
/// At least this many update intervals, and seconds, lie between two switches.
const HOLD_UPDATES: f64 = 8.0;
const MIN_HOLD: f64 = 0.8;
/// A rise of less than this many times the scatter of the watts does not show whether a value holds part of it; at least
/// this many switches have to.
const STEADY: f64 = 6.0;
const MIN_SWITCHES: usize = 8;
/// The lowest coverage of any known sensor.
const LOWEST_COVERAGE: f64 = 0.2;
/// A sensor with this update interval gets half as many switches, of longer holds.
const SLOW: f64 = 1.0;
/// A sensor with this update interval counts; it does not sample.
const FAST: f64 = 0.005;
/// Between these shares of the rise a value is neither the old nor the new power.
const BETWEEN: (f64, f64) = (0.08, 0.92);
/// Below this a sensor samples part of the time; above it the switches are too few to tell that from all of it.
const FULL: f64 = 0.8;

impl Response {
    pub(super) fn apply(&self, model: &mut SensorModel, spec: &SensorSpec) {
        // If the measured delay is less certain than the expected one, the latter stays.
        if self.delay_error < model.delay_error {
            model.delay = self.delay.max(0.0);
            model.delay_error = self.delay_error;
        }
        model.coverage = self.coverage.or(model.coverage);
        model.settling_time = if spec.is_power() {
            SETTLED * self.settle
        } else {
            0.0
        };
    }
}

/// `None` where the load hardly changes the values.
pub(super) fn measure(
    sensor: &dyn Sensor,
    workload: &mut dyn Workload,
    clock: &dyn Clock,
    model: &SensorModel,
) -> Result<Option<Response>, Unavailable> {
    let interval = model
        .update_interval
        .unwrap_or(sensor.spec().expected_update_interval);
    // The tail of a lag is not known yet.
    let hold = (HOLD_UPDATES * interval).max(MIN_HOLD) + SETTLED * model.settling_time;
    let count = if interval >= SLOW {
        SWITCHES / 2
    } else {
        SWITCHES
    };
    let start = clock.now() + hold;
    let mut switches: Vec<f64> = Vec::with_capacity(count);
    let mut schedule = PollSchedule::new(sensor.spec(), model.update_interval);
    let mut readings = Vec::new();
    // The golden ratio spreads the phases over the update interval, whatever its exact length.
    let due = |at: usize| start + at as f64 * hold + (at as f64 * 0.618_034).fract() * interval;
    while clock.now() < due(count) {
        let poll = schedule.poll(sensor, clock, &mut readings)?;
        let next = due(switches.len());
        clock.sleep_until(poll.min(next));
        if clock.now() >= next && switches.len() < count {
            let on = switches.len().is_multiple_of(2);
            workload.set(if on {
                Activity::Load
            } else {
                Activity::Context
            });
            switches.push(clock.now());
        }
    }
    let recording = Recording::new(sensor.spec(), readings);
    workload.set(Activity::Context);
    let series = recording.series(model)?;
    Ok(analyse(&series, &switches, hold, interval))
}

fn analyse(series: &Series, switches: &[f64], hold: f64, interval: f64) -> Option<Response> {
    let mut delays = Vec::new();
    let mut settles = Vec::new();
    let (mut between, mut partials, mut evaluated) = (0usize, 0usize, 0usize);
    let ends = switches.iter().skip(1).copied().chain([f64::MAX]);
    let mut before = f64::MIN;
    for (&at, next) in switches.iter().zip(ends) {
        let old = line(series, (at - 0.6 * hold).max(before), at);
        let new = line(series, at + 0.4 * hold, (at + hold).min(next));
        before = at + 0.4 * hold;
        let (Some(old), Some(new)) = (old, new) else {
            continue;
        };
        let rise = new.watts - old.watts;
        if rise.abs() < MIN_RISE * old.watts.abs().max(new.watts.abs()) {
            continue;
        }
        let meet = (old.joules - new.joules + new.watts * new.at - old.watts * old.at) / rise;
        delays.push(meet - at);
        let (partial, settled) = follow(series, at, at + 0.4 * hold, old.watts, rise);
        settles.push(settled - meet);
        if rise.abs() < STEADY * new.scatter.max(old.scatter) {
            continue;
        }
        evaluated += 1;
        between += usize::from(partial > 0);
        partials += partial;
    }
    if delays.len() < switches.len() / 3 {
        return None;
    }
    delays.sort_by(f64::total_cmp);
    settles.sort_by(f64::total_cmp);
    let delay = delays[delays.len() / 2];
    let quarter = delays.len() / 4;
    // The quartiles of a normal lie 1.35 standard deviations apart.
    let sd = (delays[delays.len() - 1 - quarter] - delays[quarter]) / 1.35;
    let share = between as f64 / evaluated as f64 / (BETWEEN.1 - BETWEEN.0);
    // A value that shows the whole rise comes up to an update interval late.
    let settle = (settles[settles.len() * 9 / 10] - interval).max(0.0);
    let is_averaging_known = match series.spec.quantity {
        Quantity::Power { averaging } => averaging.is_some(),
        Quantity::Energy { .. } => true,
    };
    let coverage = if interval < FAST {
        Some(1.0)
    } else if evaluated < MIN_SWITCHES {
        None
    } else if !is_averaging_known && 2 * partials > 3 * evaluated {
        Some(lagging(settle, interval))
    } else if share >= FULL {
        Some(1.0)
    } else {
        Some(share.max(LOWEST_COVERAGE))
    };
    Some(Response {
        delay,
        delay_error: (1.96 * 1.25 * sd / (delays.len() as f64).sqrt()).max(5e-4),
        settle,
        coverage,
        switches: delays.len(),
    })
}

/// The coverage of a sensor that follows power by a lag of first order and samples it once per update: some times count
/// more in its sum than others.
fn lagging(settle: f64, interval: f64) -> f64 {
    // A first-order lag shows 92 % of a rise 1.5 of its times after its mean.
    let lag = (settle / 1.5).max(1e-3);
    let half = interval / (2.0 * lag);
    let uneven = (half / half.tanh() - 1.0).max(0.0).sqrt();
    (1.0 - uneven.min(1.0)).max(LOWEST_COVERAGE)
}

/// Energy shown around the middle of a time of steady power, and the scatter of its watts.
struct Line {
    at: f64,
    joules: f64,
    watts: f64,
    scatter: f64,
}

fn line(series: &Series, from: f64, to: f64) -> Option<Line> {
    let first = series.points.partition_point(|point| point.at < from);
    let end = series.points.partition_point(|point| point.at <= to);
    let points = series.points.get(first..end)?;
    if points.len() < 3 {
        return None;
    }
    let count = points.len() as f64;
    let at = points.iter().map(|point| point.at).sum::<f64>() / count;
    let joules = points.iter().map(|point| point.joules).sum::<f64>() / count;
    let (mut cross, mut square) = (0.0, 0.0);
    for point in points {
        cross += (point.at - at) * (point.joules - joules);
        square += (point.at - at).powi(2);
    }
    let watts = cross / square;
    let off = points
        .windows(2)
        .filter(|pair| pair[1].at > pair[0].at)
        .map(|pair| {
            let own = (pair[1].joules - pair[0].joules) / (pair[1].at - pair[0].at);
            (own - watts).powi(2)
        });
    let scatter = (off.sum::<f64>() / (count - 1.0)).sqrt();
    (square > 0.0).then_some(Line {
        at,
        joules,
        watts,
        scatter,
    })
}

/// How many values showed part of the rise, and when the new power was first shown in full.
fn follow(series: &Series, from: f64, to: f64, old: f64, rise: f64) -> (usize, f64) {
    let mut partial = 0;
    let first = series.points.partition_point(|point| point.at <= from);
    for at in first.max(1)..series.points.len() {
        let (before, point) = (&series.points[at - 1], &series.points[at]);
        if point.at > to {
            break;
        }
        let watts = match series.watts.get(at) {
            Some(&watts) => watts,
            None => (point.joules - before.joules) / (point.at - before.at),
        };
        let share = (watts - old) / rise;
        partial += usize::from(share > BETWEEN.0 && share < BETWEEN.1);
        if share >= BETWEEN.1 {
            // A value covers the time before it: the power was shown in full when the last value appeared.
            let counted = series.watts.is_empty();
            return (partial, if counted { before.at } else { point.at });
        }
    }
    (partial, to)
}
