//! The scatter of readings, and the uncertainty of a window's joules that follows.

use crate::energy::sensor::Quantity;
use crate::energy::sensor_model::{SETTLED, SensorModel};
use crate::energy::series::{Point, Series};

/// Fewer blocks than this do not show their scatter.
const MIN_BLOCKS: usize = 4;
/// This many settling times to one side of an end show how much a mean blurs.
const BLUR_SETTLES: f64 = 4.0;
/// Power is computed over at least this many seconds.
pub(super) const GRAIN: f64 = 0.02;
/// The coverage assumed of a full-time sensor: its averaging time and its update interval are not quite equal.
const FULL_COVERAGE: f64 = 0.97;
/// 1/2 if the unseen part of an update interval were independent of the seen part; 1 if it were the more similar the
/// shorter it is.
const UNLIKE: f64 = 0.82;
/// The coverage assumed where it was not measured: the lowest of any model card.
const LOWEST_COVERAGE: f64 = 0.25;

/// The factor by which the spread of `count` values has to be raised: few values show less than their scatter.
pub(super) fn few(count: usize) -> f64 {
    1.0 + 4.0 / count as f64
}

/// Standard deviation of the mean of correlated `values`: the largest that any block length shows. `blurred` is the part
/// of a value's own variance that the next value takes back.
pub(super) fn sd_of_mean(values: &[f64], blurred: f64) -> f64 {
    let mut blocks = values.to_vec();
    let mut blurred = blurred;
    let mut largest: f64 = 0.0;
    loop {
        let count = blocks.len() as f64;
        let own = (spread(&blocks).powi(2) - blurred).max(0.0);
        largest = largest.max((own / count).sqrt() * few(blocks.len()));
        if blocks.len() < 2 * MIN_BLOCKS {
            return largest;
        }
        blocks = blocks
            .chunks_exact(2)
            .map(|pair| f64::midpoint(pair[0], pair[1]))
            .collect();
        // Over twice the time, the uncertainty of the ends is the same.
        blurred /= 4.0;
    }
}

/// The scatter of the points of a window.
pub(super) struct Scatter {
    /// Joules by which an update lies off the line through its neighbours: jitter of its time, quantum, and power that
    /// changes between updates.
    joules: Option<f64>,
    /// Watts by which one update (of a fast sensor, one [`GRAIN`]) differs from the next.
    pub watts: f64,
    /// Mean of [`Point::half`].
    half: f64,
    /// Missed updates.
    missed: f64,
    /// Updates within the window.
    updates: usize,
}

impl Scatter {
    pub(super) fn of(series: &Series, first: usize, last: usize) -> Self {
        let points = &series.points[first..=last];
        let longest = 1.5 * series.update_interval.unwrap_or(0.0);
        let near = |gap: f64| series.update_interval.is_none() || gap <= longest;
        let mut off: Vec<f64> = points
            .windows(3)
            .filter(|three| near(three[1].gap) && near(three[2].gap))
            .map(|three| {
                let share = (three[1].at - three[0].at) / (three[2].at - three[0].at);
                let line = three[0].joules + share * (three[2].joules - three[0].joules);
                // Three equally uncertain points: variance 1 + 1/4 + 1/4.
                ((three[1].joules - line) / 1.5f64.sqrt()).abs()
            })
            .collect();
        off.sort_by(f64::total_cmp);
        // The median of |x| of a normal x is 0.6745 of its standard deviation.
        let joules = (off.len() >= 4).then(|| off[off.len() / 2] / 0.6745);
        let watts: Vec<f64> = if series.watts.is_empty() {
            coarse(points)
        } else {
            series.watts[first..=last].to_vec()
        };
        let count = points.len() as f64;
        Self {
            joules,
            watts: spread(&watts),
            half: points.iter().map(|point| point.half).sum::<f64>() / count,
            missed: points
                .iter()
                .filter(|point| !near(point.gap))
                .map(|point| {
                    point.gap / series.update_interval.unwrap_or(point.gap).max(1e-9) - 1.0
                })
                .sum(),
            updates: points.len() - 1,
        }
    }

    /// Standard deviation of the joules at an edge on `point`.
    pub(super) fn edge(&self, point: Point, power: f64) -> f64 {
        let timing = power * point.half / 3f64.sqrt();
        self.joules.unwrap_or(timing).max(timing / 2.0)
    }
}

/// Mean watts of blocks of at least [`GRAIN`]: over less, the times of the points matter more than the power.
pub(super) fn coarse(points: &[Point]) -> Vec<f64> {
    means(points, GRAIN)
}

/// Mean watts of blocks of at least `grain` seconds.
pub(super) fn means(points: &[Point], grain: f64) -> Vec<f64> {
    let mut watts = Vec::new();
    let mut start = points[0];
    for point in points {
        let seconds = point.at - start.at;
        if seconds >= grain {
            watts.push((point.joules - start.joules) / seconds);
            start = *point;
        }
    }
    watts
}

/// Standard deviation by successive differences: a drift does not count as scatter.
fn spread(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return 0.0;
    }
    let sum: f64 = values
        .windows(2)
        .map(|pair| (pair[1] - pair[0]).powi(2))
        .sum();
    (sum / 2.0 / (values.len() - 1) as f64).sqrt()
}

/// Standard deviation of the joules that a sensor misses, or counts twice, because it samples part of the time, misses
/// updates, or its update times are uncertain.
pub(super) fn sampling(
    series: &Series,
    model: &SensorModel,
    scatter: &Scatter,
    seconds: f64,
) -> f64 {
    let coverage = match (series.spec.quantity, model.coverage) {
        (Quantity::Power { .. }, Some(coverage)) => coverage.clamp(0.0, FULL_COVERAGE),
        (Quantity::Power { .. }, None) => LOWEST_COVERAGE,
        (Quantity::Energy { .. }, coverage) => coverage.unwrap_or(1.0),
    };
    let updates = scatter.updates.max(1) as f64;
    let interval = seconds / updates;
    // The unseen part of an update interval is the more similar to the seen part the shorter it is.
    let unseen = scatter.watts * interval * updates.sqrt() * (1.0 - coverage).powf(UNLIKE);
    if !series.spec.is_power() {
        return unseen;
    }
    let missed = scatter.watts * interval * (1.5 * scatter.missed.max(0.0)).sqrt();
    let timing = scatter.watts * scatter.half * (2.0 * updates / 3.0).sqrt();
    unseen.hypot(missed).hypot(timing)
}

/// Standard deviation of the joules by which a mean over several updates blurs both edges: the power's change from one
/// such mean to the next, over the spread of the averaging.
pub(super) fn smear(series: &Series, model: &SensorModel, first: usize, last: usize) -> f64 {
    let over = model.settling_time;
    if series.watts.is_empty() || over <= 3.0 * series.update_interval.unwrap_or(0.0) {
        return 0.0;
    }
    let (mut sum, mut count) = (0.0, 0.0);
    let mut ahead = first;
    for at in first..=last {
        while ahead < last && series.points[ahead].at < series.points[at].at + over {
            ahead += 1;
        }
        if series.points[ahead].at >= series.points[at].at + over {
            sum += (series.watts[ahead] - series.watts[at]).powi(2);
            count += 1.0;
        }
    }
    if count < 1.0 {
        return 0.0;
    }
    let watts = (sum / count / 2.0_f64).sqrt();
    // The settling time as calibrated, less an update interval, is 1.25 standard deviations of a box and of a first-order
    // lag alike, times `SETTLED`.
    2f64.sqrt() * watts * over / SETTLED / 1.25
}

/// The same for one end, by the power to one side of it: -1 before, 1 after.
pub(super) fn blur(series: &Series, model: &SensorModel, at: f64, side: f64) -> f64 {
    let far = at + side * BLUR_SETTLES * model.settling_time;
    let first = series
        .points
        .partition_point(|point| point.at < at.min(far));
    let end = series
        .points
        .partition_point(|point| point.at <= at.max(far));
    if end <= first {
        return 0.0;
    }
    smear(series, model, first, end - 1) / 2f64.sqrt()
}
