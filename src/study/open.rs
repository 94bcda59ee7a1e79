//! Reads what is to be reported: the folders of studies.

use std::path::Path;

use serde_json::Value;

use super::analysis::{Analysis, AxisReport, Design, DesignCell, DesignRun};
use super::error::StudyError;
use super::run::{Purpose, RunRecord};
use super::spec::{Axis, Cell, Study};
use super::store::{State, Store, StoreError, Stored};
use crate::train;

/// A study with all its runs, and what they amount to.
#[derive(Clone, Debug)]
pub struct Opened {
    /// What the runs amount to.
    pub analysis: Analysis,
    /// The runs, in the order of the plan; those that were interrupted and not made again last.
    pub runs: Vec<RunRecord>,
}

/// Reads the study in `folder` and changes nothing in it.
///
/// # Errors
/// [`StudyError`] where it is no study, or one of another version.
pub fn open(folder: &Path) -> Result<Opened, StudyError> {
    let store = Store::open(folder)?;
    let study = Study::parse(
        &folder.join("study.json").display().to_string(),
        &store.study().text,
    )?;
    let runs = records(&store)?;
    let notes = notes(&store, &runs)?;
    Ok(Opened {
        analysis: Analysis::new(&design(&study, &runs), &runs, notes),
        runs,
    })
}

/// The record of every run that has one, in the order of the plan.
pub(super) fn records(store: &Store) -> Result<Vec<RunRecord>, StudyError> {
    let stored = store.runs::<RunRecord>()?;
    let mut runs: Vec<RunRecord> = stored.into_iter().map(known).collect::<Result<_, _>>()?;
    // A run that was interrupted keeps what it cost until it is done again.
    for aside in store.interrupted::<RunRecord>()? {
        let aside = known(aside)?;
        let last = |run: &RunRecord| run.id == aside.id;
        match runs.iter().position(last) {
            Some(at) if runs[at].outcome == aside.outcome => runs[at] = aside,
            Some(_) => {}
            None => runs.push(aside),
        }
    }
    Ok(runs)
}

/// The run of a file whose versions, its own and that of the training in it, are this program's.
fn known(stored: Stored<RunRecord>) -> Result<RunRecord, StoreError> {
    let run = stored.payload;
    let training = run.record.as_ref().map(|record| record.schema);
    let versions = [
        (Some(run.schema), super::run::SCHEMA),
        (training, train::SCHEMA),
    ];
    for (found, known) in versions {
        if let Some(found) = found
            && found != known
        {
            return Err(StoreError::UnknownSchema {
                path: stored.path,
                found: found.to_string(),
                known,
            });
        }
    }
    Ok(run)
}

/// What the analysis has to know of `study`; runs that confirm are planned as far as they are made.
pub(super) fn design(study: &Study, runs: &[RunRecord]) -> Design {
    let cell_of = |id: &str| study.cells.iter().position(|cell| cell.id == id);
    let planned = study.plan().into_iter().map(|run| DesignRun {
        id: run.id,
        cell: run.cell,
        seed: run.seed,
        purpose: run.purpose,
    });
    let confirming = runs.iter().filter(|run| run.purpose == Purpose::Confirm);
    let confirming = confirming.filter_map(|run| {
        Some(DesignRun {
            id: run.id.clone(),
            cell: cell_of(&run.cell)?,
            seed: run.seed,
            purpose: run.purpose,
        })
    });
    // In the order of the axes, which is that of the file.
    let values = |cell: &Cell| {
        let of = |axis: &Axis| cell.settings.iter().find(|(key, _)| *key == axis.key);
        study
            .axes
            .iter()
            .map(|axis| of(axis).map_or_else(String::new, |(_, value)| plain(value)))
            .collect()
    };
    Design {
        name: study.name.clone(),
        base: base(study),
        axes: study
            .axes
            .iter()
            .map(|axis| AxisReport {
                key: axis.key.clone(),
                values: axis.values.iter().map(plain).collect(),
            })
            .collect(),
        cells: study
            .cells
            .iter()
            .map(|cell| DesignCell {
                id: cell.id.clone(),
                values: values(cell),
            })
            .collect(),
        reference: study.reference,
        seeds: study.seeds.clone(),
        confirm: study.confirm,
        target: study.target.clone(),
        cadence: Some((study.every_samples, study.window_samples)),
        budget: Some(study.budget),
        runs: planned.chain(confirming).collect(),
    }
}

/// A value as it is written on the command line.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        // As in the names of cells: 1, not 1.0.
        Value::Number(number) if number.is_f64() => number
            .as_f64()
            .map_or_else(String::new, |number| number.to_string()),
        value => value.to_string(),
    }
}

/// What all cells share, in words.
fn base(study: &Study) -> String {
    let Some(cell) = study.cells.first() else {
        return String::new();
    };
    let regime = &cell.regime;
    let shared = regime.recipe_without(|key| {
        key == "seed"
            || study
                .axes
                .iter()
                .any(|axis| axis.key.replace('-', "_") == key)
    });
    let whose = |name: &str, value: &str| {
        let varies = study.axes.iter().any(|axis| axis.key == name);
        (!varies).then(|| value.to_owned())
    };
    let parts = [
        whose("model", &regime.model),
        whose("data", &regime.data),
        Some(shared),
    ];
    parts
        .into_iter()
        .flatten()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(", ")
}

/// What a reader has to know beside the answer.
fn notes(store: &Store, runs: &[RunRecord]) -> Result<Vec<String>, StudyError> {
    let mut notes = Vec::new();
    let duplicates = store.duplicates::<RunRecord>()?;
    if !duplicates.is_empty() {
        let names: Vec<String> = duplicates
            .iter()
            .map(|one| one.path.display().to_string())
            .collect();
        notes.push(format!(
            "of two records of one run the first counts; the later ones are kept: {}",
            names.join(", ")
        ));
    }
    for (run, state) in store.states()? {
        if let State::Damaged { detail } = state {
            notes.push(format!(
                "the record of {run} cannot be understood ({detail}): `wattgrad study run` moves it to damaged/ and makes the run again"
            ));
        }
    }
    let shared = runs.iter().filter_map(RunRecord::shared).count();
    if shared > 0 {
        notes.push(format!(
            "{shared} of {} runs shared the machine: their time and joules are shown and not ranked",
            runs.len()
        ));
    }
    let unreadable = store.journal()?.unreadable;
    if unreadable > 0 {
        let lines = match unreadable {
            1 => "1 line of the journal was".to_owned(),
            more => format!("{more} lines of the journal were"),
        };
        notes.push(format!("{lines} cut off"));
    }
    Ok(notes)
}
