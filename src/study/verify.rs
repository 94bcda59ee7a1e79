//! Computes what a study's records derive again, and names what differs.

use std::path::Path;

use super::error::StudyError;
use super::open::records;
use super::run::{Outcome, RunRecord};
use super::store::Store;
use crate::train::{self, Record};

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
        let crossings = goal.crossings(&record.evaluations);
        if crossings != record.crossings {
            found.push("the crossings of its targets are not those of its evaluations".to_owned());
        }
        let reached = crossings.last().is_some_and(|last| last.reached.is_some());
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
    found.extend(energy(record));
    found
}

fn energy(record: &Record) -> Vec<String> {
    let mut found = Vec::new();
    for row in &record.energy {
        let Some(computed) = row.recompute() else {
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
        let interval = row.repeatability();
        let as_told = interval.is_none_or(|interval| {
            same(interval.low, computed.repeatability.low)
                && same(interval.high, computed.repeatability.high)
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

fn same(a: f64, b: f64) -> bool {
    a == b || (a - b).abs() <= SAME * a.abs().max(b.abs())
}
