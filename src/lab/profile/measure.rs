//! Times a step and its kernels in rounds, so that changes of clocks and load affect all alike.

use std::sync::atomic::AtomicBool;
use std::time::Instant;

use super::closure::Closure;
use super::dispatch_replay::replay;
use super::energy::{self, EnergyInput};
use super::event::ProfileEvent;
use super::timestamps::{Reading, distrust};
use super::{DispatchProfile, Profile, ProfileError, SCHEMA, TimingMethod};
use crate::device::{Gpu, Step};
use crate::energy::{Interval, Meter};
use crate::lab::replay::{Replay, Restore, SUBMISSION_SECONDS, Samples, clock_of};
use crate::lab::roofline::{GapSamples, MeanGaps, Roofline, distinct_bytes};
use crate::lab::timing::{TimingClock, mean};
use crate::program::{Program, Snapshot, StepDispatch};
use crate::train::Contention;

/// Steps before the first timing: they compile every kernel and fill every tensor with real data.
const WARM_UP_STEPS: u32 = 3;
/// Seconds of a replayed kernel in a round, and of whole steps.
const KERNEL_SECONDS: f64 = 0.01;
const STEP_SECONDS: f64 = 0.15;
/// Empty dispatches behind a step whose timestamps show the launch that every timestamp contains.
const EMPTY: usize = 9;
/// Fewest whole steps in a round: the first waits for the host.
const FEWEST_STEPS: u32 = 2;

/// How to profile.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProfileOptions {
    /// How kernels are timed; `None`: by timestamps if they can be trusted, else by replay.
    pub method: Option<TimingMethod>,
    /// Rounds, at least 1.
    pub rounds: u32,
    /// Seconds of each window of energy; longer for slow sensors.
    pub energy_seconds: f64,
}

/// Profiles a training step of `program`, which keeps its weights, optimizer state and step. The program should be built for
/// replay, so that every kernel finds its inputs.
///
/// # Errors
/// The device failed, or timestamps were asked for and cannot be trusted.
pub fn profile(
    gpu: &Gpu,
    program: &mut Program<'_>,
    meter: &Meter,
    roofline: Option<&Roofline>,
    options: &ProfileOptions,
    watch: &mut dyn FnMut(ProfileEvent<'_>),
) -> Result<Profile, ProfileError> {
    let original = program.snapshot()?;
    let found = measured(gpu, program, meter, roofline, options, watch);
    program.restore(&original)?;
    found
}

/// The samples of every round.
#[derive(Default)]
struct Rounds {
    /// Seconds per step as `train` runs it, and of whole steps in one pass.
    step: Vec<f64>,
    busy: Samples,
    busy_steps: u32,
    readings: Vec<Reading>,
    /// Of each dispatch, and its repetitions per submission.
    replays: Vec<(Samples, u32)>,
}

fn measured(
    gpu: &Gpu,
    program: &mut Program<'_>,
    meter: &Meter,
    roofline: Option<&Roofline>,
    options: &ProfileOptions,
    watch: &mut dyn FnMut(ProfileEvent<'_>),
) -> Result<Profile, ProfileError> {
    let stop = AtomicBool::new(false);
    watch(ProfileEvent::Stage("warming up", 0, 1));
    program.train(WARM_UP_STEPS, &stop, &mut |_| ())?;
    let dispatches = program.step_dispatches();
    let kept: Vec<Option<Restore>> = dispatches
        .iter()
        .map(|dispatch| Restore::keep(gpu, &program.changed_by(dispatch.at)))
        .collect::<Result<_, _>>()?;
    let base = program.snapshot()?;
    let mut gaps = GapSamples::new(gpu)?;
    let mut rounds = Rounds::default();
    for (dispatch, kept) in dispatches.iter().zip(&kept) {
        let replay = replay(gpu, program, dispatch, kept);
        let times = replay.warm_up(KERNEL_SECONDS)?;
        rounds.replays.push((Samples::default(), times));
    }
    program.restore(&base)?;
    let start = Instant::now();
    program.train(FEWEST_STEPS, &stop, &mut |_| ())?;
    let each = start.elapsed().as_secs_f64() / f64::from(FEWEST_STEPS);
    let steps = ((STEP_SECONDS / each) as u32).max(FEWEST_STEPS);
    // Only steps before the host has a part in the data can be recorded without it.
    let (_, left) = base_window(program, &base)?;
    rounds.busy_steps = ((SUBMISSION_SECONDS / each).ceil() as u32).clamp(1, left.max(1));

    let contention = Contention::watch();
    for round in 0..options.rounds {
        watch(ProfileEvent::Stage(
            "timing",
            round as usize,
            options.rounds as usize,
        ));
        program.restore(&base)?;
        let start = Instant::now();
        program.train(steps, &stop, &mut |_| ())?;
        let seconds = start.elapsed().as_secs_f64();
        rounds.step.push(seconds / f64::from(steps));
        let (window, _) = base_window(program, &base)?;
        let whole = Replay::new(gpu, program.step_commands()).in_window(window);
        whole.sample(rounds.busy_steps, &mut rounds.busy)?;
        if options.method != Some(TimingMethod::Replay) {
            program.restore(&base)?;
            rounds
                .readings
                .extend(stamped(gpu, program, gaps.empty(), window)?);
        }
        gaps.round()?;
        let each = dispatches.iter().zip(&kept).zip(&mut rounds.replays);
        for ((dispatch, kept), (samples, times)) in each {
            replay(gpu, program, dispatch, kept).sample(*times, samples)?;
        }
    }
    let contention = contention.stop();
    let mut found = timed(program, &dispatches, &rounds, &gaps.means(), options)?;
    found.contention = contention;
    add_work(&mut found.dispatches, &dispatches, roofline);
    found.roofline_measured_at = roofline.map(|roofline| roofline.measured_at.clone());

    program.restore(&base)?;
    let input = EnergyInput {
        gpu,
        meter,
        seconds: options.energy_seconds,
        dispatches: &dispatches,
        kept: &kept,
        times: rounds.replays.iter().map(|(_, times)| *times).collect(),
        steps,
    };
    match energy::measure(&input, program, &mut found, watch)? {
        Ok(energy) => found.energy = Some(energy),
        Err(why) => found.energy_unavailable = Some(why),
    }
    Ok(found)
}

/// The program at `base`, its bound window and the steps left in it.
fn base_window(program: &mut Program<'_>, base: &Snapshot) -> Result<(usize, u32), ProfileError> {
    program.restore(base)?;
    Ok(program.bound_window())
}

/// Times each dispatch of one real step, and empty ones behind it, on the device's clock; `None` where that has no clock.
fn stamped(
    gpu: &Gpu,
    program: &Program<'_>,
    empty: &[Step],
    window: usize,
) -> Result<Option<Reading>, ProfileError> {
    let commands = program.step_commands().iter();
    let behind = empty.iter().cycle().take(EMPTY);
    let commands: Vec<Step> = commands.chain(behind).cloned().collect();
    let Some(stopwatch) = gpu.stopwatch(commands.len() as u32) else {
        return Ok(None);
    };
    let mut recording = gpu.record();
    recording.timed_each(&stopwatch, &commands, window);
    let start = Instant::now();
    gpu.wait_for(gpu.submit(recording))?;
    let host = start.elapsed().as_secs_f64();
    let mut passes = gpu.pass_times(&stopwatch)?;
    let behind = passes.split_off(passes.len() - EMPTY);
    let behind: Vec<f64> = behind
        .into_iter()
        .map(|pass| pass.map_or(0.0, |[from, to]| to - from))
        .collect();
    Ok(Some(Reading {
        passes,
        empty: mean(&behind).0,
        host,
    }))
}

/// Chooses the method and computes the times.
fn timed(
    program: &Program<'_>,
    dispatches: &[StepDispatch],
    rounds: &Rounds,
    gaps: &MeanGaps,
    options: &ProfileOptions,
) -> Result<Profile, ProfileError> {
    let reason = match rounds.readings.len() {
        0 => Some("the device has no clock for passes".to_owned()),
        _ => rounds.readings.iter().find_map(distrust),
    };
    let (method, method_reason) = match (options.method, reason) {
        (Some(TimingMethod::Replay), _) => (TimingMethod::Replay, None),
        (Some(TimingMethod::Timestamps), Some(reason)) => {
            return Err(ProfileError::Timestamps { reason });
        }
        (None, Some(reason)) => (TimingMethod::Replay, Some(reason)),
        (_, None) => (TimingMethod::Timestamps, None),
    };
    let order = program.step_order();
    let place = |at: usize| dispatches.iter().position(|d| d.at == at).unwrap_or(0);
    let order: Vec<usize> = order.into_iter().map(place).collect();
    let (clock, timings) = match method {
        TimingMethod::Timestamps => (
            TimingClock::Device,
            by_timestamps(dispatches, rounds, &order),
        ),
        TimingMethod::Replay => by_replay(rounds, gaps),
    };
    let (step, step_ci) = mean(&rounds.step);
    let profiles: Vec<DispatchProfile> = dispatches
        .iter()
        .zip(&timings)
        .map(|(dispatch, timing)| DispatchProfile {
            at: dispatch.at,
            label: dispatch.label.clone(),
            layer: dispatch.layer.clone(),
            phase: dispatch.phase,
            kernel: [dispatch.shader, &dispatch.variant]
                .join(" ")
                .trim()
                .to_owned(),
            per_step: dispatch.per_step,
            waits: dispatch.waits,
            seconds: timing.0,
            seconds_ci: timing.1,
            share: timing.0 * f64::from(dispatch.per_step) / step,
            flops: 0,
            bytes: 0,
            distinct_bytes: 0,
            lower_bound: false,
            flops_per_second: 0.0,
            bytes_per_second: 0.0,
            roofline: None,
            joules: None,
            joules_ci: None,
            joules_share: None,
            kind: dispatch.kind,
        })
        .collect();
    let kernels = profiles.iter().map(DispatchProfile::step_seconds).sum();
    let gap = |dispatch: &StepDispatch| gaps.before(dispatch.waits);
    let between = dispatches
        .iter()
        .map(|d| gap(d) * f64::from(d.per_step))
        .sum();
    // Steps in one pass, where the host has no part.
    let busy = rounds.busy.by_device().then(|| {
        let (seconds, _) = mean(&rounds.busy.device);
        seconds / f64::from(rounds.busy_steps)
    });
    let timeline = match method {
        TimingMethod::Timestamps => stamped_timeline(&rounds.readings, &order),
        TimingMethod::Replay => placed_timeline(&profiles, dispatches, &order, gaps),
    };
    Ok(Profile {
        schema: SCHEMA,
        method,
        method_reason,
        clock: clock.name(),
        rounds: options.rounds,
        step_seconds: step,
        step_seconds_ci: step_ci.map(|ci| Interval {
            low: ci.low.max(0.0),
            ..ci
        }),
        roofline_measured_at: None,
        contention: Contention::default(),
        dispatches: profiles,
        time: Closure::new(
            step,
            kernels,
            between,
            busy.map(|busy| (step - busy).max(0.0)),
        ),
        energy: None,
        energy_unavailable: None,
        launch_gap: gaps.launch,
        dependent_launch_gap: gaps.dependent,
        timeline,
    })
}

type Timed = (f64, Option<Interval>);

/// Seconds of each dispatch in the rounds' steps without the launch that a timestamp contains; one that is shorter than a tick
/// of the clock takes none.
fn by_timestamps(dispatches: &[StepDispatch], rounds: &Rounds, order: &[usize]) -> Vec<Timed> {
    let seconds = |reading: &Reading, dispatch: usize| {
        let passes = order.iter().zip(&reading.passes);
        let own = passes.filter(|(place, _)| **place == dispatch);
        let net = |[from, to]: [f64; 2]| (to - from - reading.empty).max(0.0);
        let total: f64 = own.map(|(_, pass)| pass.map_or(0.0, net)).sum();
        total / f64::from(dispatches[dispatch].per_step)
    };
    let each = (0..dispatches.len()).map(|dispatch| {
        let readings = rounds.readings.iter();
        let samples: Vec<f64> = readings.map(|reading| seconds(reading, dispatch)).collect();
        mean(&samples)
    });
    each.collect()
}

/// Seconds of each dispatch without the gap that a repetition has before it: each waits for the one before.
fn by_replay(rounds: &Rounds, gaps: &MeanGaps) -> (TimingClock, Vec<Timed>) {
    let clock = clock_of(rounds.replays.iter().map(|(samples, _)| samples));
    let each = rounds.replays.iter().map(|(samples, times)| {
        let (seconds, ci) = mean(&samples.timing(*times, clock).samples);
        let submission = match clock {
            TimingClock::Device => 0.0,
            TimingClock::Host => gaps.submission / f64::from(*times),
        };
        let net = |seconds: f64| (seconds - submission - gaps.dependent).max(0.0);
        let ci = ci.map(|ci| Interval {
            low: net(ci.low),
            high: net(ci.high),
        });
        (net(seconds), ci)
    });
    (clock, each.collect())
}

/// The step with the median span.
fn stamped_timeline(readings: &[Reading], order: &[usize]) -> Vec<(usize, f64, f64)> {
    let span = |reading: &&Reading| {
        let ends = reading.passes.iter().flatten().map(|pass| pass[1]);
        ends.fold(0.0, f64::max)
    };
    let mut sorted: Vec<&Reading> = readings.iter().collect();
    sorted.sort_by(|a, b| span(a).total_cmp(&span(b)));
    let Some(middle) = sorted.get(sorted.len() / 2) else {
        return vec![];
    };
    let passes = order.iter().zip(&middle.passes);
    passes
        .filter_map(|(place, pass)| pass.map(|[from, to]| (*place, from, to)))
        .collect()
}

/// Kernels one after another with their gaps.
fn placed_timeline(
    profiles: &[DispatchProfile],
    dispatches: &[StepDispatch],
    order: &[usize],
    gaps: &MeanGaps,
) -> Vec<(usize, f64, f64)> {
    let mut at = 0.0;
    let places = order.iter().map(|place| {
        let from = at + gaps.before(dispatches[*place].waits);
        at = from + profiles[*place].seconds;
        (*place, from, at)
    });
    places.collect()
}

/// Adds FLOPs, bytes and rates; what cannot be counted has none.
fn add_work(
    profiles: &mut [DispatchProfile],
    dispatches: &[StepDispatch],
    roofline: Option<&Roofline>,
) {
    for (profile, dispatch) in profiles.iter_mut().zip(dispatches) {
        let Ok(work) = &dispatch.work else { continue };
        profile.flops = work.flops;
        profile.bytes = work.loaded_bytes + work.stored_bytes;
        profile.distinct_bytes = distinct_bytes(profile.bytes, dispatch.operand_bytes);
        profile.lower_bound = work.lower_bound;
        if profile.seconds > 0.0 {
            profile.flops_per_second = profile.flops as f64 / profile.seconds;
            profile.bytes_per_second = profile.bytes as f64 / profile.seconds;
        }
        profile.roofline = roofline.and_then(|roofline| {
            roofline.fraction(profile.flops, profile.distinct_bytes, profile.seconds)
        });
    }
}
