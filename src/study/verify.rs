//! Recomputes what the records of a study derive, and names what differs.

use std::path::Path;

use super::error::StudyError;
use super::open::open_stores;
use super::pretraining::FOLDER;
use super::records::merge;
use super::run::{Outcome, RunRecord};
use super::submitted::expand;
use crate::energy::Interval;
use crate::train::{self, EnergyFigure, PhaseEnergy, Record};

/// Relative difference up to which two numbers are equal: numbers go through text.
const TOLERANCE: f64 = 1e-9;

/// The result of a verification.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Verified {
    /// How many records were verified.
    pub records: usize,
    /// Figures that do not follow from what the records contain, one sentence each.
    pub differences: Vec<String>,
    /// Runs that two folders record differently.
    pub notes: Vec<String>,
}

/// Recomputes every derived figure of every record in `folders`, which are folders of one study: when targets were
/// reached, from evaluations; outcomes, from targets; samples and work, from steps; joules, from raw readings. Compares
/// each file with its checksum.
///
/// # Errors
/// As for [`open`](super::open()).
pub fn verify<P: AsRef<Path>>(folders: &[P]) -> Result<Verified, StudyError> {
    let mut verified = verify_own(folders)?;
    let all = expand(folders)?;
    let pretraining = all.iter().map(|folder| folder.join(FOLDER));
    let pretraining: Vec<_> = pretraining.filter(|folder| folder.exists()).collect();
    if !pretraining.is_empty() {
        let other = verify_own(&pretraining)?;
        verified.records += other.records;
        let named = |what: String| format!("{FOLDER}/{what}");
        verified
            .differences
            .extend(other.differences.into_iter().map(named));
        verified.notes.extend(other.notes);
    }
    Ok(verified)
}

fn verify_own<P: AsRef<Path>>(folders: &[P]) -> Result<Verified, StudyError> {
    let stores = open_stores(folders)?;
    let mut verified = Verified::default();
    let mut all = Vec::new();
    for store in &stores {
        let mut read = store.runs()?;
        let altered = std::mem::take(&mut read.altered).into_iter();
        verified.differences.extend(altered.map(|run| {
            format!("{run}: the file has changed since it was written when the run ended")
        }));
        verified.records += read.records.len();
        for run in &read.records {
            let found = differences_of(run);
            let named = found.into_iter().map(|what| format!("{}: {what}", run.id));
            verified.differences.extend(named);
        }
        all.push(read);
    }
    (_, verified.notes) = merge(&stores, all)?;
    Ok(verified)
}

fn differences_of(run: &RunRecord) -> Vec<String> {
    let Some(record) = &run.record else {
        return match run.outcome {
            Outcome::Failed => Vec::new(),
            outcome => vec![format!(
                "the recorded outcome is {}, but there is no training",
                outcome.name()
            )],
        };
    };
    let mut found = Vec::new();
    if let Some(goal) = &record.goal {
        let results = goal.results(&record.evaluations);
        if results != record.target_results {
            found.push("the recorded target results do not follow from the evaluations".into());
        }
        let reached = results.last().is_some_and(|last| last.reached.is_some());
        if reached != (record.outcome == train::Outcome::TargetReached) {
            let verb = if reached { "reach" } else { "do not reach" };
            found.push(format!(
                "the recorded outcome is {}, but the evaluations {verb} the last target",
                record.outcome
            ));
        }
    }
    let paused = run.outcome == Outcome::Stopped && record.outcome == train::Outcome::Interrupted;
    if run.outcome != Outcome::from(record.outcome) && !paused {
        found.push(format!(
            "the recorded outcome is {}, but that of the training is {}",
            run.outcome.name(),
            record.outcome
        ));
    }
    let batch = u64::from(record.regime.step_samples());
    if record.samples != record.steps * batch {
        found.push(format!(
            "{} samples are not {} steps of {batch}",
            record.samples, record.steps
        ));
    }
    let flops = record.work.flops_per_step as f64 * record.steps as f64;
    // Before layers are unfrozen a step does less work.
    let less = record.regime.unfreeze_at.is_some() && record.work.training_flops <= flops;
    if !less && !equal(record.work.training_flops, flops) {
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
    let limit = record.goal.as_ref()?.budget.joules?;
    let (_, before) = record.evaluations.split_last()?;
    let spent = before
        .iter()
        .find(|point| point.joules_so_far >= Some(limit))?;
    Some(format!(
        "the budget of {limit} J was spent at step {}, but the run continued",
        spent.step
    ))
}

fn energy(record: &Record) -> Vec<String> {
    let mut found = Vec::new();
    for row in &record.energy {
        let source = &row.source;
        let Some(computed) = row.recompute() else {
            if let (Some(joules), Some(_)) = (row.joules, &row.basis) {
                found.push(format!(
                    "{source}: recorded {joules} J, but its readings give no energy"
                ));
            }
            continue;
        };
        let recorded = row.joules.map_or("nothing".into(), |j| format!("{j} J"));
        if !row.joules.is_some_and(|j| equal(j, computed.joules)) {
            found.push(format!(
                "{source}: recorded {recorded}, but its readings give {} J",
                computed.joules
            ));
        }
        let ends = |interval: Interval| [interval.low, interval.high];
        let differs = row.ci().is_some_and(|interval| {
            let pairs = ends(interval).into_iter().zip(ends(computed.ci));
            !pairs.into_iter().all(|(a, b)| equal(a, b))
        });
        if differs {
            found.push(format!(
                "{source}: the recorded interval does not follow from its readings"
            ));
        }
    }
    found
}

/// The joules per step, per evaluation, of the run and of its phases.
fn figures(record: &Record) -> Vec<String> {
    let Some(again) = record.recompute() else {
        return Vec::new();
    };
    // Phases are differences of the run's joules and have its absolute rounding errors.
    let largest = record.energy.iter().filter_map(|row| row.joules);
    let scale = largest.fold(0.0, f64::max);
    let figure = |figure: &EnergyFigure| Figure {
        name: format!("{} ({})", figure.source, figure.derivation.name()),
        joules: Some(figure.joules),
        intervals: [figure.ci, figure.accuracy],
    };
    let phase = |phase: &PhaseEnergy| Figure {
        name: format!("{} ({})", phase.source, phase.phase.name()),
        joules: phase.joules,
        intervals: [phase.ci, phase.accuracy],
    };
    let figures = |all: &[EnergyFigure]| all.iter().map(figure).collect::<Vec<_>>();
    let phases = |all: &[PhaseEnergy]| all.iter().map(phase).collect::<Vec<_>>();
    let pairs = [
        (
            "joules per step",
            figures(&record.energy_per_step),
            figures(&again.per_step),
        ),
        (
            "joules per evaluation",
            figures(&record.energy_per_evaluation),
            figures(&again.per_evaluation),
        ),
        (
            "joules of the run",
            figures(&record.energy_to_end),
            figures(&again.to_end),
        ),
        (
            "joules of its phases",
            phases(&record.energy_by_phase),
            phases(&again.by_phase),
        ),
    ];
    pairs
        .iter()
        .flat_map(|(of, recorded, computed)| differing(of, recorded, computed, scale))
        .collect()
}

/// A recorded or recomputed figure.
struct Figure {
    name: String,
    joules: Option<f64>,
    intervals: [Option<Interval>; 2],
}

impl Figure {
    fn equals(&self, other: &Self, scale: f64) -> bool {
        let near = |a: f64, b: f64| equal(a, b) || (a - b).abs() <= TOLERANCE * scale;
        let number = |a: Option<f64>, b: Option<f64>| match (a, b) {
            (Some(a), Some(b)) => near(a, b),
            (a, b) => a.is_none() && b.is_none(),
        };
        let mut intervals = self.intervals.iter().zip(other.intervals);
        self.name == other.name
            && number(self.joules, other.joules)
            && intervals.all(|(a, b)| {
                number(a.map(|a| a.low), b.map(|b| b.low))
                    && number(a.map(|a| a.high), b.map(|b| b.high))
            })
    }

    fn amount(&self) -> String {
        self.joules
            .map_or("nothing".into(), |joules| format!("{joules} J"))
    }
}

fn differing(of: &str, recorded: &[Figure], computed: &[Figure], scale: f64) -> Vec<String> {
    if recorded.len() != computed.len() {
        return vec![format!(
            "{of}: {} figures are recorded, but the readings give {}",
            recorded.len(),
            computed.len()
        )];
    }
    let pairs = recorded.iter().zip(computed);
    pairs
        .filter(|(recorded, computed)| !recorded.equals(computed, scale))
        .map(|(recorded, computed)| {
            let name = &recorded.name;
            let (recorded, computed) = (recorded.amount(), computed.amount());
            match recorded == computed {
                true => {
                    format!("{of}, {name}: the recorded interval does not follow from the readings")
                }
                false => {
                    format!("{of}, {name}: recorded {recorded}, but the readings give {computed}")
                }
            }
        })
        .collect()
}

fn equal(a: f64, b: f64) -> bool {
    a == b || (a - b).abs() <= TOLERANCE * a.abs().max(b.abs())
}
