//! Part-time sensors and steps: which parts of a step were looked at.
//!
//! A sensor that samples a quarter of each tick sees, of steps whose length is commensurate with the tick, always the
//! same part. Training is never paused to shift it: the phases of the ticks within the step are computed. Where they
//! leave a gap a window that can be longer is (`extent`); what no sample covers in the end widens the interval, or there
//! is no figure.

use super::estimate::Stamp;
use super::sensor::Unavailable;
use super::sensor_model::SensorModel;
use super::series::{Point, Series};

/// What the phases of a window's ticks leave open.
pub(crate) struct Aliasing {
    /// Joules to be added: where some parts of a step were looked at more often than others, each counts alike.
    pub correction: f64,
    /// Joules, either way.
    pub joules: f64,
}

/// One that looks for this share of the time or more misses nothing to speak of.
const FULL: f64 = 0.9;
/// So many parts of a step are told apart.
const PARTS: usize = 32;
/// The share of time a sensor looks is learnt from few switches: so much of it is counted on.
const CAUTION: f64 = 0.7;
/// Looks whose time is known no more sharply than this share of a step say nothing of its phases.
const BLURRED: f64 = 0.15;
/// Looks count by their phase whose time is known to within so many times what is usual.
const SHARP: f64 = 1.5;
/// So far from a whole number of ticks one may still lie between two looks.
const WHOLE: f64 = 0.2;
/// A part that was looked at less often than this share of its due is as good as never seen.
const RARELY: f64 = 0.5;
/// So many looks are enough, however many other parts had.
const OFTEN: f64 = 20.0;
/// An uncovered share up to this is what chance leaves; with more there is no figure.
const NEGLIGIBLE: f64 = 0.05;

/// What the looks of a part-time sensor saw of the steps.
struct Looks {
    coverage: f64,
    tick: f64,
    /// Seconds of a step.
    step: f64,
    /// The share of a step that was seen less often than its due.
    unseen: f64,
    /// How sharply the phase of a look is known, as a share of a step.
    blur: f64,
    /// The share of a step that a look sees.
    look: f64,
    /// Mean watts of the looks that ended in each part of a step.
    ended: [Option<f64>; PARTS],
    /// Watts of each look.
    powers: Vec<f64>,
}

/// Mean watts of a whole step.
struct Round {
    watts: f64,
    /// What is not known of them where no look ended.
    unsure: f64,
}

impl Looks {
    /// Each part of a step counts alike, however often looks ended in it; where none did, the straight line between its
    /// neighbours. `range`: from the least to the most watts that were seen.
    fn round(&self, range: f64) -> Round {
        let known: Vec<(usize, f64)> = (0..PARTS)
            .filter_map(|part| Some((part, self.ended[part]?)))
            .collect();
        let next = known.iter().cycle().skip(1);
        let (mut sum, mut unsure) = (0.0, 0.0);
        for (&(part, watts), &(after, then)) in known.iter().zip(next) {
            let gap = match (after + PARTS - part) % PARTS {
                0 => PARTS,
                parts => parts,
            } as f64;
            // The parts from this one up to the next, on the line between them.
            sum += watts * gap + (then - watts) * (gap - 1.0) / 2.0;
            // From one look's end to another's, what is seen changes no faster than a look lets the most go by.
            let share = (gap - 1.0) / PARTS as f64;
            unsure += (share * share * range / (4.0 * self.look)).powi(2);
        }
        Round {
            watts: sum / PARTS as f64,
            unsure: unsure.sqrt(),
        }
    }
}

/// `None` where the sensor looks all the time, or nothing is known of the steps; refused where too much of a step was
/// never seen.
pub(crate) fn aliasing(
    series: &Series,
    known: &SensorModel,
    first: usize,
    last: usize,
    stamps: &[Stamp],
) -> Result<Option<Aliasing>, Unavailable> {
    let Some(looks) = looks(series, known, first, last, stamps) else {
        return Ok(None);
    };
    let seconds = series.points[last].at - series.points[first].at;
    let most = looks.powers.iter().copied().fold(0.0, f64::max);
    let least = looks.powers.iter().copied().fold(f64::INFINITY, f64::min);
    let round = looks.round(most - least);
    let mean = looks.powers.iter().sum::<f64>() / looks.powers.len().max(1) as f64;
    let correction = (round.watts - mean) * seconds;
    // Of two phases that differ by how sharply a look's time is known the same may be said.
    let blurred = looks.blur.min(0.5) * (most - least) / 2.0;
    let joules = correction.abs() + (blurred + round.unsure) * seconds;
    let (share, step) = (looks.coverage * 100.0, looks.step * 1e3);
    if looks.blur > BLURRED {
        return Err(Unavailable::new(format!(
            "the sensor looks {share:.0} % of the time, and a read takes too long to tell which part of a step of \
             {step:.1} ms it saw"
        ))
        .with_fix("choose a source that counts energy, or a larger batch"));
    }
    if looks.unseen > NEGLIGIBLE {
        return Err(Unavailable::new(format!(
            "the sensor looks {share:.0} % of the time and the steps of {step:.1} ms keep in time with its ticks of \
             {:.1} ms: {:.0} % of a step was never seen",
            looks.tick * 1e3,
            looks.unseen * 100.0
        ))
        .with_fix("meter a longer window, or change the batch size"));
    }
    Ok(Some(Aliasing { correction, joules }))
}

/// Whether a longer window could show no more of a step: its parts were all seen, or what is missing is not time.
pub(crate) fn covered(
    series: &Series,
    known: &SensorModel,
    first: usize,
    last: usize,
    stamps: &[Stamp],
) -> bool {
    looks(series, known, first, last, stamps)
        .is_none_or(|looks| looks.blur > BLURRED || looks.unseen <= NEGLIGIBLE)
}

/// Whether a sensor is known to miss some of the time.
pub(crate) fn part_time(known: &SensorModel) -> bool {
    known.coverage.is_some_and(|coverage| coverage < FULL)
}

fn looks(
    series: &Series,
    known: &SensorModel,
    first: usize,
    last: usize,
    stamps: &[Stamp],
) -> Option<Looks> {
    let steps = |at: f64| done(stamps, at - known.delay);
    let coverage = known.coverage.filter(|_| part_time(known))?;
    let tick = series.tick?;
    let (a, b) = (&series.points[first], &series.points[last]);
    let taken = steps(b.at)? - steps(a.at)?;
    if taken <= 0.0 {
        return None;
    }
    let step = (b.at - a.at) / taken;
    let look = CAUTION * coverage * tick / step;
    if look >= 1.0 {
        return None;
    }
    let sharp = SHARP * median_half(&series.points[first..=last]);
    // How many looks saw each part, and the watts of those that ended in it.
    let mut counts = [0usize; PARTS];
    let mut ended = [(0.0, 0usize); PARTS];
    let mut powers = Vec::with_capacity(last - first);
    for at in first + 1..=last {
        let (before, point) = (&series.points[at - 1], &series.points[at]);
        if point.at <= before.at {
            continue;
        }
        // Updates that showed the same watts again are no points, but they were looks all the same. Where no whole number of
        // ticks lies between, the time of the one before is not known.
        let ticks = (point.gap / tick).round().max(1.0);
        let whole = (point.gap / tick - ticks).abs() < WHOLE;
        let looks = if whole { ticks as usize } else { 1 };
        let mean = (point.joules - before.joules) / (point.at - before.at);
        for back in 0..looks {
            let watts = match back {
                0 => series.watts.get(at),
                _ => series.watts.get(at - 1),
            };
            let watts = watts.copied().unwrap_or(mean);
            powers.push(watts);
            // A look whose time is not known says what was drawn, and not in which part of a step.
            if point.half > sharp {
                continue;
            }
            let Some(phase) = steps(point.at - back as f64 * tick) else {
                continue;
            };
            let part =
                |phase: f64| ((phase.rem_euclid(1.0) * PARTS as f64) as usize).min(PARTS - 1);
            let (sum, count) = &mut ended[part(phase)];
            *sum += watts;
            *count += 1;
            let parts = ((look * PARTS as f64).ceil() as usize).clamp(1, PARTS);
            for back in 0..parts {
                counts[part(phase - back as f64 / PARTS as f64)] += 1;
            }
        }
    }
    let fair = counts.iter().sum::<usize>() as f64 / PARTS as f64;
    let rare = |count: usize| (count as f64) < (RARELY * fair).min(OFTEN);
    let halves = series.points[first..=last].iter().map(|point| point.half);
    let halves: Vec<f64> = halves.filter(|&half| half <= sharp).collect();
    Some(Looks {
        coverage,
        tick,
        step,
        unseen: counts.iter().filter(|&&count| rare(count)).count() as f64 / PARTS as f64,
        blur: halves.iter().sum::<f64>() / halves.len().max(1) as f64 / step,
        look,
        ended: ended.map(|(sum, count)| (count > 0).then(|| sum / count as f64)),
        powers,
    })
}

fn median_half(points: &[Point]) -> f64 {
    let mut halves: Vec<f64> = points.iter().map(|point| point.half).collect();
    halves.sort_by(f64::total_cmp);
    halves.get(halves.len() / 2).copied().unwrap_or(0.0)
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
