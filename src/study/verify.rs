//! Computes what a study's records derive again, and names what differs.

use std::path::Path;

use super::error::StudyError;
use super::open::records;
use super::run::{Outcome, RunRecord};
use super::store::Store;
use crate::energy::Interval;
use crate::train::{self, EnergyFigure, PhaseEnergy, Record};

/// What differs by less than this share of itself is the same: numbers go through text.
const SAME: f64 = 1e-9;

/// What a study's records were found to be.
#[derive(Clone, Debug, PartialEq)]
pub struct Verified {
    /// Records that were looked at.
    pub records: usize,
    /// What does not follow from what the records hold, a sentence each.
    pub differences: Vec<String>,
}

/// Computes every derived figure of every record in `folder` again: crossings from evaluations, outcomes from crossings,
/// samples and work from steps, joules from raw readings; and compares each file with what the journal says of it.
///
/// # Errors
/// [`StudyError`] where the folder is no study or cannot be read.
pub fn verify(folder: &Path) -> Result<Verified, StudyError> {
    let store = Store::open(folder)?;
    let mut differences: Vec<String> = store
        .altered()?
        .iter()
        .map(|run| {
            format!(
                "{}: the file is not the one that was written when the run ended",
                run.as_str()
            )
        })
        .collect();
    let runs = records(&store)?;
    for run in &runs {
        let found = differences_of(run);
        differences.extend(found.into_iter().map(|what| format!("{}: {what}", run.id)));
    }
    Ok(Verified {
        records: runs.len(),
        differences,
    })
}

fn differences_of(run: &RunRecord) -> Vec<String> {
    let Some(record) = &run.record else {
        return match run.outcome {
            Outcome::Failed => Vec::new(),
            outcome => vec![format!(
                "it is told as {} and has no training",
                outcome.name()
            )],
        };
    };
    let mut found = Vec::new();
    if let Some(goal) = &record.goal {
        let results = goal.results(&record.evaluations);
        if results != record.target_results {
            found.push("its target results do not follow from its evaluations".to_owned());
        }
        let reached = results.last().is_some_and(|last| last.reached.is_some());
        if reached != (record.outcome == train::Outcome::TargetReached) {
            found.push(format!(
                "it is told as {}, and its evaluations say otherwise",
                record.outcome
            ));
        }
    }
    if run.outcome != Outcome::from(record.outcome) {
        found.push(format!(
            "the study tells it as {}, its training as {}",
            run.outcome.name(),
            record.outcome
        ));
    }
    let batch = u64::from(record.regime.batch_size);
    if record.samples != record.steps * batch {
        found.push(format!(
            "{} samples are not {} steps of {batch}",
            record.samples, record.steps
        ));
    }
    let flops = record.work.flops_per_step as f64 * record.steps as f64;
    if !same(record.work.training_flops, flops) {
        found.push(format!(
            "{} FLOPs of training are not {} steps of {}",
            record.work.training_flops, record.steps, record.work.flops_per_step
        ));
    }
    found.extend(budget(record));
    found.extend(energy(record));
    found.extend(figures(record));
    found
}

/// A budget of joules ends a run at the first evaluation that finds it spent.
fn budget(record: &Record) -> Option<String> {
    let most = record.goal.as_ref()?.budget.joules?;
    let (_, before) = record.evaluations.split_last()?;
    let spent = before
        .iter()
        .find(|point| point.joules_so_far >= Some(most))?;
    Some(format!(
        "its budget of {most} J was spent at step {} already, and it went on",
        spent.step
    ))
}

fn energy(record: &Record) -> Vec<String> {
    let mut found = Vec::new();
    for row in &record.energy {
        let Some(computed) = row.recompute() else {
            if let (Some(joules), Some(_)) = (row.joules, &row.basis) {
                found.push(format!(
                    "{}: its readings come to no joules, and it says {joules} J",
                    row.source
                ));
            }
            continue;
        };
        let told = row
            .joules
            .is_some_and(|joules| same(joules, computed.joules));
        if !told {
            found.push(format!(
                "{}: its readings come to {} J, and it says {}",
                row.source,
                computed.joules,
                row.joules
                    .map_or_else(|| "nothing".into(), |joules| format!("{joules} J"))
            ));
        }
        let interval = row.ci();
        let as_told = interval.is_none_or(|interval| {
            same(interval.low, computed.ci.low) && same(interval.high, computed.ci.high)
        });
        if !as_told {
            found.push(format!(
                "{}: its interval is not that of its readings",
                row.source
            ));
        }
    }
    found
}

/// The joules of a step, of an evaluation, of the run and of its phases.
fn figures(record: &Record) -> Vec<String> {
    let Some(again) = record.recompute() else {
        return Vec::new();
    };
    // Phases are differences of the run's joules, whose last digits are theirs.
    let most = record.energy.iter().filter_map(|row| row.joules);
    let scale = most.fold(0.0, f64::max);
    let one = |figure: &EnergyFigure| Line {
        name: format!("{} ({})", figure.source, figure.way.name()),
        joules: Some(figure.joules),
        intervals: [figure.ci, figure.accuracy],
    };
    let phase = |phase: &PhaseEnergy| Line {
        name: format!("{} ({})", phase.source, phase.phase.name()),
        joules: phase.joules,
        intervals: [phase.ci, phase.accuracy],
    };
    let lines = |figures: &[EnergyFigure]| figures.iter().map(one).collect::<Vec<_>>();
    let phases = |phases: &[PhaseEnergy]| phases.iter().map(phase).collect::<Vec<_>>();
    [
        (
            "joules a step",
            lines(&record.energy_per_step),
            lines(&again.per_step),
        ),
        (
            "joules an evaluation",
            lines(&record.energy_per_evaluation),
            lines(&again.per_evaluation),
        ),
        (
            "joules of the run",
            lines(&record.energy_to_end),
            lines(&again.to_end),
        ),
        (
            "joules of its phases",
            phases(&record.energy_by_phase),
            phases(&again.by_phase),
        ),
    ]
    .iter()
    .flat_map(|(of, told, found)| differing(of, told, found, scale))
    .collect()
}

/// A figure that was told, or was computed again.
struct Line {
    name: String,
    joules: Option<f64>,
    intervals: [Option<Interval>; 2],
}

impl Line {
    fn is(&self, other: &Self, scale: f64) -> bool {
        let near = |a: f64, b: f64| same(a, b) || (a - b).abs() <= SAME * scale;
        let number = |a: Option<f64>, b: Option<f64>| match (a, b) {
            (Some(a), Some(b)) => near(a, b),
            (a, b) => a.is_none() && b.is_none(),
        };
        let interval = |a: Option<Interval>, b: Option<Interval>| match (a, b) {
            (Some(a), Some(b)) => near(a.low, b.low) && near(a.high, b.high),
            (a, b) => a.is_none() && b.is_none(),
        };
        let mut intervals = self.intervals.iter().zip(other.intervals);
        self.name == other.name
            && number(self.joules, other.joules)
            && intervals.all(|(a, b)| interval(*a, b))
    }
}

fn differing(of: &str, told: &[Line], found: &[Line], scale: f64) -> Vec<String> {
    if told.len() != found.len() {
        return vec![format!(
            "{of}: figures told are {}, figures its readings come to {}",
            told.len(),
            found.len()
        )];
    }
    let joules = |line: &Line| {
        let joules = line.joules.map(|joules| format!("{joules} J"));
        joules.unwrap_or_else(|| "nothing".to_owned())
    };
    let pairs = told.iter().zip(found);
    pairs
        .filter(|(told, found)| !told.is(found, scale))
        .map(|(told, found)| match joules(told) == joules(found) {
            true => format!(
                "{of}, {}: its interval is not that of its readings",
                told.name
            ),
            false => format!(
                "{of}, {}: its readings come to {}, and it says {}",
                told.name,
                joules(found),
                joules(told)
            ),
        })
        .collect()
}

fn same(a: f64, b: f64) -> bool {
    a == b || (a - b).abs() <= SAME * a.abs().max(b.abs())
}
