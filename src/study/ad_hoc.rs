//! Ad-hoc comparison of single records, analysed as if they were a study: each regime, apart from its seed, is a cell.

mod targets;

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::analysis::{Design, DesignCell};
use super::error::StudyError;
use super::open::{Opened, contention_note, open};
use super::plan::PlannedRun;
use super::run::{Purpose, RunRecord, SCHEMA};
use super::store::Store;
use super::submitted::expand;
use crate::checksum;
use crate::train::{Record, TrainError};

/// Reads every path. Folders of one study are merged; records, of `train --record` or from `runs/` of a study, are
/// compared with each other. A path that is given twice counts once.
///
/// # Errors
/// [`StudyError`] for the first path that is neither, and for folders whose studies have the same name and differ.
pub fn open_all(paths: &[PathBuf]) -> Result<Vec<Opened>, StudyError> {
    let (studies, files) = sort_paths(paths)?;
    let mut opened = Vec::new();
    for (_, folders) in studies {
        opened.push(open(&folders)?);
    }

    for (files, read) in by_tasks(&files)? {
        let (design, runs, mut notes) = arrange(read, &[]);
        notes.extend(contention_note(&runs));
        notes.extend(altered_notes(&files));
        opened.push(Opened::new(&design, runs, &[], notes));
    }
    Ok(opened)
}

/// Folders of each study by its name, and records; each path once.
type Sorted<'a> = (Vec<(String, Vec<&'a Path>)>, Vec<&'a Path>);

pub(super) fn sort_paths(paths: &[PathBuf]) -> Result<Sorted<'_>, StudyError> {
    let mut studies: Vec<(String, Vec<&Path>)> = Vec::new();
    let mut files: Vec<&Path> = Vec::new();
    for path in paths {
        if !path.is_dir() {
            if !files.contains(&path.as_path()) {
                files.push(path);
            }
            continue;
        }
        let first = expand(&[path])?.swap_remove(0);
        let name = Store::open(&first)?.manifest().study.name.clone();
        match studies.iter_mut().find(|(known, _)| *known == name) {
            Some((_, folders)) => folders.push(path),
            None => studies.push((name, vec![path])),
        }
    }
    Ok((studies, files))
}

/// Runs that learn the same tasks: their files, and what these hold.
pub(super) type Group<'a> = (Vec<&'a Path>, Vec<(RunRecord, Record)>);

/// Reads the files, in a group for each choice of tasks: others are not compared.
pub(super) fn by_tasks<'a>(files: &[&'a Path]) -> Result<Vec<Group<'a>>, StudyError> {
    let mut groups: Vec<(Vec<String>, Group<'a>)> = Vec::new();
    for path in files {
        let (run, record) = read(path)?;
        let mut tasks: Vec<String> = Vec::new();
        let evaluated = record.evaluations.first().map(|point| &point.metrics);
        for metric in evaluated.into_iter().flatten() {
            if !tasks.contains(&metric.task) {
                tasks.push(metric.task.clone());
            }
        }
        let at = groups.iter().position(|(known, _)| *known == tasks);
        let at = at.unwrap_or_else(|| {
            groups.push((tasks, Group::default()));
            groups.len() - 1
        });
        let (paths, runs) = &mut groups[at].1;
        paths.push(path);
        runs.push((run, record));
    }
    Ok(groups.into_iter().map(|(_, own)| own).collect())
}

/// A note for each file that was changed after its run.
pub(super) fn altered_notes(files: &[&Path]) -> Vec<String> {
    let altered = files.iter().filter(|path| is_altered(path));
    let notes = altered.map(|path| {
        format!("{path:?} was CHANGED after its run ended: its figures are not those of the run")
    });
    notes.collect()
}

/// Whether the file was changed since it was written; old ones have no checksum.
fn is_altered(path: &Path) -> bool {
    let text = std::fs::read(path).ok();
    let value = text.and_then(|text| serde_json::from_slice::<Value>(&text).ok());
    value.and_then(|mut value| checksum::take(&mut value)) == Some(false)
}

/// A record of `train`, or that of a study's run.
fn read(path: &Path) -> Result<(RunRecord, Record), StudyError> {
    let id = path.display().to_string();
    let error = match Record::read(path) {
        Ok(record) => {
            let run = RunRecord {
                schema: SCHEMA,
                id,
                cell: String::new(),
                seed: record.regime.seed,
                purpose: Purpose::Main,
                outcome: record.outcome.into(),
                search: None,
                error: None,
                overlap: false,
                record: None,
            };
            return Ok((run, record));
        }
        Err(error) => error,
    };
    let text = std::fs::read_to_string(path).ok();
    let Some(mut run) = text.and_then(|text| serde_json::from_str::<RunRecord>(&text).ok()) else {
        return Err(error.into());
    };
    let Some(record) = run.record.take() else {
        let detail = match run.error {
            Some(error) => format!("this run of a study failed before it trained: {error}"),
            None => "this run of a study was never trained".into(),
        };
        let path = path.to_owned();
        return Err(TrainError::BadRecord { path, detail }.into());
    };
    let run = RunRecord {
        id,
        purpose: Purpose::Main,
        ..run
    };
    Ok((run, record))
}

/// The runs as those of a study at the target that they share, with its design and notes. Choices in `ignored`
/// make no cell of their own.
pub(super) fn arrange(
    read: Vec<(RunRecord, Record)>,
    ignored: &[&str],
) -> (Design, Vec<RunRecord>, Vec<String>) {
    let (mut runs, mut records): (Vec<_>, Vec<_>) = read.into_iter().unzip();
    let choices: Vec<Vec<(String, Value)>> = records.iter().map(choices).collect();
    let differing: Vec<&str> = choices[0]
        .iter()
        .enumerate()
        .filter(|(at, (_, first))| choices.iter().any(|own| own[*at].1 != *first))
        .map(|(_, (key, _))| key.as_str())
        .filter(|key| !ignored.contains(key))
        .collect();
    let name = match runs.as_slice() {
        [only] => only.id.clone(),
        all => format!("{} single runs", all.len()),
    };
    let base = base(&records[0], &differing);
    let common = targets::align(&mut records);
    let mut cells: Vec<DesignCell> = Vec::new();
    let mut planned: Vec<PlannedRun> = Vec::new();
    let mut seeds: Vec<u32> = Vec::new();
    for ((run, record), own) in runs.iter_mut().zip(records).zip(&choices) {
        let id = identifier(own, &differing, &record);
        let known = cells.iter().position(|cell| cell.id == id);
        let cell = known.unwrap_or_else(|| {
            cells.push(DesignCell {
                id: id.clone(),
                values: Vec::new(),
            });
            cells.len() - 1
        });
        if !seeds.contains(&run.seed) {
            seeds.push(run.seed);
        }
        planned.push(PlannedRun {
            id: run.id.clone(),
            cell,
            seed: run.seed,
            purpose: run.purpose,
        });
        run.cell = id;
        run.record = Some(record);
    }
    let design = Design {
        name,
        base,
        axes: Vec::new(),
        cells,
        reference: None,
        seeds,
        confirm: 0,
        target: common.target,
        cadence: common.cadence,
        budget: common.budget,
        runs: planned,
        search: false,
    };
    (design, runs, common.notes)
}

/// The regime of a run without its seed, and its device and data.
fn choices(record: &Record) -> Vec<(String, Value)> {
    let mut choices = record.regime.choices();
    choices.retain(|(key, _)| key != "seed" && key != "eval_batch_size");
    // `auto` and a folder may be the same data set.
    for choice in choices.iter_mut().filter(|(key, _)| key == "data") {
        choice.1 = record.data.name.clone().into();
    }
    choices.push(("data sha256".into(), record.data.sha256.clone().into()));
    choices.push(("device".into(), record.device.name.clone().into()));
    choices
}

fn identifier(choices: &[(String, Value)], differing: &[&str], record: &Record) -> String {
    let parts: Vec<String> = choices
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
    match parts.is_empty() {
        true => format!("{} on {}", record.network.name, record.data.name),
        false => parts.join(","),
    }
}

/// What the runs share, in words.
fn base(first: &Record, differing: &[&str]) -> String {
    let shared = |key: &str| !differing.contains(&key);
    let recipe = first
        .regime
        .recipe_without(|key| key == "seed" || !shared(key));
    let parts = [
        shared("model").then(|| first.regime.model.clone()),
        shared("data").then(|| first.data.name.clone()),
        Some(recipe),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    parts.join(", ")
}
