//! The pretraining runs of a study: a study of their own in the folder `pretrain`, beside whose records are their weights.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::error::StudyError;
use super::records::records;
use super::run::{Outcome, RunRecord};
use super::spec::Study;
use super::store::Store;
use crate::data::Dataset;
use crate::train::{Derivation, InitialWeights, Regime, TrainError};
use crate::units::{joules, seconds, thousands};

/// The folder of the pretraining runs in that of their study.
pub(super) const FOLDER: &str = "pretrain";
/// The folder of their weights in theirs.
const WEIGHTS: &str = "weights";

/// The file of the weights after the run `id`, in the folder of the pretraining runs.
pub(super) fn weights_file(folder: &Path, id: &str) -> PathBuf {
    folder.join(WEIGHTS).join(format!("{id}.safetensors"))
}

/// The weights of the pretraining runs that are done.
#[derive(Debug, Default)]
pub(super) struct Pretrained {
    folder: PathBuf,
    /// The run of each seed.
    runs: HashMap<u32, (String, Outcome)>,
}

impl Pretrained {
    /// Those in the folder of a study.
    ///
    /// # Errors
    /// [`StudyError`] if the folder cannot be read.
    pub fn open(study_folder: &Path) -> Result<Self, StudyError> {
        let folder = study_folder.join(FOLDER);
        let (runs, _) = records(&[Store::open(&folder)?])?;
        let runs = runs
            .into_iter()
            .map(|run| (run.seed, (run.id, run.outcome)));
        Ok(Self {
            folder,
            runs: runs.collect(),
        })
    }

    /// The weights that a run of `regime` starts from.
    ///
    /// # Errors
    /// [`TrainError::Pretraining`] if the pretraining run of its seed has no usable weights.
    pub fn weights(&self, regime: &Regime, data: &Dataset) -> Result<InitialWeights, TrainError> {
        let failed = |run: &str, why: &str| TrainError::Pretraining {
            run: run.to_owned(),
            why: why.to_owned(),
        };
        let Some((id, outcome)) = self.runs.get(&regime.seed) else {
            return Err(failed(&format!("of seed {}", regime.seed), "has no record"));
        };
        match outcome {
            Outcome::Reached | Outcome::OverBudget => (),
            outcome => return Err(failed(id, outcome.name())),
        }
        let path = weights_file(&self.folder, id);
        if !path.exists() {
            return Err(failed(id, &format!("has lost its weights {path:?}")));
        }
        let found = regime.read_weights(&path, data, false)?;
        // A record is the same wherever the study's folder lies.
        let plain = path.display().to_string();
        Ok(InitialWeights {
            origin: found.origin.replace(&plain, &format!("{FOLDER}/{id}")),
            ..found
        })
    }
}

/// The pretraining runs in the folders of a study.
pub(super) fn runs(study: &Study, stores: &[Store]) -> Result<Vec<RunRecord>, StudyError> {
    if study.pretrain.is_none() {
        return Ok(Vec::new());
    }
    let folders = stores.iter().map(|store| store.folder().join(FOLDER));
    let opened = folders.filter(|folder| folder.exists());
    let opened: Vec<Store> = opened
        .map(|folder| Store::open(&folder))
        .collect::<Result<_, _>>()?;
    Ok(match opened.is_empty() {
        true => Vec::new(),
        false => records(&opened)?.0,
    })
}

/// What the pretraining runs of a study cost, in a sentence; `None` if the study has none.
pub(super) fn note(study: &Study, runs: &[RunRecord]) -> Option<String> {
    let pretraining = study.pretrain.as_ref()?;
    let done: Vec<&RunRecord> = runs.iter().filter(|run| run.outcome.is_final()).collect();
    let mut text = format!(
        "pretraining: {} of {} runs done, one per seed",
        done.len(),
        pretraining.seeds.len()
    );
    let records = done.iter().filter_map(|run| run.record.as_ref());
    let count = records.clone().count();
    if count > 0 {
        let mean = |of: fn(&crate::train::Record) -> f64| {
            records.clone().map(of).sum::<f64>() / count as f64
        };
        let reached = done.iter().filter(|run| run.outcome == Outcome::Reached);
        text += &format!(
            " ({} reached their target); on average {} samples and {}",
            reached.count(),
            thousands(mean(|record| record.samples as f64).round() as u64),
            seconds(mean(|record| {
                record.durations.training_seconds + record.durations.evaluation_seconds
            }))
        );
        let energy: Vec<f64> = records
            .clone()
            .filter_map(|record| {
                let figures = record.energy_to_end.iter();
                let direct = |derivation| derivation == Derivation::Direct;
                let best = figures.min_by_key(|figure| direct(figure.derivation))?;
                Some(best.joules)
            })
            .collect();
        if energy.len() == count {
            let mean = energy.iter().sum::<f64>() / count as f64;
            text += &format!(" and {}", joules(mean));
        }
        text += ", which are not in the costs of the cells";
    }
    Some(text)
}
