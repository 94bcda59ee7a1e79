//! Energy by phase: what each part of a run used, through each source.

use serde::{Deserialize, Serialize};

use super::energy_figure::{Derivation, EnergyFigure};
use super::warm_up::WarmUp;
use crate::energy::{Interval, PartResult, SourceResult, Status, WindowResult};

/// A part of a run. All but [`Phase::Idle`] follow one another, so that those of the run's window add up to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Building the program: planning memory, uploading the data, compiling and binding the kernels. Before the run's
    /// window.
    Compile,
    /// The rest before the first step: reading data, drawing weights. Includes compilation if that is too short for the
    /// source.
    StartUp,
    /// The first submits, until a step takes at most 1.25 times the run's median: a driver compiles with the first step,
    /// and submits grow from one step each. If it is too short for the source, its steps count as [`Phase::Train`].
    WarmUp,
    /// The training steps after the warm-up, times the joules of a step.
    Train,
    /// The evaluations, times the joules of an evaluation.
    Evaluate,
    /// Idle power with a context open, times the duration of the run's window. It is contained in the other phases and
    /// never added to them: the run's joules minus these are above idle.
    Idle,
    /// What the other phases of the run's window do not explain; negative if they explain more than was measured.
    Rest,
}

impl Phase {
    /// The name in records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Compile => "compile",
            Self::StartUp => "start-up",
            Self::WarmUp => "warm-up",
            Self::Train => "train",
            Self::Evaluate => "evaluate",
            Self::Idle => "idle",
            Self::Rest => "rest",
        }
    }
}

/// The joules of one phase through one source, or why they are unavailable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PhaseEnergy {
    /// The phase.
    pub phase: Phase,
    /// Name of the source.
    pub source: String,
    /// Whether the joules are measured, assumed or unavailable.
    pub status: Status,
    /// Whether the joules are contained in other phases, and so must not be added.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub contained: bool,
    /// How the joules were derived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub derivation: Option<Derivation>,
    /// Joules; absent if unavailable, never 0 instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joules: Option<f64>,
    /// 95 % confidence interval; absent for assumed joules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ci: Option<Interval>,
    /// 95 % accuracy interval, which includes the sensor's gain and offset errors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<Interval>,
    /// Why the joules are unavailable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What a run, or the last part of a resumed one, consisted of.
#[derive(Clone, Debug)]
pub(super) struct RunCounts {
    pub steps: u64,
    pub evaluations: u64,
    /// The first part of the run's window, or why there is none.
    pub warm_up: Result<WarmUp, String>,
    /// Whether all steps do the same work: not if frozen parameters are trained after some of them.
    pub uniform: bool,
}

/// Joules, or why they are unavailable.
pub(super) type JoulesOrReason = Result<EnergyFigure, String>;

/// Compilation, the first part of the start-up's window, and the rest of it.
pub(super) fn start_up(start_up: &WindowResult) -> Vec<PhaseEnergy> {
    let own = |result: &&SourceResult| result.status != Status::Shared && result.seconds.is_some();
    let mut phases = Vec::new();
    for result in start_up.sources.iter().filter(own) {
        let compile = first_part(result, &start_up.parts);
        let rest = match (whole(result), &compile) {
            (Ok(whole), Ok(compile)) => significant(whole.minus(compile)),
            (whole, _) => whole,
        };
        let compile = compile.map_err(|why| match rest {
            Ok(_) => format!("{why}; its joules are in start-up"),
            Err(_) => why,
        });
        phases.push(phase(result, Phase::Compile, compile));
        phases.push(phase(result, Phase::StartUp, rest));
    }
    phases
}

/// The phases of the run's window through the source of `result`, whose `parts` begin with the warm-up; `step` and
/// `evaluation` are the joules of one of each.
pub(super) fn run(
    result: &SourceResult,
    parts: &[Vec<PartResult>],
    counts: &RunCounts,
    step: &JoulesOrReason,
    evaluation: &JoulesOrReason,
) -> Vec<PhaseEnergy> {
    let mut phases = Vec::new();
    // What the rest is computed from.
    let mut explained: Vec<JoulesOrReason> = Vec::new();
    let times = |figure: &JoulesOrReason, count: f64| {
        let figure = figure.clone();
        figure.map(|figure| figure.times(count, Derivation::StepsTimesJoules))
    };
    if counts.steps > 0 {
        let warm_up = counts.warm_up.clone();
        let measured = warm_up.clone().and_then(|_| first_part(result, parts));
        let mut steps = counts.steps as f64;
        if let (Ok(warm_up), Ok(figure)) = (&warm_up, &measured) {
            steps -= warm_up.steps;
            explained.push(Ok(figure.clone()));
        }
        let measured = measured.map_err(|why| match warm_up {
            Ok(warm_up) => format!("{why}; its {} steps are counted in train", warm_up.steps),
            Err(_) => why,
        });
        phases.push(phase(result, Phase::WarmUp, measured));
        let train = match counts.uniform {
            true => times(step, steps),
            false => Err("steps before and after --unfreeze-at do different work".to_owned()),
        };
        explained.push(train.clone());
        phases.push(phase(result, Phase::Train, train));
    }
    if counts.evaluations > 0 {
        let evaluate = times(evaluation, counts.evaluations as f64);
        explained.push(evaluate.clone());
        phases.push(phase(result, Phase::Evaluate, evaluate));
    }
    if result.status != Status::Assumed {
        phases.push(phase(result, Phase::Idle, idle(result)));
    }
    let explained: Result<Vec<EnergyFigure>, String> = explained.into_iter().collect();
    let rest = whole(result).and_then(|whole| {
        let sum = explained?.into_iter().reduce(|a, b| a.plus(&b));
        Ok(sum.map_or_else(|| whole.clone(), |sum| whole.minus(&sum)))
    });
    phases.push(phase(result, Phase::Rest, rest));
    phases
}

fn whole(result: &SourceResult) -> JoulesOrReason {
    EnergyFigure::of_window(result).ok_or_else(|| {
        result
            .reason
            .clone()
            .unwrap_or_else(|| "no figure".to_owned())
    })
}

/// The first part of a window.
fn first_part(result: &SourceResult, parts: &[Vec<PartResult>]) -> JoulesOrReason {
    let mut parts = parts.first().into_iter().flatten();
    let part = parts.find(|part| part.source == result.source && part.method == result.method);
    let part = part.ok_or("the source was not read then")?;
    let found = part.outcome.as_ref().map_err(|why| why.reason.clone())?;
    let measured = part.status != Status::Assumed;
    Ok(EnergyFigure {
        source: part.source.clone(),
        status: part.status,
        derivation: Derivation::Direct,
        joules: found.joules,
        ci: measured.then_some(found.ci),
        accuracy: measured.then_some(found.accuracy),
    })
}

/// The rest of the start-up, if it is larger than its confidence interval.
fn significant(figure: EnergyFigure) -> JoulesOrReason {
    let half = figure.half();
    if figure.joules > half {
        return Ok(figure);
    }
    Err(format!(
        "the start-up without compilation used {:.3} +-{half:.3} J, which is not significantly above 0",
        figure.joules
    ))
}

fn idle(result: &SourceResult) -> JoulesOrReason {
    let whole = whole(result)?;
    let [ci, accuracy] = result
        .idle()
        .ok_or("the idle power is unknown: measure it with `wattgrad calibrate`")?;
    Ok(EnergyFigure {
        derivation: Derivation::WattsTimesSeconds,
        joules: ci.middle(),
        ci: Some(ci),
        accuracy: Some(accuracy),
        ..whole
    })
}

fn phase(result: &SourceResult, phase: Phase, outcome: JoulesOrReason) -> PhaseEnergy {
    let (figure, reason) = match outcome {
        Ok(figure) => (Some(figure), None),
        Err(reason) => (None, Some(reason)),
    };
    let figure = figure.as_ref();
    PhaseEnergy {
        phase,
        source: result.source.clone(),
        contained: phase == Phase::Idle,
        status: figure.map_or(Status::Unavailable, |figure| figure.status),
        derivation: figure.map(|figure| figure.derivation),
        joules: figure.map(|figure| figure.joules),
        ci: figure.and_then(|figure| figure.ci),
        accuracy: figure.and_then(|figure| figure.accuracy),
        reason,
    }
}
