//! How readings scatter, and what of a window's joules that leaves open.

use crate::energy::sensor::Quantity;
use crate::energy::sensor_model::{SETTLED, SensorModel};
use crate::energy::series::{Point, Series};

/// Fewer blocks than this say nothing of how they scatter.
const LEAST_BLOCKS: usize = 4;
/// So many settling times to one side of an end show how much a mean blurs.
const BLUR_SETTLES: f64 = 4.0;
/// Power is looked at over no less than so many seconds.
pub(super) const GRAIN: f64 = 0.02;
/// A sensor that looks all the time is known to do so within this much: its averaging and its tick are not quite equal.
const FULL_COVERAGE: f64 = 0.97;
/// 1/2 were the unseen part of a tick independent of the seen one; 1 were it the more like it the shorter it is.
const UNLIKE: f64 = 0.82;
/// What is taken for the share of time a sensor samples where nobody looked: the least that cards are known to have.
const LEAST_COVERAGE: f64 = 0.25;

/// Few values show less than they scatter: by how much their spread is to be raised.
pub(super) fn few(count: usize) -> f64 {
    1.0 + 4.0 / count as f64
}

/// Standard deviation of the mean of `values` whose neighbours may be alike: the largest that any length of blocks shows.
/// `blurred` is the part of the values' own variance that the next one takes back.
pub(super) fn of_mean(values: &[f64], blurred: f64) -> f64 {
    let mut blocks = values.to_vec();
    let mut blurred = blurred;
    let mut most: f64 = 0.0;
    loop {
        let count = blocks.len() as f64;
        let own = (spread(&blocks).powi(2) - blurred).max(0.0);
        most = most.max((own / count).sqrt() * few(blocks.len()));
        if blocks.len() < 2 * LEAST_BLOCKS {
            return most;
        }
        blocks = blocks
            .chunks_exact(2)
            .map(|pair| f64::midpoint(pair[0], pair[1]))
            .collect();
        // Over twice the time, the same unsureness of its ends.
        blurred /= 4.0;
    }
}

/// What the points of a window show of their own unsureness.
pub(super) struct Scatter {
    /// Joules by which a tick lies off the line through its neighbours: jitter of its time, quantum, and power that
    /// changes within a tick.
    joules: Option<f64>,
    /// Watts by which one tick (of a fast instrument, one [`GRAIN`]) differs from the next.
    pub watts: f64,
    /// Mean half of the time within which a point must have appeared.
    half: f64,
    /// Updates that did not come.
    missed: f64,
    /// Ticks (updates) within the window.
    ticks: usize,
}

impl Scatter {
    pub(super) fn of(series: &Series, first: usize, last: usize) -> Self {
        let points = &series.points[first..=last];
        let longest = 1.5 * series.tick.unwrap_or(0.0);
        let near = |gap: f64| series.tick.is_none() || gap <= longest;
        let mut off: Vec<f64> = points
            .windows(3)
            .filter(|three| near(three[1].gap) && near(three[2].gap))
            .map(|three| {
                let share = (three[1].at - three[0].at) / (three[2].at - three[0].at);
                let line = three[0].joules + share * (three[2].joules - three[0].joules);
                // Three equally unsure points: variance 1 + 1/4 + 1/4.
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
                .map(|point| point.gap / series.tick.unwrap_or(point.gap).max(1e-9) - 1.0)
                .sum(),
            ticks: points.len() - 1,
        }
    }

    /// Standard deviation of the joules at an edge on `point`.
    pub(super) fn edge(&self, point: Point, power: f64) -> f64 {
        let timing = power * point.half / 3f64.sqrt();
        self.joules.unwrap_or(timing).max(timing / 2.0)
    }
}

/// Mean watts of stretches of at least [`GRAIN`]: over less, the times of the points matter more than the power.
pub(super) fn coarse(points: &[Point]) -> Vec<f64> {
    means(points, GRAIN)
}

/// Mean watts of stretches of at least `grain` seconds.
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

/// Standard deviation by successive differences: a drift is no scatter.
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

/// Standard deviation of the joules that a sensor misses, or counts twice, because it looks only part of the time,
/// because an update did not come, or because its updates' times are not known sharply.
pub(super) fn sampling(
    series: &Series,
    known: &SensorModel,
    scatter: &Scatter,
    seconds: f64,
) -> f64 {
    let coverage = match (series.spec.quantity, known.coverage) {
        (Quantity::Power { .. }, Some(coverage)) => coverage.clamp(0.0, FULL_COVERAGE),
        (Quantity::Power { .. }, None) => LEAST_COVERAGE,
        (Quantity::Energy { .. }, coverage) => coverage.unwrap_or(1.0),
    };
    let ticks = scatter.ticks.max(1) as f64;
    let tick = seconds / ticks;
    // What is not seen of a tick lies beside what is, and is the more like it the less it is.
    let looks = scatter.watts * tick * ticks.sqrt() * (1.0 - coverage).powf(UNLIKE);
    if !series.spec.is_power() {
        return looks;
    }
    let missed = scatter.watts * tick * (1.5 * scatter.missed.max(0.0)).sqrt();
    let timing = scatter.watts * scatter.half * (2.0 * ticks / 3.0).sqrt();
    looks.hypot(missed).hypot(timing)
}

/// Standard deviation of the joules by which a mean over several ticks blurs both edges: the power's change from one
/// such mean to the next, over the spread of what it averages by.
pub(super) fn smear(series: &Series, known: &SensorModel, first: usize, last: usize) -> f64 {
    let over = known.settling_time;
    if series.watts.is_empty() || over <= 3.0 * series.tick.unwrap_or(0.0) {
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
    // As settling is learnt, less a tick, it is 1.25 standard deviations of a box and of a first-order lag alike, stretched.
    2f64.sqrt() * watts * over / SETTLED / 1.25
}

/// The same of one end, by the power to one side of it: -1 before, 1 after.
pub(super) fn blur(series: &Series, known: &SensorModel, at: f64, side: f64) -> f64 {
    let far = at + side * BLUR_SETTLES * known.settling_time;
    let first = series
        .points
        .partition_point(|point| point.at < at.min(far));
    let end = series
        .points
        .partition_point(|point| point.at <= at.max(far));
    if end <= first {
        return 0.0;
    }
    smear(series, known, first, end - 1) / 2f64.sqrt()
}
