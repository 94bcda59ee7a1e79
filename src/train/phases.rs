//! Where the joules of a run went: its phases, through each source that can tell.

use super::record::{Derivation, EnergyFigure, Phase, PhaseEnergy};
use super::run_energy::{RunCounts, difference, scaled, sum, whole};
use crate::energy::{PartResult, SourceResult, Status, WindowResult};

/// A phase's joules, or why they are not known.
type Told = Result<EnergyFigure, String>;

/// Compiling, the first part asked of the window of the start-up, and what else there is in it.
pub(super) fn started(start_up: &WindowResult) -> Vec<PhaseEnergy> {
    let mine = |row: &&SourceResult| row.status != Status::Shared && row.seconds.is_some();
    let mut phases = Vec::new();
    for row in start_up.sources.iter().filter(mine) {
        let compile = part(row, &start_up.parts);
        let rest = match (all(row), &compile) {
            (Ok(whole), Ok(compile)) => told(difference(&whole, compile)),
            (whole, _) => whole,
        };
        let compile = compile.map_err(|why| match rest {
            Ok(_) => format!("{why}; its joules are in start-up"),
            Err(_) => why,
        });
        phases.push(phase(row, Phase::Compile, compile));
        phases.push(phase(row, Phase::StartUp, rest));
    }
    phases
}

/// What a run did, through the source of `row`; `parts`: what was asked of its window. `step` and `evaluation` are what
/// one of each costs.
pub(super) fn taken(
    row: &SourceResult,
    parts: &[Vec<PartResult>],
    done: &RunCounts,
    step: &Told,
    evaluation: &Told,
) -> Vec<PhaseEnergy> {
    let mut phases = Vec::new();
    let mut explained: Vec<Told> = Vec::new();
    let times = |each: &Told, count: f64| {
        let each = each.as_ref();
        each.map(|each| scaled(each, count, Derivation::StepsTimesJoules))
            .map_err(String::clone)
    };
    if done.steps > 0 {
        let warm_up = done.warm_up.as_ref().map_err(String::clone);
        let metered = warm_up.clone().and_then(|_| part(row, parts));
        let apart = match (&warm_up, &metered) {
            (Ok(warm_up), Ok(_)) => warm_up.steps,
            _ => 0.0,
        };
        explained.extend(metered.is_ok().then(|| metered.clone()));
        let metered = metered.map_err(|why| match warm_up {
            Ok(warm_up) => format!("{why}; its {} steps are counted in train", warm_up.steps),
            Err(_) => why,
        });
        phases.push(phase(row, Phase::WarmUp, metered));
        let train = times(step, done.steps as f64 - apart);
        explained.push(train.clone());
        phases.push(phase(row, Phase::Train, train));
    }
    if done.evaluations > 0 {
        let evaluate = times(evaluation, done.evaluations as f64);
        explained.push(evaluate.clone());
        phases.push(phase(row, Phase::Evaluate, evaluate));
    }
    if row.status != Status::Assumed {
        phases.push(phase(row, Phase::Idle, idle(row)));
    }
    let explained: Result<Vec<EnergyFigure>, String> = explained.into_iter().collect();
    let rest = all(row).and_then(|whole| {
        let explained = explained?.into_iter().reduce(|a, b| sum(&a, &b));
        Ok(explained.map_or(whole.clone(), |explained| difference(&whole, &explained)))
    });
    phases.push(phase(row, Phase::Rest, rest));
    phases
}

/// All of a window.
fn all(row: &SourceResult) -> Told {
    whole(row).ok_or_else(|| row.reason.clone().unwrap_or_else(|| "no figure".to_owned()))
}

/// The first part of a window.
fn part(row: &SourceResult, parts: &[Vec<PartResult>]) -> Told {
    let mut same = parts.first().into_iter().flatten();
    let part = same.find(|part| part.source == row.source && part.method == row.method);
    let part = part.ok_or("it was not read then")?;
    let found = part.outcome.as_ref().map_err(|why| why.reason.clone())?;
    let stated = part.status != Status::Assumed;
    Ok(EnergyFigure {
        source: part.source.clone(),
        status: part.status,
        derivation: Derivation::Direct,
        joules: found.joules,
        ci: stated.then_some(found.ci),
        accuracy: stated.then_some(found.accuracy),
    })
}

/// A difference is told where it is one.
fn told(figure: EnergyFigure) -> Told {
    let half = figure.ci.map_or(0.0, |interval| interval.half());
    if figure.joules > half {
        return Ok(figure);
    }
    Err(format!(
        "compiling leaves {:.3} +-{half:.3} J of the start-up, which is as good as none",
        figure.joules
    ))
}

fn idle(row: &SourceResult) -> Told {
    let whole = all(row)?;
    let [ci, accuracy] = row.idle().ok_or(
        "its watts at rest are not known: `wattgrad calibrate` looks at the device in three ways of resting",
    )?;
    Ok(EnergyFigure {
        derivation: Derivation::WattsTimesSeconds,
        joules: ci.middle(),
        ci: Some(ci),
        accuracy: Some(accuracy),
        ..whole
    })
}

fn phase(row: &SourceResult, phase: Phase, told: Told) -> PhaseEnergy {
    let contained = phase == Phase::Idle;
    let source = row.source.clone();
    match told {
        Ok(figure) => PhaseEnergy {
            phase,
            source,
            contained,
            status: figure.status,
            derivation: Some(figure.derivation),
            joules: Some(figure.joules),
            ci: figure.ci,
            accuracy: figure.accuracy,
            reason: None,
        },
        Err(reason) => PhaseEnergy {
            phase,
            source,
            contained,
            status: Status::Unavailable,
            derivation: None,
            joules: None,
            ci: None,
            accuracy: None,
            reason: Some(reason),
        },
    }
}
