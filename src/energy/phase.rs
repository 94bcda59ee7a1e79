//! Part-time sensors and steps: which parts of a step were looked at.
//!
//! A sensor that samples a quarter of each tick sees, of steps whose length is commensurate with the tick, always the
//! same part. Training is never paused to shift it: the phases of the ticks within the step are computed, and what no
//! sample covers widens the interval.

use super::estimate::Stamp;
use super::known::Known;
use super::series::Series;

/// What the phases of a window's ticks leave open.
pub(crate) struct Aliasing {
    /// Joules, either way.
    pub joules: f64,
    pub note: Option<String>,
}

/// So many parts of a step are told apart.
const PARTS: usize = 32;
/// Uncovered shares up to this are what chance leaves.
const NEGLIGIBLE: f64 = 0.05;

/// `None` where the sensor looks all the time, or nothing is known of the steps.
pub(crate) fn aliasing(
    series: &Series,
    known: &Known,
    first: usize,
    last: usize,
    stamps: &[Stamp],
) -> Option<Aliasing> {
    let coverage = known.coverage.filter(|&coverage| coverage < 0.9)?;
    let tick = series.tick?;
    let (a, b) = (&series.points[first], &series.points[last]);
    let steps = done(stamps, b.at - known.delay)? - done(stamps, a.at - known.delay)?;
    if steps <= 0.0 {
        return None;
    }
    let step = (b.at - a.at) / steps;
    let look = coverage * tick / step;
    if look >= 1.0 {
        return None;
    }
    let mut sums = [0.0; PARTS];
    let mut counts = [0usize; PARTS];
    let mut powers = Vec::with_capacity(last - first);
    for at in first + 1..=last {
        let (before, point) = (&series.points[at - 1], &series.points[at]);
        if point.at <= before.at {
            continue;
        }
        let watts = match series.watts.get(at) {
            Some(&watts) => watts,
            None => (point.joules - before.joules) / (point.at - before.at),
        };
        powers.push(watts);
        let phase = done(stamps, point.at - known.delay)?;
        let parts = (look * PARTS as f64).ceil() as usize;
        for back in 0..parts.clamp(1, PARTS) {
            let place = (phase - back as f64 / PARTS as f64).rem_euclid(1.0);
            let part = ((place * PARTS as f64) as usize).min(PARTS - 1);
            sums[part] += watts;
            counts[part] += 1;
        }
    }
    let seen = counts.iter().filter(|&&count| count > 0).count();
    let unseen = (PARTS - seen) as f64 / PARTS as f64;
    let mean = powers.iter().sum::<f64>() / powers.len().max(1) as f64;
    let by_part = (0..PARTS)
        .filter(|&part| counts[part] > 0)
        .map(|part| sums[part] / counts[part] as f64)
        .sum::<f64>()
        / seen.max(1) as f64;
    let seconds = b.at - a.at;
    let mut joules = (mean - by_part).abs() * seconds;
    let mut note = None;
    if unseen > NEGLIGIBLE {
        // Of what was never looked at nothing is known but that power is positive and no more than twice the mean.
        joules += unseen * mean * seconds;
        note = Some(format!(
            "the sensor looks {:.0} % of the time and the steps of {:.1} ms keep in time with its ticks: {:.0} % of a \
             step was never seen, and the interval says so; meter longer, or change the batch size",
            coverage * 100.0,
            step * 1e3,
            unseen * 100.0
        ));
    }
    Some(Aliasing { joules, note })
}

/// Work done by `at`, on the straight line between the stamps around it.
pub(crate) fn done(stamps: &[Stamp], at: f64) -> Option<f64> {
    let next = stamps.partition_point(|stamp| stamp.at < at);
    let after = stamps.get(next)?;
    if after.at <= at {
        return Some(after.done);
    }
    let before = stamps.get(next.checked_sub(1)?)?;
    let share = (at - before.at) / (after.at - before.at);
    Some(before.done + share * (after.done - before.done))
}
