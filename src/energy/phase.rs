//! Part-time sensors and steps: which parts of a step were looked at.
//!
//! A sensor that samples a quarter of each tick sees, of steps whose length is commensurate with the tick, always the
//! same part. Training is never paused to shift it: the phases of the ticks within the step are computed, and what no
//! sample covers widens the interval.

use super::estimate::Stamp;
use super::instrument::Refusal;
use super::known::Known;
use super::series::Series;

/// What the phases of a window's ticks leave open.
pub(crate) struct Aliasing {
    /// Joules to be added: where some parts of a step were looked at more often than others, each counts alike.
    pub correction: f64,
    /// Joules, either way.
    pub joules: f64,
}

/// So many parts of a step are told apart.
const PARTS: usize = 32;
/// The share of time a sensor looks is learnt from few switches: so much of it is counted on.
const CAUTION: f64 = 0.7;
/// Looks whose time is known no more sharply than this share of a step say nothing of its phases.
const BLURRED: f64 = 0.15;
/// A part that was looked at less often than this share of its due is as good as never seen.
const RARELY: f64 = 0.5;
/// An uncovered share up to this is what chance leaves; with more there is no figure.
const NEGLIGIBLE: f64 = 0.05;

/// `None` where the sensor looks all the time, or nothing is known of the steps; refused where too much of a step was
/// never seen.
pub(crate) fn aliasing(
    series: &Series,
    known: &Known,
    first: usize,
    last: usize,
    stamps: &[Stamp],
) -> Result<Option<Aliasing>, Refusal> {
    let steps = |at: f64| done(stamps, at - known.delay);
    let (Some(coverage), Some(tick)) = (
        known.coverage.filter(|&coverage| coverage < 0.9),
        series.tick,
    ) else {
        return Ok(None);
    };
    let (a, b) = (&series.points[first], &series.points[last]);
    let taken = match (steps(a.at), steps(b.at)) {
        (Some(from), Some(to)) if to > from => to - from,
        _ => return Ok(None),
    };
    let step = (b.at - a.at) / taken;
    let look = CAUTION * coverage * tick / step;
    if look >= 1.0 {
        return Ok(None);
    }
    let mut sums = [0.0; PARTS];
    let mut counts = [0usize; PARTS];
    let mut powers = Vec::with_capacity(last - first);
    for at in first + 1..=last {
        let (before, point) = (&series.points[at - 1], &series.points[at]);
        if point.at <= before.at {
            continue;
        }
        // Updates that showed the same watts again are no points, but they were looks all the same.
        let looks = (point.gap / tick).round().max(1.0) as usize;
        let mean = (point.joules - before.joules) / (point.at - before.at);
        for back in 0..looks {
            let watts = match back {
                0 => series.watts.get(at),
                _ => series.watts.get(at - 1),
            };
            let watts = watts.copied().unwrap_or(mean);
            powers.push(watts);
            let Some(phase) = steps(point.at - back as f64 / looks as f64 * point.gap) else {
                continue;
            };
            let parts = ((look * PARTS as f64).ceil() as usize).clamp(1, PARTS);
            for back in 0..parts {
                let place = (phase - back as f64 / PARTS as f64).rem_euclid(1.0);
                let part = ((place * PARTS as f64) as usize).min(PARTS - 1);
                sums[part] += watts;
                counts[part] += 1;
            }
        }
    }
    let fair = counts.iter().sum::<usize>() as f64 / PARTS as f64;
    let rare = |count: usize| (count as f64) < RARELY * fair;
    let seen = counts.iter().filter(|&&count| count > 0).count();
    let unseen = counts.iter().filter(|&&count| rare(count)).count() as f64 / PARTS as f64;
    let mean = powers.iter().sum::<f64>() / powers.len().max(1) as f64;
    let by_part = (0..PARTS)
        .filter(|&part| counts[part] > 0)
        .map(|part| sums[part] / counts[part] as f64)
        .sum::<f64>()
        / seen.max(1) as f64;
    let seconds = b.at - a.at;
    let correction = (by_part - mean) * seconds;
    let most = powers.iter().copied().fold(0.0, f64::max);
    let least = powers.iter().copied().fold(f64::INFINITY, f64::min);
    // Of two phases that differ by how sharply a look's time is known the same may be said.
    let halves = series.points[first..=last].iter().map(|point| point.half);
    let blur = (halves.sum::<f64>() / (last - first + 1) as f64 / step).min(0.5);
    let joules = correction.abs() + blur * (most - least) * seconds / 2.0;
    if blur > BLURRED {
        return Err(Refusal::new(format!(
            "the sensor looks {:.0} % of the time, and a read takes too long to tell which part of a step of {:.1} ms it \
             saw",
            coverage * 100.0,
            step * 1e3
        ))
        .with_remedy("choose a source that counts energy, or a larger batch"));
    }
    if unseen > NEGLIGIBLE {
        return Err(Refusal::new(format!(
            "the sensor looks {:.0} % of the time and the steps of {:.1} ms keep in time with its ticks: {:.0} % of a step \
             was never seen",
            coverage * 100.0,
            step * 1e3,
            unseen * 100.0
        ))
        .with_remedy("meter a longer window, or change the batch size"));
    }
    Ok(Some(Aliasing { correction, joules }))
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
