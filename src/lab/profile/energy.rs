//! The joules of a step and of each of its kernels, by replay between windows of the idle device.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde::Serialize;

use super::closure::Closure;
use super::dispatch_replay::replay;
use super::event::{Launched, ProfileEvent};
use super::{Profile, ProfileError};
use crate::device::Gpu;
use crate::energy::{Interval, Meter, Method, SourceResult, Unavailable, WindowLength};
use crate::lab::metering::{Seconds, meter_replay};
use crate::lab::replay::Restore;
use crate::lab::roofline::{gap_probes, no_source};
use crate::program::{Program, StepDispatch};

/// Empty dispatches of a submission.
const EMPTY_LAUNCHES: u32 = 512;
/// The idle device is metered this share of the time of a kernel.
const BASELINE_SHARE: f64 = 0.5;
/// Time between two looks at the clock of an idle window.
const IDLE_POLL: Duration = Duration::from_millis(5);

/// The joules of a step.
#[derive(Clone, Debug, Serialize)]
pub struct ProfileEnergy {
    /// The source, as `doctor` lists it.
    pub source: String,
    /// The part of the machine that it covers.
    pub scope: String,
    /// How its joules are obtained.
    pub method: Method,
    /// Joules of a training step, everything that the source covers included.
    pub step_joules: f64,
    /// 95 % confidence interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_joules_ci: Option<Interval>,
    /// 95 % accuracy interval, with the sensor's gain and offset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_joules_accuracy: Option<Interval>,
    /// Power of the idle device with its context open: mean of the baseline windows.
    pub idle_watts: f64,
    /// Lowest and highest of the baseline windows.
    pub idle_watts_range: Interval,
    /// Seconds of all windows.
    pub seconds: f64,
    /// Fewest updates of the sensor in a window of a kernel or of steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fewest_updates: Option<u64>,
    /// Joules of an empty dispatch, without and with a wait for the one before it.
    pub launch_joules: f64,
    /// With a wait.
    pub dependent_launch_joules: f64,
    /// Joules of a step: kernels, gaps, idle, and what is not explained.
    pub closure: Closure,
}

/// What the energy is measured of.
pub(super) struct EnergyInput<'a> {
    pub gpu: &'a Gpu,
    pub meter: &'a Meter,
    pub seconds: f64,
    pub dispatches: &'a [StepDispatch],
    pub kept: &'a [Option<Restore>],
    /// Repetitions of each dispatch in a submission of some milliseconds.
    pub times: Vec<u32>,
    /// Steps between two looks at the clock.
    pub steps: u32,
}

/// A window: what ran, how often, and the results of each source.
struct Metered {
    what: Option<Launched>,
    launches: u64,
    results: Vec<SourceResult>,
}

/// Joules of one launch through a source, with half of the confidence interval.
type Each = (f64, f64);

/// Measures the joules of the step and of its kernels into `found`; `Err` inside if no source measured them all.
pub(super) fn measure(
    input: &EnergyInput<'_>,
    program: &mut Program<'_>,
    found: &mut Profile,
    watch: &mut dyn FnMut(ProfileEvent<'_>),
) -> Result<Result<ProfileEnergy, Unavailable>, ProfileError> {
    if !input.meter.measures() {
        return Ok(Err(no_source(input.meter)));
    }
    let windows = windows(input, program, watch)?;
    Ok(evaluate(input, found, &windows))
}

/// Meters steps, empty dispatches and one dispatch of each kind, each after a window of the idle device.
fn windows(
    input: &EnergyInput<'_>,
    program: &mut Program<'_>,
    watch: &mut dyn FnMut(ProfileEvent<'_>),
) -> Result<Vec<Metered>, ProfileError> {
    let EnergyInput {
        gpu,
        meter,
        dispatches,
        ..
    } = *input;
    let mut kinds: Vec<usize> = vec![];
    for (place, dispatch) in dispatches.iter().enumerate() {
        if kinds
            .iter()
            .all(|known| dispatches[*known].kind != dispatch.kind)
        {
            kinds.push(place);
        }
    }
    let all = kinds.len() + 3;
    let mut windows = vec![idle(input, &[])];
    watch(ProfileEvent::Stage("energy of steps", 0, all));
    windows.push(steps(input, program, &windows[0].results, watch)?);
    let probes = gap_probes(gpu)?;
    for (at, probe) in probes.iter().enumerate() {
        watch(ProfileEvent::Stage("energy of launches", at + 1, all));
        windows.push(idle(input, &windows[1].results));
        let what = Launched::Empty(at == 1);
        let lengths = Seconds::of(input.seconds);
        let mut done = |ended| watch(ProfileEvent::Launched(what, u64::from(ended)));
        let known = &windows[1].results;
        let energy = meter_replay(
            meter,
            &probe.replay(),
            EMPTY_LAUNCHES,
            lengths,
            known,
            &mut done,
        )?;
        windows.push(Metered {
            what: Some(what),
            launches: energy.dispatches,
            results: energy.energy,
        });
    }
    for (at, place) in kinds.into_iter().enumerate() {
        let dispatch = &dispatches[place];
        watch(ProfileEvent::Stage(&dispatch.label, at + 3, all));
        windows.push(idle(input, &windows[1].results));
        let what = Launched::Dispatch(dispatch.at);
        let lengths = Seconds::of(input.seconds);
        let mut done = |ended| watch(ProfileEvent::Launched(what, u64::from(ended)));
        let replay = replay(gpu, program, dispatch, &input.kept[place]);
        let known = &windows[1].results;
        let energy = meter_replay(
            meter,
            &replay,
            input.times[place],
            lengths,
            known,
            &mut done,
        )?;
        windows.push(Metered {
            what: Some(what),
            launches: energy.dispatches,
            results: energy.energy,
        });
    }
    windows.push(idle(input, &windows[1].results));
    Ok(windows)
}

/// The idle device with its context open.
fn idle(input: &EnergyInput<'_>, known: &[SourceResult]) -> Metered {
    let seconds = Seconds::of(BASELINE_SHARE * input.seconds);
    let mut length = WindowLength::between(seconds.shortest, seconds.longest).after(known);
    let window = input.meter.start();
    while length.should_continue(&window) {
        std::thread::sleep(IDLE_POLL);
    }
    Metered {
        what: None,
        launches: 0,
        results: window.stop(),
    }
}

fn steps(
    input: &EnergyInput<'_>,
    program: &mut Program<'_>,
    known: &[SourceResult],
    watch: &mut dyn FnMut(ProfileEvent<'_>),
) -> Result<Metered, ProfileError> {
    let stop = AtomicBool::new(false);
    let seconds = Seconds::of(input.seconds);
    let mut length = WindowLength::between(seconds.shortest, seconds.longest).after(known);
    let window = input.meter.start();
    let mut launches = 0;
    while length.should_continue(&window) {
        let done = u64::from(program.train(input.steps, &stop, &mut |_| ())?);
        launches += done;
        watch(ProfileEvent::Launched(Launched::Step, done));
    }
    Ok(Metered {
        what: Some(Launched::Step),
        launches,
        results: window.stop(),
    })
}

/// Computes the joules through the first source that measured every window.
fn evaluate(
    input: &EnergyInput<'_>,
    found: &mut Profile,
    windows: &[Metered],
) -> Result<ProfileEnergy, Unavailable> {
    let sources = windows[0].results.iter().map(|result| &result.source);
    let all: Option<Vec<&SourceResult>> = sources.clone().find_map(|source| {
        let of = |window: &'_ Metered| window.results.iter().position(|r| r.source == *source);
        let each = windows
            .iter()
            .map(|window| Some(&window.results[of(window)?]));
        each.map(|result| result.filter(|result| result.measured().is_some()))
            .collect()
    });
    let Some(all) = all else {
        return Err(unmeasured(windows));
    };
    let each = |what: Launched| -> Option<Each> {
        let at = windows
            .iter()
            .position(|window| window.what == Some(what))?;
        let joules = all[at].measured()?.per(windows[at].launches)?;
        Some((joules.joules(), joules.ci().map_or(0.0, Interval::half)))
    };
    let nothing = || Unavailable::new("a window of the profile held no launch");
    let step = each(Launched::Step).ok_or_else(nothing)?;
    let [launch, dependent] = [false, true].map(|waits| each(Launched::Empty(waits)));
    let (launch, dependent) = (launch.ok_or_else(nothing)?, dependent.ok_or_else(nothing)?);

    let mut kernels = 0.0;
    let mut gaps = 0.0;
    let of_kind = |kind: usize| {
        let mut same = input.dispatches.iter().filter(|d| d.kind == kind);
        same.find_map(|dispatch| each(Launched::Dispatch(dispatch.at)))
    };
    for profile in &mut found.dispatches {
        let (joules, half) = of_kind(profile.kind).ok_or_else(nothing)?;
        // A repetition waits for the one before.
        let net = joules - dependent.0;
        profile.joules = Some(net);
        profile.joules_ci = Some(Interval::around(net, half.hypot(dependent.1)));
        profile.joules_share = Some(net * f64::from(profile.per_step) / step.0);
        kernels += net * f64::from(profile.per_step);
        let gap = if profile.waits { dependent } else { launch };
        gaps += gap.0 * f64::from(profile.per_step);
    }
    let idle: Vec<f64> = windows
        .iter()
        .zip(&all)
        .filter(|(window, _)| window.what.is_none())
        .filter_map(|(_, result)| result.watts())
        .collect();
    let idle_watts = idle.iter().sum::<f64>() / idle.len().max(1) as f64;
    let at = windows.iter().position(|w| w.what == Some(Launched::Step));
    let whole = at.and_then(|at| all[at].measured()?.per(windows[at].launches));
    let worked = windows
        .iter()
        .zip(&all)
        .filter(|(window, _)| window.what.is_some());
    Ok(ProfileEnergy {
        source: all[0].source.clone(),
        scope: all[0].scope.name().to_owned(),
        method: all[0].method,
        step_joules: step.0,
        step_joules_ci: whole.and_then(|whole| whole.ci()),
        step_joules_accuracy: whole.and_then(|whole| whole.accuracy()),
        idle_watts,
        idle_watts_range: Interval {
            low: idle.iter().copied().fold(f64::INFINITY, f64::min),
            high: idle.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        },
        seconds: all.iter().filter_map(|result| result.seconds).sum(),
        fewest_updates: worked.filter_map(|(_, result)| result.updates).min(),
        launch_joules: launch.0,
        dependent_launch_joules: dependent.0,
        closure: Closure::new(
            step.0,
            kernels,
            gaps,
            found.time.idle.map(|seconds| seconds * idle_watts),
        ),
    })
}

/// Why no source measured every window.
fn unmeasured(windows: &[Metered]) -> Unavailable {
    let results = windows.iter().flat_map(|window| &window.results);
    let opened = results.filter(|result| result.seconds.is_some());
    let mut reasons = opened.filter_map(|result| {
        let reason = result.reason.as_ref()?;
        Some((result, reason))
    });
    match reasons.next() {
        Some((result, reason)) => Unavailable {
            reason: format!(
                "no source measured every window: {}: {reason}",
                result.source
            ),
            fix: result.fix.clone(),
            undo: None,
        },
        None => Unavailable::new("no source measured every window"),
    }
}
