//! Single records of `train --record`, read as if they were a study: each regime, seed aside, is a cell.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::analysis::{Analysis, Design, DesignCell, DesignRun};
use super::error::StudyError;
use super::open::{Opened, open};
use super::run::{Purpose, RunRecord, SCHEMA};
use crate::train::Record;

/// Reads every path: each folder is a study by itself, and all files together are records that are compared with each
/// other. A path that is given twice counts once.
///
/// # Errors
/// [`StudyError`] for the first path that is neither.
pub fn open_all(paths: &[PathBuf]) -> Result<Vec<Opened>, StudyError> {
    let mut once: Vec<&Path> = Vec::new();
    for path in paths {
        if !once.contains(&path.as_path()) {
            once.push(path);
        }
    }
    let (folders, files): (Vec<&Path>, Vec<&Path>) =
        once.into_iter().partition(|path| path.is_dir());
    let mut all = folders
        .into_iter()
        .map(open)
        .collect::<Result<Vec<Opened>, StudyError>>()?;
    if !files.is_empty() {
        let read = |path: &Path| Ok((path.display().to_string(), Record::read(path)?));
        let records = files
            .into_iter()
            .map(read)
            .collect::<Result<Vec<(String, Record)>, StudyError>>()?;
        all.push(compared(records));
    }
    Ok(all)
}

/// Records and their names as cells and runs.
fn compared(records: Vec<(String, Record)>) -> Opened {
    let choices: Vec<Vec<(String, Value)>> =
        records.iter().map(|(_, record)| chosen(record)).collect();
    let differing: Vec<&str> = choices[0]
        .iter()
        .enumerate()
        .filter(|(at, (_, first))| choices.iter().any(|own| own[*at].1 != *first))
        .map(|(_, (key, _))| key.as_str())
        .collect();
    let mut cells: Vec<DesignCell> = Vec::new();
    let mut planned: Vec<DesignRun> = Vec::new();
    let mut runs: Vec<RunRecord> = Vec::new();
    let mut seeds: Vec<u32> = Vec::new();
    let first = &records[0].1;
    let name = match records.len() {
        1 => records[0].0.clone(),
        n => format!("{n} single runs"),
    };
    let base = base(first, &differing);
    let notes = notes(&records);
    for ((path, record), own) in records.into_iter().zip(&choices) {
        let id = identifier(own, &differing, &record);
        let cell = cells
            .iter()
            .position(|cell| cell.id == id)
            .unwrap_or_else(|| {
                cells.push(DesignCell {
                    id: id.clone(),
                    values: Vec::new(),
                });
                cells.len() - 1
            });
        let seed = record.regime.seed;
        if !seeds.contains(&seed) {
            seeds.push(seed);
        }
        planned.push(DesignRun {
            id: path.clone(),
            cell,
            seed,
            purpose: Purpose::Main,
        });
        runs.push(RunRecord {
            schema: SCHEMA,
            id: path,
            cell: id,
            seed,
            purpose: Purpose::Main,
            outcome: record.outcome.into(),
            error: None,
            overlap: false,
            record: Some(record),
        });
    }
    let design = Design {
        name,
        base,
        axes: Vec::new(),
        cells,
        reference: None,
        seeds,
        // `train` ends at its own target, so that the cost of the whole run is that of the target.
        targets: Vec::new(),
        cadence: None,
        budget: None,
        runs: planned,
    };
    Opened {
        analysis: Analysis::new(&design, &runs, notes),
        runs,
    }
}

/// What was chosen about a run, seed aside: its regime, and the device and data that it met.
fn chosen(record: &Record) -> Vec<(String, Value)> {
    let mut choices = record.regime.choices();
    choices.retain(|(key, _)| key != "seed" && key != "eval_batch_size");
    // The name of a set says less than what it held.
    for choice in choices.iter_mut().filter(|(key, _)| key == "data") {
        choice.1 = record.data.name.clone().into();
    }
    choices.push(("data sha256".into(), record.data.sha256.clone().into()));
    choices.push(("device".into(), record.device.name.clone().into()));
    choices
}

fn identifier(choices: &[(String, Value)], differing: &[&str], record: &Record) -> String {
    let told: Vec<String> = choices
        .iter()
        .filter(|(key, _)| differing.contains(&key.as_str()))
        .map(|(key, value)| {
            let value = match value {
                Value::String(text) => text.clone(),
                Value::Null => "none".into(),
                value => value.to_string(),
            };
            format!("{}={value}", key.replace('_', "-"))
        })
        .collect();
    match told.is_empty() {
        true => format!("{} on {}", record.network.name, record.data.name),
        false => told.join(","),
    }
}

/// What the runs share, in words.
fn base(first: &Record, differing: &[&str]) -> String {
    let shared = |key: &str| !differing.contains(&key);
    let parts = [
        shared("model").then(|| first.regime.model.clone()),
        shared("data").then(|| first.data.name.clone()),
        Some(
            first
                .regime
                .recipe_without(|key| key == "seed" || !shared(key)),
        ),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    parts.join(", ")
}

fn notes(records: &[(String, Record)]) -> Vec<String> {
    let mut notes = vec![match records[0].1.regime.target_accuracy {
        Some(target)
            if records
                .iter()
                .all(|(_, record)| record.regime.target_accuracy == Some(target)) =>
        {
            format!(
                "each run ended at its first evaluation of the whole test set at or above {:.2} %: no other half confirms it",
                100.0 * target
            )
        }
        _ => "the runs were held to no common target: their costs are those of runs that became differently accurate".into(),
    }];
    let shared = records
        .iter()
        .filter(|(_, record)| record.others.share_the_run())
        .count();
    if shared > 0 {
        notes.push(format!(
            "{shared} of {} runs shared the machine: their time and joules are shown and not ranked",
            records.len()
        ));
    }
    notes
}
