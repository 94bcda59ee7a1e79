//! The two ends of a fixed window: joules shown there, and what is not known of them.

use super::scatter::{GRAIN, blur, coarse, few, of_mean};
use super::{EDGE_TICKS, Edge, Z};
use crate::energy::sensor_model::{SETTLED, SensorModel};
use crate::energy::series::{Point, Series};

/// Half the mean deviation of what a sensor averages by, as a share of its settling time, for a box and for a lag of
/// first order alike.
const BLUR: f64 = 0.13;
/// A roll that stands for more ticks than this is far from the end it tells of.
const FAR_TICKS: f64 = 5.0;

/// Joules shown at an end of a fixed window, and what is not known of them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct End {
    pub joules: f64,
    /// Standard deviation.
    pub sd: f64,
    /// Beyond chance: the joules of a tick of which no more is known.
    pub bound: f64,
}

impl End {
    /// Where a window begins.
    pub(super) fn begin(series: &Series, known: &SensorModel, from: f64, edge: Edge) -> Self {
        Self::of(series, known, from, edge, before_load)
    }

    /// Where it ends.
    pub(super) fn finish(series: &Series, known: &SensorModel, to: f64, edge: Edge) -> Self {
        Self::of(series, known, to, edge, after_load)
    }

    fn of(
        series: &Series,
        known: &SensorModel,
        moment: f64,
        edge: Edge,
        load: fn(&Series, &SensorModel, f64) -> Self,
    ) -> Self {
        match edge {
            // Where a roll has to stand for many ticks and the power does not jump, the straight line is surer.
            Edge::Boundary if known.reach() > FAR_TICKS * series.tick.unwrap_or(0.0) => {
                load(series, known, moment).surer(cut(series, known, moment))
            }
            Edge::Boundary => load(series, known, moment),
            Edge::Interior => cut(series, known, moment),
        }
    }

    /// The one of two tellings of the same end that is less unsure.
    fn surer(self, other: Self) -> Self {
        let unsure = |end: &Self| Z * end.sd + end.bound;
        if unsure(&other) < unsure(&self) {
            other
        } else {
            self
        }
    }
}

/// The start of a load: until it can show, the power is that of the time before.
fn before_load(series: &Series, known: &SensorModel, from: f64) -> End {
    // A mean begins to move half its length before the middle by which its delay is told.
    let early = known.delay_error + known.settling_time / SETTLED;
    let shown = from + (known.delay - early).max(0.0);
    let at = series
        .points
        .partition_point(|point| point.at + point.half <= shown);
    let moment = from + known.delay;
    let Some(anchor) = at.checked_sub(1).map(|at| series.points[at]) else {
        return outside(series, moment, 0);
    };
    let reach = EDGE_TICKS * 2.0 * series.tick.unwrap_or(0.0).max(0.03);
    let Some(roll) = Roll::of(series, anchor.at - reach - known.reach(), anchor.at) else {
        return outside(series, moment, at);
    };
    let missing = moment - anchor.at;
    End {
        joules: anchor.joules + roll.watts * missing,
        sd: roll
            .end(anchor, missing, known)
            .hypot(blur(series, known, anchor.at, -1.0)),
        bound: 0.0,
    }
}

/// The end of a load: once it must have been shown in full, what came after is taken away.
fn after_load(series: &Series, known: &SensorModel, to: f64) -> End {
    let moment = to + known.delay;
    let shown = moment + known.delay_error + known.settling_time;
    let at = series
        .points
        .partition_point(|point| point.at - point.half < shown);
    let Some(anchor) = series.points.get(at).copied() else {
        return outside(series, moment, series.points.len() - 1);
    };
    let reach = EDGE_TICKS * 2.0 * series.tick.unwrap_or(0.0).max(0.03);
    let Some(roll) = Roll::of(series, anchor.at, anchor.at + reach + known.reach()) else {
        return outside(series, moment, at);
    };
    let extra = anchor.at - moment;
    End {
        joules: anchor.joules - roll.watts * extra,
        sd: roll
            .end(anchor, extra, known)
            .hypot(blur(series, known, anchor.at, 1.0)),
        bound: 0.0,
    }
}

/// A cut through something that goes on.
fn cut(series: &Series, known: &SensorModel, moment: f64) -> End {
    let shown = moment + known.delay;
    let Some(joules) = series.at(shown) else {
        let nearest = series.points.partition_point(|point| point.at < shown);
        return outside(series, shown, nearest.min(series.points.len() - 1));
    };
    let tick = series.tick.unwrap_or(0.0).max(GRAIN / 2.0);
    let reach = (2.0 * tick).max(known.reach());
    let around = |from: f64, to: f64| Roll::of(series, from, to);
    let (Some(before), Some(after)) = (around(shown - reach, shown), around(shown, shown + reach))
    else {
        // Too few points to say how the power lies around it.
        let nearest = series.points.partition_point(|point| point.at < shown);
        return outside(series, shown, nearest);
    };
    let jump = (after.watts - before.watts).abs();
    let swing = before.swing.hypot(after.swing);
    // Within a tick the power is not known: the straight line is off by a quarter of the jump at most. A mean over more
    // than a tick blurs a jump by half of its mean deviation.
    let blurred = jump * (tick / 4.0 / 3f64.sqrt()).hypot(BLUR * known.settling_time);
    let shift = known.delay_error / Z * jump.hypot(swing);
    End {
        joules,
        sd: blurred
            .hypot(shift)
            .hypot(swing * tick / 12f64.sqrt())
            .hypot(blur(series, known, shown, -1.0).max(blur(series, known, shown, 1.0))),
        bound: 0.0,
    }
}

/// An end at which nothing was shown before (or after) it: carried on from the nearest two points, all of it unsure.
fn outside(series: &Series, moment: f64, nearest: usize) -> End {
    let nearest = nearest.min(series.points.len() - 1);
    let (a, b) = match nearest {
        0 => (series.points[0], series.points[1]),
        at => (series.points[at - 1], series.points[at]),
    };
    let watts = (b.joules - a.joules) / (b.at - a.at).max(f64::MIN_POSITIVE);
    let anchor = series.points[nearest];
    let carried = watts * (moment - anchor.at);
    End {
        joules: anchor.joules + carried,
        sd: 0.0,
        bound: carried.abs(),
    }
}

/// The power before or after a load.
pub(super) struct Roll {
    pub watts: f64,
    /// Standard deviation of their mean.
    pub sd: f64,
    /// Standard deviation of the watts themselves.
    swing: f64,
}

impl Roll {
    pub(super) fn of(series: &Series, from: f64, to: f64) -> Option<Self> {
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
        // Times that are not known sharply make a counter's watts high in one tick and low in the next; only what scatters
        // beyond that is power's own. A power sensor's watts do not come from times.
        let blurred = if series.spec.is_power() {
            0.0
        } else {
            let tick = (b.at - a.at) / each.len() as f64;
            let half = points.iter().map(|point| point.half).sum::<f64>() / points.len() as f64;
            2.0 * (watts * half / tick).powi(2) / 3.0
        };
        let sd = of_mean(&each, blurred);
        let off = each.iter().map(|own| (own - watts).powi(2)).sum::<f64>();
        let swing = (off / each.len() as f64 - blurred).max(0.0).sqrt() * few(each.len());
        // The ends of the roll are as unsure as any tick.
        let timing = watts * a.half.hypot(b.half) / 3f64.sqrt() / (b.at - a.at);
        Some(Self {
            watts,
            sd: sd.hypot(timing),
            swing,
        })
    }
}

impl Roll {
    /// Standard deviation of the joules at an end that lies `seconds` of this power away from `anchor`.
    fn end(&self, anchor: Point, seconds: f64, known: &SensorModel) -> f64 {
        let time = anchor.half / 3f64.sqrt() * self.watts;
        // Power in just those seconds may differ from the roll's mean as the roll's own values do.
        let shift = (known.delay_error / Z).hypot(seconds) * self.swing;
        (self.sd * seconds).hypot(time).hypot(shift)
    }
}
