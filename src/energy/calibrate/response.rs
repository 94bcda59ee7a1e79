//! How an instrument follows a load that is switched on and off at known times.
//!
//! The load is switched many times, at phases of the tick that are spread over it. Before and after each switch the
//! power is steady, so that the lines of shown energy meet at the time of the switch plus the instrument's delay. How
//! often a switch falls into a value, and not between two, is the share of the time in which the instrument looks.

use serde::{Deserialize, Serialize};

use super::{Activity, LEAST_RISE, Workload};
use crate::energy::instrument::{Instrument, Refusal, Spec};
use crate::energy::known::Known;
use crate::energy::recording::{Recording, Timeline};
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
    /// The share of the time in which it samples.
    pub coverage: f64,
    /// Switches that were looked at.
    pub switches: usize,
}

/// Switches of the load, half of them on.
const SWITCHES: usize = 24;
/// At least so many ticks lie between two switches.
const TICKS: f64 = 8.0;
const LEAST_HOLD: f64 = 0.8;
/// Between these shares of the rise a value is neither the old nor the new power.
const BETWEEN: (f64, f64) = (0.08, 0.92);
/// Below this a sensor is taken to look part of the time; above it the count of switches can't tell it from all of it.
const FULL: f64 = 0.8;

impl Response {
    pub(super) fn apply(&self, known: &mut Known, spec: &Spec) {
        known.delay = self.delay.max(0.0);
        known.delay_error = self.delay_error;
        known.coverage = Some(self.coverage);
        known.settle = if spec.is_power() { self.settle } else { 0.0 };
    }
}

/// `None` where the load hardly shows.
pub(super) fn measure(
    instrument: &dyn Instrument,
    workload: &mut dyn Workload,
    timeline: &dyn Timeline,
    known: &Known,
) -> Result<Option<Response>, Refusal> {
    let tick = known.tick.unwrap_or(0.01);
    let hold = (TICKS * tick).max(LEAST_HOLD) + 2.0 * known.settle;
    let mut switches: Vec<f64> = Vec::with_capacity(SWITCHES);
    let start = timeline.now() + hold;
    let mut on = false;
    let end = start + SWITCHES as f64 * (hold + tick) + hold;
    let recording = Recording::take(instrument, timeline, known.tick, |now| {
        let at = switches.len();
        // The golden ratio spreads the phases over the tick, whatever its length is exactly.
        let due = start + at as f64 * hold + (at as f64 * 0.618_034).fract() * tick;
        if at < SWITCHES && now >= due {
            on = !on;
            workload.set(if on {
                Activity::Load
            } else {
                Activity::Context
            });
            switches.push(timeline.now());
        }
        now >= end
    })?;
    workload.set(Activity::Context);
    let series = recording.series(known)?;
    Ok(analyse(&series, &switches, hold))
}

fn analyse(series: &Series, switches: &[f64], hold: f64) -> Option<Response> {
    let mut delays = Vec::new();
    let mut settles = Vec::new();
    let (mut between, mut looked) = (0usize, 0usize);
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
        looked += 1;
        between += usize::from(partial);
        settles.push(settled - meet);
    }
    if delays.len() < SWITCHES / 3 {
        return None;
    }
    delays.sort_by(f64::total_cmp);
    settles.sort_by(f64::total_cmp);
    let delay = delays[delays.len() / 2];
    let quarter = delays.len() / 4;
    // The quartiles of a normal lie 1.35 standard deviations apart.
    let sd = (delays[delays.len() - 1 - quarter] - delays[quarter]) / 1.35;
    let share = between as f64 / looked as f64 / (BETWEEN.1 - BETWEEN.0);
    Some(Response {
        delay,
        delay_error: (1.96 * 1.25 * sd / (delays.len() as f64).sqrt()).max(5e-4),
        settle: settles[settles.len() * 9 / 10].max(0.0),
        coverage: if share >= FULL { 1.0 } else { share.max(0.05) },
        switches: delays.len(),
    })
}

/// Energy shown around the middle of a stretch of steady power.
struct Line {
    at: f64,
    joules: f64,
    watts: f64,
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
    (square > 0.0).then(|| Line {
        at,
        joules,
        watts: cross / square,
    })
}

/// Whether a value showed part of the rise, and when the new power was first shown in full.
fn follow(series: &Series, from: f64, to: f64, old: f64, rise: f64) -> (bool, f64) {
    let mut partial = false;
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
        partial |= share > BETWEEN.0 && share < BETWEEN.1;
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
