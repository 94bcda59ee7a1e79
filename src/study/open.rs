//! Reads studies for a report.

use std::path::Path;

use serde_json::Value;

use super::analysis::{Analysis, AxisReport, Design, DesignCell};
use super::as_if::AsIf;
use super::error::StudyError;
use super::ledger::{Ledgers, Multitask};
use super::plan::PlannedRun;
use super::pretraining;
use super::records::records;
use super::run::{Purpose, RunRecord};
use super::search::last_rungs;
use super::spec::{Axis, Cell, Study};
use super::store::{Store, StoreError};
use super::submitted::expand;

const SEARCHED: &str = "these runs were chosen by `wattgrad search`, which ended some of them early: no cell is named the worst, \
                        and cells that were stopped early have no cost";

/// A study with all its runs and their analysis.
#[derive(Clone, Debug)]
pub struct Opened {
    pub analysis: Analysis,
    pub ledgers: Ledgers,
    /// What simpler instruments would have given, where the user asks for it.
    pub as_if: Vec<AsIf>,
    /// Whether a search made the runs.
    pub search: bool,
    /// The runs in the order of the plan; interrupted ones that are not made again yet come last.
    pub runs: Vec<RunRecord>,
}

impl Opened {
    /// Analyses the runs of a design; `pretraining` are the runs whose weights they start from.
    pub fn new(
        design: &Design,
        runs: Vec<RunRecord>,
        pretraining: &[RunRecord],
        notes: Vec<String>,
    ) -> Self {
        let mut analysis = Analysis::new(design, &runs, notes);
        let ledgers = Ledgers::of(&analysis, &runs, pretraining);
        if let Some(headline) = Multitask::headline(&ledgers.lead(&analysis), &analysis) {
            analysis.answer.lead_with(headline);
        }
        Self {
            ledgers,
            as_if: Vec::new(),
            search: design.search,
            analysis,
            runs,
        }
    }

    /// The design of the analysis, by which changed runs can be analysed again.
    pub fn design(&self) -> Design {
        let Analysis { cells, .. } = &self.analysis;
        let runs = cells.iter().enumerate().flat_map(|(at, cell)| {
            cell.runs.iter().map(move |line| PlannedRun {
                id: line.id.clone(),
                cell: at,
                seed: line.seed,
                purpose: line.purpose,
            })
        });
        let design_cells = cells.iter().map(|cell| DesignCell {
            id: cell.id.clone(),
            values: cell.values.clone(),
        });
        Design {
            name: self.analysis.name.clone(),
            base: self.analysis.base.clone(),
            axes: self.analysis.axes.clone(),
            cells: design_cells.collect(),
            reference: self.analysis.reference,
            seeds: self.analysis.seeds.clone(),
            confirm: self.analysis.confirm,
            target: self.analysis.target.clone(),
            cadence: self.analysis.cadence,
            budget: self.analysis.budget,
            runs: runs.collect(),
            search: self.search,
        }
    }
}

/// Reads one study from its folders, such as those of its shards, and changes nothing in them.
///
/// # Errors
/// [`StudyError`] if a folder is not the folder of a study or is of another version, or if the folders are of different
/// studies.
pub fn open<P: AsRef<Path>>(folders: &[P]) -> Result<Opened, StudyError> {
    analyse(&open_stores(folders)?)
}

/// Opens the folders of one study, each once.
pub(super) fn open_stores<P: AsRef<Path>>(folders: &[P]) -> Result<Vec<Store>, StudyError> {
    let mut stores: Vec<Store> = Vec::new();
    for folder in expand(folders)? {
        let store = Store::open(&folder)?;
        if let Some(first) = stores.first()
            && let Some(difference) = first.manifest().study.difference(&store.manifest().study)
        {
            return Err(StudyError::Store(StoreError::NotMergeable {
                first: first.folder().to_owned(),
                second: store.folder().to_owned(),
                difference,
            }));
        }
        if stores.iter().all(|known| known.folder() != store.folder()) {
            stores.push(store);
        }
    }
    Ok(stores)
}

/// Merges the records of `stores`, which are folders of one study, and analyses them.
pub(super) fn analyse(stores: &[Store]) -> Result<Opened, StudyError> {
    let Some(first) = stores.first() else {
        return Err(StudyError::NoFolder);
    };
    let study = Study::parse(
        &first.folder().join("study.json").display().to_string(),
        &first.manifest().study.text,
    )?
    .named_as(&first.manifest().study.meaning);
    let (mut runs, mut notes) = records(stores)?;
    let searched = first.manifest().study.is_search();
    if searched {
        runs = last_rungs(runs);
        notes.push(SEARCHED.to_owned());
    }
    notes.extend(folder_notes(stores)?);
    notes.extend(contention_note(&runs));
    let pretraining = pretraining::runs(&study, stores)?;
    notes.extend(pretraining::note(&study, &pretraining));
    let design = match searched {
        true => design_of_search(&study, &runs),
        false => design(&study, &runs),
    };
    Ok(Opened::new(&design, runs, &pretraining, notes))
}

/// The design of `study`; confirming runs are planned as far as they are made.
pub(super) fn design(study: &Study, runs: &[RunRecord]) -> Design {
    let cell_of = |id: &str| study.cells.iter().position(|cell| cell.id == id);
    let confirming = runs.iter().filter(|run| run.purpose == Purpose::Confirm);
    let confirming = confirming.filter_map(|run| {
        Some(PlannedRun {
            id: run.id.clone(),
            cell: cell_of(&run.cell)?,
            seed: run.seed,
            purpose: run.purpose,
        })
    });
    // In the order of the file.
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
                values: distinct(axis.values.iter().map(plain)),
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
        runs: study.plan().into_iter().chain(confirming).collect(),
        search: false,
    }
}

/// The design of a search: the runs that it made. It confirms the best cell only.
pub(super) fn design_of_search(study: &Study, runs: &[RunRecord]) -> Design {
    let cell_of = |id: &str| study.cells.iter().position(|cell| cell.id == id);
    let made = runs.iter().filter_map(|run| {
        Some(PlannedRun {
            id: run.id.clone(),
            cell: cell_of(&run.cell)?,
            seed: run.seed,
            purpose: run.purpose,
        })
    });
    Design {
        runs: made.collect(),
        confirm: 0,
        search: true,
        ..design(study, runs)
    }
}

/// A value as on the command line.
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

/// The regime that all cells share, in words.
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
    let fixed = |name: &str, value: &str| {
        let varies = study.axes.iter().any(|axis| axis.key == name);
        (!varies).then(|| value.to_owned())
    };
    let parts = [
        fixed("model", &regime.model),
        fixed("data", &regime.data),
        Some(shared),
    ];
    parts
        .into_iter()
        .flatten()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(", ")
}

/// Second records.
fn folder_notes(stores: &[Store]) -> Result<Vec<String>, StoreError> {
    let mut notes = Vec::new();
    for store in stores {
        for path in store.duplicates()? {
            notes.push(format!(
                "{path:?} is a second record of its run and does not count"
            ));
        }
    }
    Ok(notes)
}

/// How many runs did not have the machine to themselves.
pub(super) fn contention_note(runs: &[RunRecord]) -> Option<String> {
    let shared = runs.iter().filter_map(RunRecord::shared).count();
    (shared > 0).then(|| {
        format!(
            "{shared} of {} runs shared the machine: their time and joules are shown and not ranked",
            runs.len()
        )
    })
}

/// Each value once, in order: zipped axes repeat theirs.
fn distinct(values: impl Iterator<Item = String>) -> Vec<String> {
    let mut all: Vec<String> = vec![];
    for value in values {
        if !all.contains(&value) {
            all.push(value);
        }
    }
    all
}
