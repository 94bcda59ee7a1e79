//! Single records, read as if they were a study: each regime, seed aside, is a cell.

mod held;

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::analysis::{Analysis, Design, DesignCell, DesignRun};
use super::error::StudyError;
use super::open::{Opened, open};
use super::run::{Purpose, RunRecord, SCHEMA};
use crate::train::{Record, TrainError};

/// What is read of the file that a study keeps of a run.
#[derive(Deserialize)]
struct Kept {
    payload: RunRecord,
}

/// A run and what it was made with.
struct Single {
    run: RunRecord,
    record: Record,
}

/// Reads every path: each folder is a study by itself, and all files together are records, of `train --record` or of the
/// runs of studies, that are compared with each other. A path that is given twice counts once.
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
        let singles = files
            .into_iter()
            .map(read)
            .collect::<Result<Vec<Single>, StudyError>>()?;
        all.push(compared(singles));
    }
    Ok(all)
}

/// A record of `train`, or that in the file of a study's run.
fn read(path: &Path) -> Result<Single, StudyError> {
    let id = path.display().to_string();
    let refused = match Record::read(path) {
        Ok(record) => {
            let run = RunRecord {
                schema: SCHEMA,
                id,
                cell: String::new(),
                seed: record.regime.seed,
                purpose: Purpose::Main,
                outcome: record.outcome.into(),
                error: None,
                overlap: false,
                record: None,
            };
            return Ok(Single { run, record });
        }
        Err(refused) => refused,
    };
    let Some(Kept { mut payload }) = std::fs::read_to_string(path)
        .ok()
        .and_then(|text| serde_json::from_str(&text).ok())
    else {
        return Err(refused.into());
    };
    let Some(record) = payload.record.take() else {
        let detail = match payload.error {
            Some(error) => format!("this run of a study failed before it trained: {error}"),
            None => "this run of a study was never trained".into(),
        };
        return Err(TrainError::BadRecord {
            path: path.to_owned(),
            detail,
        }
        .into());
    };
    let run = RunRecord {
        id,
        purpose: Purpose::Main,
        ..payload
    };
    Ok(Single { run, record })
}

/// Runs as those of a study, under the targets that they share.
fn compared(singles: Vec<Single>) -> Opened {
    let (mut singles, mut records): (Vec<RunRecord>, Vec<Record>) =
        singles.into_iter().map(|one| (one.run, one.record)).unzip();
    let choices: Vec<Vec<(String, Value)>> = records.iter().map(chosen).collect();
    let differing: Vec<&str> = choices[0]
        .iter()
        .enumerate()
        .filter(|(at, (_, first))| choices.iter().any(|own| own[*at].1 != *first))
        .map(|(_, (key, _))| key.as_str())
        .collect();
    let name = match singles.as_slice() {
        [only] => only.id.clone(),
        all => format!("{} single runs", all.len()),
    };
    let base = base(&records[0], &differing);
    let held = held::hold(&mut records);
    let mut cells: Vec<DesignCell> = Vec::new();
    let mut planned: Vec<DesignRun> = Vec::new();
    let mut seeds: Vec<u32> = Vec::new();
    for ((run, record), own) in singles.iter_mut().zip(records).zip(&choices) {
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
        if !seeds.contains(&run.seed) {
            seeds.push(run.seed);
        }
        planned.push(DesignRun {
            id: run.id.clone(),
            cell,
            seed: run.seed,
            purpose: run.purpose,
        });
        run.cell = id;
        run.record = Some(record);
    }
    let mut notes = held.notes;
    notes.extend(shared(&singles));
    let design = Design {
        name,
        base,
        axes: Vec::new(),
        cells,
        reference: None,
        seeds,
        confirm: 0,
        target: held.target,
        cadence: held.cadence,
        budget: held.budget,
        runs: planned,
    };
    Opened {
        analysis: Analysis::new(&design, &singles, notes),
        runs: singles,
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

/// That runs did not have the machine to themselves, in words.
fn shared(runs: &[RunRecord]) -> Option<String> {
    let shared = runs.iter().filter_map(RunRecord::shared).count();
    (shared > 0).then(|| {
        format!(
            "{shared} of {} runs shared the machine: their time and joules are shown and not ranked",
            runs.len()
        )
    })
}
