//! Part-time sensors and steps: which parts of a step were sampled.
//!
//! A sensor that samples a quarter of each update interval always sees the same part of steps whose length is
//! commensurate with that interval. Training is never paused to shift it: the phases of the samples within the step are
//! computed. Where they leave a gap, a window that can be longer is (`window_length`); what no sample covers in the end
//! widens the interval, or there is no result.

use super::figure::Stamp;
use super::sensor::Unavailable;
use super::sensor_model::SensorModel;
use super::series::{Point, Series};

/// The effect of sampling parts of a step unequally.
pub(crate) struct Aliasing {
    /// Joules to add, so that each part of a step counts alike, however often it was sampled.
    pub correction: f64,
    /// The uncertainty in joules, either way.
    pub joules: f64,
}

/// A sensor that samples this share of the time or more misses nothing of note.
const FULL: f64 = 0.9;
/// A step is divided into this many parts.
const PARTS: usize = 32;
/// The coverage is learnt from few switches of a load: only this share of it is relied on.
const CAUTION: f64 = 0.7;
/// If the phase of the samples is blurred by more than this share of a step, they show nothing of the phases.
const BLURRED: f64 = 0.15;
/// Samples whose time is known to within this many times the median count by their phase.
const SHARP: f64 = 1.5;
/// A gap this far from a whole number of update intervals still counts as whole.
const WHOLE: f64 = 0.2;
/// A part sampled less often than this share of the mean was rarely seen,
const RARELY: f64 = 0.5;
/// unless it was sampled this often.
const OFTEN: f64 = 20.0;
/// Chance leaves up to this share of a step unseen; above it there is no result.
const NEGLIGIBLE: f64 = 0.05;

/// What the samples of a part-time sensor saw of the steps.
struct StepSamples {
    coverage: f64,
    update_interval: f64,
    /// Seconds of a step.
    step: f64,
    /// The share of a step that was rarely seen.
    unseen: f64,
    /// The uncertainty of a sample's phase, as a share of a step.
    blur: f64,
    /// The share of a step that a sample sees.
    length: f64,
    /// Mean watts of the samples that ended in each part of a step.
    ended: [Option<f64>; PARTS],
    /// Watts of each sample.
    powers: Vec<f64>,
}

impl StepSamples {
    /// Mean watts of a whole step, and their uncertainty where no sample ended. Each part of a step counts alike; a part
    /// without samples lies on the straight line between its neighbours. `range`: highest minus lowest watts.
    fn step_mean(&self, range: f64) -> (f64, f64) {
        let known: Vec<(usize, f64)> = (0..PARTS)
            .filter_map(|part| Some((part, self.ended[part]?)))
            .collect();
        let next = known.iter().cycle().skip(1);
        let (mut sum, mut variance) = (0.0, 0.0);
        for (&(part, watts), &(after, then)) in known.iter().zip(next) {
            let gap = match (after + PARTS - part) % PARTS {
                0 => PARTS,
                parts => parts,
            } as f64;
            // The parts from this one up to the next, on the line between them.
            sum += watts * gap + (then - watts) * (gap - 1.0) / 2.0;
            // Between the ends of two samples, power changes no faster than one sample's length allows.
            let share = (gap - 1.0) / PARTS as f64;
            variance += (share * share * range / (4.0 * self.length)).powi(2);
        }
        (sum / PARTS as f64, variance.sqrt())
    }
}

/// `None` for a full-time sensor, or without steps; unavailable where too much of a step was never seen.
pub(crate) fn aliasing(
    series: &Series,
    model: &SensorModel,
    first: usize,
    last: usize,
    stamps: &[Stamp],
) -> Result<Option<Aliasing>, Unavailable> {
    let Some(samples) = samples(series, model, first, last, stamps) else {
        return Ok(None);
    };
    let seconds = series.points[last].at - series.points[first].at;
    let powers = || samples.powers.iter().copied();
    let range = powers().fold(0.0, f64::max) - powers().fold(f64::INFINITY, f64::min);
    let (step_mean, uncertainty) = samples.step_mean(range);
    let mean = powers().sum::<f64>() / samples.powers.len().max(1) as f64;
    let correction = (step_mean - mean) * seconds;
    // The uncertain phase of a sample blurs the watts of neighbouring parts.
    let blurred = samples.blur.min(0.5) * range / 2.0;
    let joules = correction.abs() + (blurred + uncertainty) * seconds;
    let (share, step) = (samples.coverage * 100.0, samples.step * 1e3);
    if samples.blur > BLURRED {
        return Err(Unavailable::new(format!(
            "the sensor samples {share:.0} % of the time, and its reads take too long to determine which part of a \
             step of {step:.1} ms they sampled"
        ))
        .with_fix("choose a source with an energy counter, or a larger batch size"));
    }
    if samples.unseen > NEGLIGIBLE {
        return Err(Unavailable::new(format!(
            "the sensor samples {share:.0} % of the time, and the steps of {step:.1} ms are in phase with its update \
             interval of {:.1} ms: {:.0} % of a step was never sampled",
            samples.update_interval * 1e3,
            samples.unseen * 100.0
        ))
        .with_fix("meter a longer window, or change the batch size"));
    }
    Ok(Some(Aliasing { correction, joules }))
}

/// Whether a longer window would show no more of a step: all parts were seen, or it is not time that is missing.
pub(crate) fn covered(
    series: &Series,
    model: &SensorModel,
    first: usize,
    last: usize,
    stamps: &[Stamp],
) -> bool {
    samples(series, model, first, last, stamps)
        .is_none_or(|samples| samples.blur > BLURRED || samples.unseen <= NEGLIGIBLE)
}

/// Whether a sensor is known to miss some of the time.
pub(crate) fn is_part_time(model: &SensorModel) -> bool {
    model.coverage.is_some_and(|coverage| coverage < FULL)
}

fn samples(
    series: &Series,
    model: &SensorModel,
    first: usize,
    last: usize,
    stamps: &[Stamp],
) -> Option<StepSamples> {
    let steps = |at: f64| work_done(stamps, at - model.delay);
    let coverage = model.coverage.filter(|_| is_part_time(model))?;
    let update_interval = series.update_interval?;
    let (a, b) = (&series.points[first], &series.points[last]);
    let taken = steps(b.at)? - steps(a.at)?;
    if taken <= 0.0 {
        return None;
    }
    let step = (b.at - a.at) / taken;
    let length = CAUTION * coverage * update_interval / step;
    if length >= 1.0 {
        return None;
    }
    let sharp = SHARP * median_half(&series.points[first..=last]);
    // How many samples saw each part, and the watts of those that ended in it.
    let mut counts = [0usize; PARTS];
    let mut ended = [(0.0, 0usize); PARTS];
    let mut powers = Vec::with_capacity(last - first);
    let part = |phase: f64| ((phase.rem_euclid(1.0) * PARTS as f64) as usize).min(PARTS - 1);
    for at in first + 1..=last {
        let (before, point) = (&series.points[at - 1], &series.points[at]);
        if point.at <= before.at {
            continue;
        }
        // Updates that repeat the watts are not points, but they are samples. Where the gap is not a whole number of update
        // intervals, the time of the sample before is unknown.
        let updates = (point.gap / update_interval).round().max(1.0);
        let whole = (point.gap / update_interval - updates).abs() < WHOLE;
        let updates = if whole { updates as usize } else { 1 };
        let mean = (point.joules - before.joules) / (point.at - before.at);
        for back in 0..updates {
            let watts = series.watts.get(if back == 0 { at } else { at - 1 });
            let watts = watts.copied().unwrap_or(mean);
            powers.push(watts);
            // A sample whose time is vague shows its watts, but not its part of a step.
            if point.half > sharp {
                continue;
            }
            let Some(phase) = steps(point.at - back as f64 * update_interval) else {
                continue;
            };
            let (sum, count) = &mut ended[part(phase)];
            *sum += watts;
            *count += 1;
            let parts = ((length * PARTS as f64).ceil() as usize).clamp(1, PARTS);
            for back in 0..parts {
                counts[part(phase - back as f64 / PARTS as f64)] += 1;
            }
        }
    }
    let fair = counts.iter().sum::<usize>() as f64 / PARTS as f64;
    let rare = |count: usize| (count as f64) < (RARELY * fair).min(OFTEN);
    let halves = series.points[first..=last].iter().map(|point| point.half);
    let halves: Vec<f64> = halves.filter(|&half| half <= sharp).collect();
    Some(StepSamples {
        coverage,
        update_interval,
        step,
        unseen: counts.iter().filter(|&&count| rare(count)).count() as f64 / PARTS as f64,
        blur: halves.iter().sum::<f64>() / halves.len().max(1) as f64 / step,
        length,
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
pub(crate) fn work_done(stamps: &[Stamp], at: f64) -> Option<f64> {
    let next = stamps.partition_point(|stamp| stamp.at < at);
    let after = stamps.get(next)?;
    if after.at <= at {
        return Some(after.done);
    }
    let before = stamps.get(next.checked_sub(1)?)?;
    let share = (at - before.at) / (after.at - before.at);
    Some(before.done + share * (after.done - before.done))
}
