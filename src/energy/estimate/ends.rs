//! The two ends of a fixed window: the joules shown there, and their uncertainty.

use serde::{Deserialize, Serialize};

use super::Z;
use super::scatter::{GRAIN, blur, coarse, few, sd_of_mean};
use crate::energy::sensor_model::{SETTLED, SensorModel};
use crate::energy::series::{Point, Series};

/// How the power at an end of a window relates to the power within.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Edge {
    /// The load begins or ends here: a command, a closure.
    Boundary,
    /// The load continues across it: a part of a recording.
    Interior,
}

/// This many updates to either side of an edge show the power there.
pub(super) const EDGE_UPDATES: f64 = 5.0;
/// Half the mean deviation of what a sensor averages by, as a share of its settling time, for a box and for a lag of
/// first order alike.
const BLUR: f64 = 0.13;
/// A roll that represents more updates than this is far from the end it describes.
const FAR_UPDATES: f64 = 5.0;

/// Which end of a window.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Side {
    Start,
    Finish,
}

/// Joules shown at an end of a fixed window, and their uncertainty.
#[derive(Clone, Copy)]
pub(super) struct End {
    pub joules: f64,
    /// Standard deviation.
    pub sd: f64,
    /// Beyond chance: the joules of an update of which no more is known.
    pub bound: f64,
}

impl End {
    /// The end of a window at `time`.
    pub(super) fn of(
        series: &Series,
        model: &SensorModel,
        time: f64,
        edge: Edge,
        side: Side,
    ) -> Self {
        if edge == Edge::Interior {
            return interior(series, model, time);
        }
        let end = boundary(series, model, time, side);
        // Where a roll has to represent many updates and the power does not jump, the straight line is more certain.
        let interval = series.update_interval.unwrap_or(0.0);
        if model.roll_seconds() > FAR_UPDATES * interval {
            let line = interior(series, model, time);
            let uncertainty = |end: &Self| Z * end.sd + end.bound;
            if uncertainty(&line) < uncertainty(&end) {
                return line;
            }
        }
        end
    }
}

/// The start or end of a load. Before a load can show, the power is that of the pre-roll; once the end of a load must have
/// been shown in full, the joules of the post-roll are subtracted.
fn boundary(series: &Series, model: &SensorModel, time: f64, side: Side) -> End {
    let points = &series.points;
    let moment = time + model.delay;
    let (anchor, nearest) = match side {
        Side::Start => {
            // A mean begins to move half its length before the middle that defines its delay.
            let early = model.delay_error + model.settling_time / SETTLED;
            let shown = time + (model.delay - early).max(0.0);
            let next = points.partition_point(|point| point.at + point.half <= shown);
            (next.checked_sub(1), next)
        }
        Side::Finish => {
            let shown = moment + model.delay_error + model.settling_time;
            let next = points.partition_point(|point| point.at - point.half < shown);
            (Some(next), next.min(points.len() - 1))
        }
    };
    let Some(anchor) = anchor.and_then(|anchor| points.get(anchor)).copied() else {
        return outside(series, moment, nearest);
    };
    let reach = EDGE_UPDATES * 2.0 * series.update_interval.unwrap_or(0.0).max(0.03);
    let (roll, side) = match side {
        Side::Start => {
            let from = anchor.at - reach - model.roll_seconds();
            (RollPower::of(series, from, anchor.at), -1.0)
        }
        Side::Finish => {
            let to = anchor.at + reach + model.roll_seconds();
            (RollPower::of(series, anchor.at, to), 1.0)
        }
    };
    let Some(roll) = roll else {
        return outside(series, moment, nearest);
    };
    let seconds = moment - anchor.at;
    End {
        joules: anchor.joules + roll.watts * seconds,
        sd: roll
            .sd_at(anchor, seconds, model)
            .hypot(blur(series, model, anchor.at, side)),
        bound: 0.0,
    }
}

/// An end that the load continues across.
fn interior(series: &Series, model: &SensorModel, moment: f64) -> End {
    let shown = moment + model.delay;
    let nearest = series.points.partition_point(|point| point.at < shown);
    let Some(joules) = series.at(shown) else {
        return outside(series, shown, nearest);
    };
    let interval = series.update_interval.unwrap_or(0.0).max(GRAIN / 2.0);
    let reach = (2.0 * interval).max(model.roll_seconds());
    let before = RollPower::of(series, shown - reach, shown);
    let Some((before, after)) = before.zip(RollPower::of(series, shown, shown + reach)) else {
        return outside(series, shown, nearest);
    };
    let jump = (after.watts - before.watts).abs();
    let swing = before.swing.hypot(after.swing);
    // Within an update interval the power is unknown: the straight line is off by a quarter of the jump at most. A mean
    // over a longer time blurs a jump by half of its mean deviation.
    let blurred = jump * (interval / 4.0 / 3f64.sqrt()).hypot(BLUR * model.settling_time);
    let shift = model.delay_error / Z * jump.hypot(swing);
    End {
        joules,
        sd: blurred
            .hypot(shift)
            .hypot(swing * interval / 12f64.sqrt())
            .hypot(blur(series, model, shown, -1.0).max(blur(series, model, shown, 1.0))),
        bound: 0.0,
    }
}

/// An end before or after all values: extrapolated from the nearest two points, all of it uncertain.
fn outside(series: &Series, moment: f64, nearest: usize) -> End {
    let nearest = nearest.min(series.points.len() - 1);
    let before = nearest.max(1) - 1;
    let (a, b) = (series.points[before], series.points[before + 1]);
    let watts = (b.joules - a.joules) / (b.at - a.at).max(f64::MIN_POSITIVE);
    let anchor = series.points[nearest];
    let carried = watts * (moment - anchor.at);
    End {
        joules: anchor.joules + carried,
        sd: 0.0,
        bound: carried.abs(),
    }
}

/// The power of a pre-roll or post-roll.
struct RollPower {
    watts: f64,
    /// Standard deviation of the mean watts.
    sd: f64,
    /// Standard deviation of the watts themselves.
    swing: f64,
}

impl RollPower {
    fn of(series: &Series, from: f64, to: f64) -> Option<Self> {
        let first = series.points.partition_point(|point| point.at < from);
        let end = series.points.partition_point(|point| point.at <= to);
        let points = series.points.get(first..end)?;
        let (a, b) = (points.first()?, points.last()?);
        if b.at <= a.at {
            return None;
        }
        let watts = (b.joules - a.joules) / (b.at - a.at);
        let mut each = coarse(points);
        if each.is_empty() {
            each.push(watts);
        }
        // Uncertain times make a counter's watts high in one update and low in the next; only scatter beyond that is of
        // the power. The watts of a power sensor do not depend on times.
        let blurred = if series.spec.is_power() {
            0.0
        } else {
            let interval = (b.at - a.at) / each.len() as f64;
            let half = points.iter().map(|point| point.half).sum::<f64>() / points.len() as f64;
            2.0 * (watts * half / interval).powi(2) / 3.0
        };
        let sd = sd_of_mean(&each, blurred);
        let off = each.iter().map(|own| (own - watts).powi(2)).sum::<f64>();
        let swing = (off / each.len() as f64 - blurred).max(0.0).sqrt() * few(each.len());
        // The ends of the roll are as uncertain as any update.
        let timing = watts * a.half.hypot(b.half) / 3f64.sqrt() / (b.at - a.at);
        Some(Self {
            watts,
            sd: sd.hypot(timing),
            swing,
        })
    }

    /// Standard deviation of the joules at an end that lies `seconds` of this power away from `anchor`.
    fn sd_at(&self, anchor: Point, seconds: f64, model: &SensorModel) -> f64 {
        let time = anchor.half / 3f64.sqrt() * self.watts;
        // The power of just those seconds can differ from the roll's mean as the roll's own values do.
        let shift = (model.delay_error / Z).hypot(seconds) * self.swing;
        (self.sd * seconds).hypot(time).hypot(shift)
    }
}
