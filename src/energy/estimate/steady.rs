//! The power of a device that does the same all the time.

use super::ends::EDGE_UPDATES;
use super::window::averaging;
use super::{Z, scatter};
use crate::energy::figure::Interval;
use crate::energy::sensor_model::SensorModel;
use crate::energy::series::Series;

/// Steady power is measured over blocks of at least this many seconds,
const BLOCK_SECONDS: f64 = 0.4;
/// and over at least this many of them.
const MIN_BLOCKS: usize = 3;

/// Mean watts of a device that does the same all the time: the 95 % confidence interval, including the swings of the
/// device itself.
pub(crate) fn steady(series: &Series, model: &SensorModel) -> Option<Interval> {
    let (from, to) = series.span;
    let from = from + model.response_time().min((to - from) / 2.0);
    let first = series.points.partition_point(|point| point.at < from);
    let points = &series.points[first..];
    let (a, b) = (points.first()?, points.last()?);
    let interval = series.update_interval.unwrap_or(0.0);
    if series.spec.is_power() {
        // Only values that average over different times are independent.
        let alike = averaging(&series.spec, model, interval) / interval.max(BLOCK_SECONDS / 10.0);
        let values = &series.watts[first..];
        let apart = values.iter().step_by((alike.round() as usize).max(1));
        let apart: Vec<f64> = apart.copied().collect();
        let watts = values.iter().sum::<f64>() / values.len() as f64;
        let sd = scatter::sd_of_mean(&apart, 0.0);
        return (apart.len() >= MIN_BLOCKS).then(|| Interval::around(watts, Z * sd));
    }
    let block = BLOCK_SECONDS.max(EDGE_UPDATES / 2.0 * interval);
    let blocks = scatter::means(points, block);
    let watts = (b.joules - a.joules) / (b.at - a.at);
    // Uncertain times make the watts high in one block and low in the next: most of that is not a swing of power.
    let half = points.iter().map(|point| point.half).sum::<f64>() / points.len() as f64;
    let edges = 2.0 / 3.0 * (watts * half).powi(2);
    let sd = scatter::sd_of_mean(&blocks, edges / block.powi(2) / 4.0);
    let timing = edges.sqrt() / (b.at - a.at);
    (blocks.len() >= MIN_BLOCKS).then(|| Interval::around(watts, Z * sd.hypot(timing)))
}
