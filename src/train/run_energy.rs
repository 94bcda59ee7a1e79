//! What a run's energy amounts to: joules a step, an evaluation, and to the end, each by the ways its source allows.

use super::after_run::AfterRun;
use super::phases;
use super::record::{Derivation, EnergyFigure, PhaseEnergy};
use super::warm_up::WarmUp;
use crate::energy::{EnergyPerUnit, Interval, Method, SourceResult, Status, WindowResult};

/// A difference of readings over fewer ticks than this is no figure of its own.
const DIRECT_TICKS: u64 = 50;

/// The figures of energy of one run, as its record has them.
#[derive(Clone, Debug, PartialEq)]
pub struct RunEnergy {
    /// Joules a training step: [`Record::energy_per_step`](super::Record::energy_per_step).
    pub per_step: Vec<EnergyFigure>,
    /// Joules an evaluation: [`Record::energy_per_evaluation`](super::Record::energy_per_evaluation).
    pub per_evaluation: Vec<EnergyFigure>,
    /// Joules of the run: [`Record::energy_to_end`](super::Record::energy_to_end).
    pub to_end: Vec<EnergyFigure>,
    /// Joules of its phases: [`Record::energy_by_phase`](super::Record::energy_by_phase).
    pub by_phase: Vec<PhaseEnergy>,
}

/// What a run did.
#[derive(Clone, Debug)]
pub(super) struct RunCounts {
    pub steps: u64,
    pub evaluations: u64,
    /// What it did before its pace had settled, the first part asked of the run's window, or why there is none.
    pub warm_up: Result<WarmUp, String>,
}

impl RunEnergy {
    /// Of a run that was started in one window, of which the first part was compiling, and went through another; `on`:
    /// what was metered past its end.
    pub(super) fn new(
        start_up: &WindowResult,
        run: &WindowResult,
        done: &RunCounts,
        on: &AfterRun,
    ) -> Self {
        // A run may be too short for its instrument, which has a figure of a step nevertheless.
        let mine = |row: &&SourceResult| row.status != Status::Shared;
        let mut figures = Self {
            per_step: Vec::new(),
            per_evaluation: on
                .evaluations
                .units
                .iter()
                .filter(charged)
                .map(one)
                .collect(),
            to_end: Vec::new(),
            by_phase: phases::started(start_up),
        };
        for row in run.sources.iter().filter(mine) {
            let (step, evaluation) = (each(&on.steps, row), each(&on.evaluations, row));
            let whole = whole(row);
            let long = row.updates.is_none_or(|ticks| ticks >= DIRECT_TICKS);
            figures.to_end.extend(whole.clone().filter(|_| long));
            if let Ok(step) = &step
                && let Some(sum) = counted(step, done, evaluation.as_ref().ok())
            {
                figures.to_end.push(sum);
            }
            if whole.is_some() || step.is_ok() {
                figures
                    .by_phase
                    .extend(phases::taken(row, &run.parts, done, &step, &evaluation));
            }
            let divided = whole
                .filter(|_| long && done.steps > 0)
                .map(|whole| scaled(&whole, 1.0 / done.steps as f64, Derivation::RunOverSteps));
            figures.per_step.extend(step.ok().or(divided));
        }
        figures
    }
}

impl RunEnergy {
    /// Where the joules of a run and those of its steps and evaluations are farther apart than their intervals reach: the
    /// source, and a sentence about it.
    pub(super) fn disagreements(&self) -> Vec<(String, String)> {
        let of = |derivation: Derivation| {
            self.to_end
                .iter()
                .filter(move |figure| figure.derivation == derivation)
        };
        let pairs = of(Derivation::Direct).flat_map(|direct| {
            let same = move |counted: &&EnergyFigure| counted.source == direct.source;
            of(Derivation::StepsTimesJoules)
                .filter(same)
                .map(move |counted| (direct, counted))
        });
        let half = |figure: &EnergyFigure| figure.ci.map_or(0.0, |interval| interval.half());
        pairs
            .filter(|(direct, counted)| {
                (direct.joules - counted.joules).abs() > half(direct) + half(counted)
            })
            .map(|(direct, counted)| {
                let off = 100.0 * (direct.joules / counted.joules - 1.0);
                let told = format!(
                    "the run's joules are {off:+.1} % off its steps and evaluations times what one cost right after it, more \
                     than the intervals explain: it did not go at one pace (others used the machine, clocks changed, or it \
                     warmed up for long)"
                );
                (direct.source.clone(), told)
            })
            .collect()
    }
}

fn charged(unit: &&EnergyPerUnit) -> bool {
    matches!(unit.status, Status::Measured | Status::Assumed)
}

/// The joules of one unit through the source of `row`, or why there are none.
fn each(on: &WindowResult, row: &SourceResult) -> Result<EnergyFigure, String> {
    let same = |source: &String, method: Method| *source == row.source && method == row.method;
    let unit = on.units.iter().filter(charged);
    let mut unit = unit.filter(|unit| same(&unit.source, unit.method));
    let untold = on.units_unavailable.iter();
    let mut untold = untold.filter(|untold| same(&untold.source, untold.method));
    match (unit.next(), untold.next()) {
        (Some(unit), _) => Ok(one(unit)),
        (None, Some(untold)) => Err(untold.why.reason.clone()),
        (None, None) => Err("it was not metered past the end of the run".to_owned()),
    }
}

/// All joules of a window.
pub(super) fn whole(row: &SourceResult) -> Option<EnergyFigure> {
    let usable = matches!(row.status, Status::Measured | Status::Assumed);
    row.joules.filter(|_| usable).map(|joules| EnergyFigure {
        source: row.source.clone(),
        status: row.status,
        derivation: Derivation::Direct,
        joules,
        ci: row.ci(),
        accuracy: row.accuracy(),
    })
}

fn one(unit: &EnergyPerUnit) -> EnergyFigure {
    EnergyFigure {
        source: unit.source.clone(),
        status: unit.status,
        derivation: Derivation::Window,
        joules: unit.joules(),
        ci: Some(unit.window.ci.over(unit.units)),
        accuracy: Some(unit.window.accuracy.over(unit.units)),
    }
}

pub(super) fn scaled(figure: &EnergyFigure, by: f64, derivation: Derivation) -> EnergyFigure {
    EnergyFigure {
        derivation,
        joules: figure.joules * by,
        ci: figure.ci.map(|interval| interval.over(1.0 / by)),
        accuracy: figure.accuracy.map(|interval| interval.over(1.0 / by)),
        ..figure.clone()
    }
}

/// Steps and evaluations times what one of each costs. Without an evaluation's figure there is a sum only where there
/// were no evaluations.
fn counted(
    step: &EnergyFigure,
    done: &RunCounts,
    evaluation: Option<&EnergyFigure>,
) -> Option<EnergyFigure> {
    if done.steps == 0 {
        return None;
    }
    let training = scaled(step, done.steps as f64, Derivation::StepsTimesJoules);
    if done.evaluations == 0 {
        return Some(training);
    }
    let evaluating = scaled(
        evaluation?,
        done.evaluations as f64,
        Derivation::StepsTimesJoules,
    );
    Some(sum(&training, &evaluating))
}

/// Both together. They come through one instrument: its gain moves them alike, so the halves are added.
pub(super) fn sum(a: &EnergyFigure, b: &EnergyFigure) -> EnergyFigure {
    let joules = a.joules + b.joules;
    let both = |a: Option<Interval>, b: Option<Interval>| {
        Some(Interval::around(joules, a?.half() + b?.half()))
    };
    EnergyFigure {
        joules,
        ci: both(a.ci, b.ci),
        accuracy: both(a.accuracy, b.accuracy),
        ..a.clone()
    }
}

/// What `part` leaves of `whole`.
pub(super) fn difference(whole: &EnergyFigure, part: &EnergyFigure) -> EnergyFigure {
    let joules = whole.joules - part.joules;
    let both = |a: Option<Interval>, b: Option<Interval>| {
        Some(Interval::around(joules, a?.half().hypot(b?.half())))
    };
    EnergyFigure {
        joules,
        ci: both(whole.ci, part.ci),
        // One gain moves both alike, so the difference is no surer in absolute terms than its parts.
        accuracy: both(whole.accuracy, part.accuracy),
        ..whole.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(source: &str, derivation: Derivation, joules: f64) -> EnergyFigure {
        EnergyFigure {
            source: source.to_owned(),
            status: Status::Measured,
            derivation,
            joules,
            ci: Some(Interval::around(joules, 2.0)),
            accuracy: None,
        }
    }

    #[test]
    fn two_ways_that_do_not_agree_are_told() {
        let figures = RunEnergy {
            per_step: Vec::new(),
            per_evaluation: Vec::new(),
            to_end: vec![
                figure("nvml:0", Derivation::Direct, 110.0),
                figure("nvml:0", Derivation::StepsTimesJoules, 100.0),
                figure("rapl:package-0", Derivation::Direct, 103.0),
                figure("rapl:package-0", Derivation::StepsTimesJoules, 100.0),
                figure("nvml:1", Derivation::StepsTimesJoules, 7.0),
            ],
            by_phase: Vec::new(),
        };
        let told = figures.disagreements();
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(told[0].0, "nvml:0");
        assert!(told[0].1.contains("+10.0 %"), "{told:?}");
    }
}
