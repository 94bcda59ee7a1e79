//! How an instrument follows a load that is switched on and off at known times.
//!
//! The load is switched many times, at phases of the tick that are spread over it. Before and after each switch the
//! power is steady, so that the lines of shown energy meet at the time of the switch plus the instrument's delay. How
//! often a switch falls into a value, and not between two, is the share of the time in which the instrument looks.

use serde::{Deserialize, Serialize};

use super::{Activity, LEAST_RISE, Workload};
use crate::energy::poll_schedule::PollSchedule;
use crate::energy::recording::{Clock, Recording};
use crate::energy::sensor::{Quantity, Sensor, SensorSpec, Unavailable};
use crate::energy::sensor_model::{SETTLED, SensorModel};
use crate::energy::series::Series;

/// What the switches showed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Response {
    /// Seconds from a switch to where its two lines of energy meet.
    pub delay: f64,
    /// How far that may be off (95 %).
    pub delay_error: f64,
    /// Seconds after the delay until the new power is shown in full.
    pub settle: f64,
    /// The share of the time in which it samples; absent where the load is too unsteady to tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage: Option<f64>,
    /// Switches that were looked at.
    pub switches: usize,
}

/// Switches of the load, half of them on.
const SWITCHES: usize = 24;
/// At least so many ticks lie between two switches.
const TICKS: f64 = 8.0;
const LEAST_HOLD: f64 = 0.8;
/// A rise of fewer times the watts' own scatter does not show whether a value holds part of it; so many switches have
/// to.
const STEADY: f64 = 6.0;
const LEAST_SWITCHES: usize = 8;
/// No sensor is known to look less.
const LEAST_COVERAGE: f64 = 0.2;
/// An instrument with such a tick is given half as many switches, of longer holds.
const SLOW: f64 = 1.0;
/// One with such a tick counts; it does not sample.
const FAST: f64 = 0.005;
/// Between these shares of the rise a value is neither the old nor the new power.
const BETWEEN: (f64, f64) = (0.08, 0.92);
/// Below this a sensor is taken to look part of the time; above it the count of switches can't tell it from all of it.
const FULL: f64 = 0.8;

impl Response {
    pub(super) fn apply(&self, known: &mut SensorModel, spec: &SensorSpec) {
        // Where less is known from watching than beforehand, what was known stands.
        if self.delay_error < known.delay_error {
            known.delay = self.delay.max(0.0);
            known.delay_error = self.delay_error;
        }
        known.coverage = self.coverage.or(known.coverage);
        known.settling_time = if spec.is_power() {
            SETTLED * self.settle
        } else {
            0.0
        };
    }
}

/// `None` where the load hardly shows.
pub(super) fn measure(
    instrument: &dyn Sensor,
    workload: &mut dyn Workload,
    clock: &dyn Clock,
    known: &SensorModel,
) -> Result<Option<Response>, Unavailable> {
    let tick = known
        .update_interval
        .unwrap_or(instrument.spec().expected_update_interval);
    // Nothing is known yet of a lag's tail.
    let hold = (TICKS * tick).max(LEAST_HOLD) + SETTLED * known.settling_time;
    let count = if tick >= SLOW { SWITCHES / 2 } else { SWITCHES };
    let start = clock.now() + hold;
    let mut switches: Vec<f64> = Vec::with_capacity(count);
    let mut schedule = PollSchedule::new(instrument.spec(), known.update_interval);
    let mut readings = Vec::new();
    // The golden ratio spreads the phases over the tick, whatever its length is exactly.
    let due = |at: usize| start + at as f64 * hold + (at as f64 * 0.618_034).fract() * tick;
    while clock.now() < due(count) {
        let before = readings.len();
        instrument.poll(&mut readings)?;
        readings[before..]
            .iter()
            .for_each(|reading| schedule.observe(reading));
        let next = due(switches.len());
        clock.sleep_until(schedule.next(clock.now()).min(next));
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
    let recording = Recording::new(instrument.spec(), readings);
    workload.set(Activity::Context);
    let series = recording.series(known)?;
    Ok(analyse(&series, &switches, hold, tick))
}

fn analyse(series: &Series, switches: &[f64], hold: f64, tick: f64) -> Option<Response> {
    let mut delays = Vec::new();
    let mut settles = Vec::new();
    let (mut between, mut partials, mut looked) = (0usize, 0usize, 0usize);
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
        if rise.abs() < LEAST_RISE * old.watts.abs().max(new.watts.abs()) {
            continue;
        }
        let meet = (old.joules - new.joules + new.watts * new.at - old.watts * old.at) / rise;
        delays.push(meet - at);
        let (partial, settled) = follow(series, at, at + 0.4 * hold, old.watts, rise);
        settles.push(settled - meet);
        if rise.abs() < STEADY * new.scatter.max(old.scatter) {
            continue;
        }
        looked += 1;
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
    let share = between as f64 / looked as f64 / (BETWEEN.1 - BETWEEN.0);
    // A value that shows the whole rise comes up to a tick late.
    let settle = (settles[settles.len() * 9 / 10] - tick).max(0.0);
    let told = match series.spec.quantity {
        Quantity::Power { averaging } => averaging.is_some(),
        Quantity::Energy { .. } => true,
    };
    let coverage = if tick < FAST {
        Some(1.0)
    } else if looked < LEAST_SWITCHES {
        None
    } else if !told && 2 * partials > 3 * looked {
        Some(lagging(settle, tick))
    } else if share >= FULL {
        Some(1.0)
    } else {
        Some(share.max(LEAST_COVERAGE))
    };
    Some(Response {
        delay,
        delay_error: (1.96 * 1.25 * sd / (delays.len() as f64).sqrt()).max(5e-4),
        settle,
        coverage,
        switches: delays.len(),
    })
}

/// What is left of full coverage where power is followed by a lag of first order and looked at once a tick: of one time
/// more gets into the sum than of another.
fn lagging(settle: f64, tick: f64) -> f64 {
    // A first-order lag shows 92 % of a rise 1.5 of its times after its mean.
    let lag = (settle / 1.5).max(1e-3);
    let half = tick / (2.0 * lag);
    let uneven = (half / half.tanh() - 1.0).max(0.0).sqrt();
    (1.0 - uneven.min(1.0)).max(LEAST_COVERAGE)
}

/// Energy shown around the middle of a stretch of steady power, and by how much its watts scatter.
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
            // A value covers the time before it: it was in full already when the last one was shown.
            return (
                partial,
                if series.watts.is_empty() {
                    before.at
                } else {
                    point.at
                },
            );
        }
    }
    (partial, to)
}
