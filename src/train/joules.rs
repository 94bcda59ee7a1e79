//! What a run's energy amounts to: joules a step, an evaluation, and to the end, each by the ways its source allows.

use super::record::{EnergyFigure, Phase, PhaseEnergy, Way};
use crate::energy::{Energy, Interval, PerUnit, Status};

/// A difference of readings over fewer ticks than this is no figure of its own.
const DIRECT_TICKS: u64 = 50;

/// The figures of one run.
pub(super) struct Figures {
    pub per_step: Vec<EnergyFigure>,
    pub per_evaluation: Vec<EnergyFigure>,
    pub to_end: Vec<EnergyFigure>,
    pub by_phase: Vec<PhaseEnergy>,
}

impl Figures {
    /// Of a run of `steps` and `evaluations`, whose whole came to `run`; `step` and `evaluation` are what was metered
    /// of each past its end.
    pub(super) fn new(
        start_up: &[Energy],
        run: &[Energy],
        (steps, evaluations): (u64, u64),
        step: &[PerUnit],
        evaluation: &[PerUnit],
    ) -> Self {
        // A run may be too short for its instrument, which has a figure of a step nevertheless.
        let mine = |row: &&Energy| row.status != Status::Shared;
        let charged = |unit: &&PerUnit| matches!(unit.status, Status::Measured | Status::Assumed);
        let mut figures = Self {
            per_step: Vec::new(),
            per_evaluation: evaluation.iter().filter(charged).map(one).collect(),
            to_end: Vec::new(),
            by_phase: start_up.iter().filter_map(whole).map(started).collect(),
        };
        for row in run.iter().filter(mine) {
            let own = |units: &[PerUnit]| {
                let same = |unit: &&PerUnit| unit.source == row.source && unit.method == row.method;
                units.iter().filter(charged).find(same).map(one)
            };
            let (step, evaluation) = (own(step), own(evaluation));
            let whole = whole(row);
            let long = row.ticks.is_none_or(|ticks| ticks >= DIRECT_TICKS);
            figures.to_end.extend(whole.clone().filter(|_| long));
            if let Some(step) = &step
                && let Some(sum) = counted(step, steps, evaluation.as_ref(), evaluations)
            {
                figures.to_end.push(sum);
            }
            if let Some(step) = &step {
                let phases = phases(
                    step,
                    steps,
                    evaluation.as_ref(),
                    evaluations,
                    whole.as_ref(),
                );
                figures.by_phase.extend(phases);
            }
            let divided = whole
                .filter(|_| long && steps > 0)
                .map(|whole| scaled(&whole, 1.0 / steps as f64, Way::RunOverSteps));
            figures.per_step.extend(step.or(divided));
        }
        figures
    }
}

/// All joules of a window.
fn whole(row: &Energy) -> Option<EnergyFigure> {
    let usable = matches!(row.status, Status::Measured | Status::Assumed);
    row.joules.filter(|_| usable).map(|joules| EnergyFigure {
        source: row.source.clone(),
        status: row.status,
        way: Way::Direct,
        joules,
        repeatability: row.repeatability(),
        absolute: row.absolute(),
    })
}

fn started(energy: EnergyFigure) -> PhaseEnergy {
    PhaseEnergy {
        phase: Phase::StartUp,
        energy,
    }
}

/// Training, evaluating, and what of the whole they leave unexplained.
fn phases(
    step: &EnergyFigure,
    steps: u64,
    evaluation: Option<&EnergyFigure>,
    evaluations: u64,
    whole: Option<&EnergyFigure>,
) -> Vec<PhaseEnergy> {
    let times = |figure: &EnergyFigure, count: u64| {
        (count > 0).then(|| scaled(figure, count as f64, Way::StepsTimesJoules))
    };
    let train = times(step, steps);
    let evaluate = evaluation.and_then(|figure| times(figure, evaluations));
    let explained = counted(step, steps, evaluation, evaluations);
    let rest = whole.zip(explained).map(|(whole, explained)| {
        let joules = whole.joules - explained.joules;
        let both = |a: Option<Interval>, b: Option<Interval>| {
            Some(Interval::around(joules, a?.half().hypot(b?.half())))
        };
        EnergyFigure {
            joules,
            repeatability: both(whole.repeatability, explained.repeatability),
            // One gain moves both alike, so the difference is no surer in absolute terms than its parts.
            absolute: both(whole.absolute, explained.absolute),
            ..whole.clone()
        }
    });
    let phase = |phase| move |energy| PhaseEnergy { phase, energy };
    let train = train.map(phase(Phase::Train));
    let evaluate = evaluate.map(phase(Phase::Evaluate));
    let rest = rest.map(phase(Phase::Rest));
    train.into_iter().chain(evaluate).chain(rest).collect()
}

fn one(unit: &PerUnit) -> EnergyFigure {
    EnergyFigure {
        source: unit.source.clone(),
        status: unit.status,
        way: Way::Window,
        joules: unit.joules(),
        repeatability: Some(unit.window.repeatability.over(unit.units)),
        absolute: Some(unit.window.absolute.over(unit.units)),
    }
}

fn scaled(figure: &EnergyFigure, by: f64, way: Way) -> EnergyFigure {
    EnergyFigure {
        way,
        joules: figure.joules * by,
        repeatability: figure.repeatability.map(|interval| interval.over(1.0 / by)),
        absolute: figure.absolute.map(|interval| interval.over(1.0 / by)),
        ..figure.clone()
    }
}

/// Steps and evaluations times what one of each costs. Without an evaluation's figure there is a sum only where there
/// were no evaluations.
fn counted(
    step: &EnergyFigure,
    steps: u64,
    evaluation: Option<&EnergyFigure>,
    evaluations: u64,
) -> Option<EnergyFigure> {
    let training = scaled(step, steps as f64, Way::StepsTimesJoules);
    if evaluations == 0 {
        return (steps > 0).then_some(training);
    }
    let evaluating = scaled(evaluation?, evaluations as f64, Way::StepsTimesJoules);
    let joules = training.joules + evaluating.joules;
    let both = |a: Option<Interval>, b: Option<Interval>| {
        // Both come through one instrument: its gain moves them together, so the halves are added.
        Some(Interval::around(joules, a?.half() + b?.half()))
    };
    (steps > 0).then(|| EnergyFigure {
        joules,
        repeatability: both(training.repeatability, evaluating.repeatability),
        absolute: both(training.absolute, evaluating.absolute),
        ..training
    })
}
