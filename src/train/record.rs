//! The record of a run, as JSON: everything that a later comparison needs.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::contention::Contention;
use super::durations::Durations;
use super::energy_figure::EnergyFigure;
use super::environment::{DeviceRecord, Host, Versions};
use super::error::TrainError;
use super::evaluation::EvaluationPoint;
use super::goal::Goal;
use super::metered_windows::MeteredWindows;
use super::phases::PhaseEnergy;
use super::regime::Regime;
use super::sessions::Session;
use super::target::TargetResult;
use crate::checksum;
use crate::data::{Dataset, Parts};
use crate::energy::SourceResult;
use crate::files::write_whole;
use crate::model::network_file::NetworkSource;
use crate::program::LossScale;

/// Version of the record's keys, which increases when a key changes its meaning.
pub const SCHEMA: u32 = 2;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// All steps were taken; the run had no target.
    Completed,
    /// The target was reached.
    TargetReached,
    /// All steps were taken and the target was not reached.
    TargetNotReached,
    /// The run was stopped by a signal or a flag.
    Interrupted,
    /// A loss of a training step or an evaluation, or a gradient, was not finite.
    Diverged,
}

impl Outcome {
    /// The name in records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::TargetReached => "target-reached",
            Self::TargetNotReached => "target-not-reached",
            Self::Interrupted => "interrupted",
            Self::Diverged => "diverged",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// The data set of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataRecord {
    /// Its name.
    pub name: String,
    /// The folder it was read from, `embedded` or `arrays`.
    pub source: String,
    /// Its licence, if known.
    pub licence: String,
    /// SHA-256 over all columns.
    pub sha256: String,
    /// Training samples.
    pub train_samples: usize,
    /// Test samples.
    pub test_samples: usize,
    /// Number of classes.
    pub classes: usize,
    /// Shape of one sample.
    pub sample_shape: Vec<usize>,
    /// Names of the training, the deciding and the confirming part, where they are not the splits as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parts: Option<[String; 3]>,
}

impl DataRecord {
    pub(super) fn new(data: &Dataset) -> Self {
        Self {
            name: data.name.clone(),
            source: data.source.clone(),
            licence: data.licence.clone(),
            sha256: data.sha256.clone(),
            parts: (data.parts != Parts::default()).then(|| {
                let Parts {
                    training,
                    deciding,
                    confirming,
                } = data.parts.clone();
                [training, deciding, confirming]
            }),
            train_samples: data.train.len,
            test_samples: data.test.len,
            classes: data.classes(),
            sample_shape: data
                .train
                .inputs
                .first()
                .map(|column| column.spec.shape.clone())
                .unwrap_or_default(),
        }
    }
}

/// The network of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NetworkRecord {
    /// Its name.
    pub name: String,
    /// Number of values in all parameters and running statistics.
    pub parameters: u64,
    /// The network file that it was built from; absent of a preset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<NetworkSource>,
    /// Origin of its initial weights: `default` (drawn from the regime's seed) or a file.
    pub initial_weights: String,
}

/// The work of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Work {
    /// Floating-point operations of a training step.
    pub flops_per_step: u64,
    /// Bytes of all operands of a training step.
    pub bytes_per_step: u64,
    /// Dispatches of a training step.
    pub dispatches_per_step: u64,
    /// Floating-point operations of all training steps.
    pub training_flops: f64,
    /// Bytes of all training steps.
    pub training_bytes: f64,
    /// Floating-point operations of all evaluations.
    pub evaluation_flops: f64,
    /// Submits.
    pub submits: u64,
}

/// The meter of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MeterRecord {
    /// `auto`, `none`, or the selected sources.
    pub selection: String,
    /// Assumed watts of a busy core.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assume_watts_per_core: Option<f64>,
    /// What `energy` covers, in words.
    pub window: String,
}

/// The record of a run.
///
/// ```no_run
/// use wattgrad::Record;
///
/// // Written by `wattgrad train --record run.json`.
/// let record = Record::read("run.json".as_ref())?;
/// println!("{} after {} steps in {:.1} s", record.outcome, record.steps, record.durations.training_seconds);
/// for point in &record.evaluations {
///     println!("step {}: {}", point.step, point.describe());
/// }
/// for source in &record.energy {
///     println!("{source}"); // joules, or why they are unavailable
/// }
/// # Ok::<(), wattgrad::TrainError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Version of the keys.
    pub schema: u32,
    /// Seconds since 1970 at the start of the run.
    pub started: f64,
    /// All choices, with every hyperparameter of the optimizer spelled out.
    pub regime: Regime,
    /// How it ended.
    pub outcome: Outcome,
    /// The network.
    pub network: NetworkRecord,
    /// The data.
    pub data: DataRecord,
    /// The device and its driver.
    pub device: DeviceRecord,
    /// The machine.
    pub host: Host,
    /// The versions.
    pub versions: Versions,
    /// Training steps; those of a diverged run end with the first that was not finite.
    pub steps: u64,
    /// Steps that were in flight when the divergence was found. They used time and joules but do not belong to the run;
    /// their number depends on the speed of the device.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub steps_after_divergence: u64,
    /// Training samples.
    pub samples: u64,
    /// Steps per epoch.
    pub steps_per_epoch: u32,
    /// Samples at the end of each epoch that do not fill a batch and are left out.
    pub dropped_per_epoch: u32,
    /// The scale of the loss at the end; absent in f32.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss_scale: Option<LossScale>,
    /// Mean loss of the last ten training steps; null if it is not finite or no step was taken.
    pub training_loss: Option<f64>,
    /// All evaluations, in order.
    pub evaluations: Vec<EvaluationPoint>,
    /// The goal of a run of a study, which replaces the limits of the regime.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goal: Option<Goal>,
    /// The parts of a resumed run before its last one. Steps, evaluations, durations, work and `energy_to_end` are those
    /// of all parts; contention, the other figures of energy and the program are those of the last part.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier_sessions: Vec<Session>,
    /// When each threshold of the goal's target was reached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub target_results: Vec<TargetResult>,
    /// What other processes used between the first step and the last evaluation.
    #[serde(default)]
    pub contention: Contention,
    /// How long its parts took.
    pub durations: Durations,
    /// The work.
    pub work: Work,
    /// The meter of a run.
    pub meter: MeterRecord,
    /// The joules of each source over the training steps and evaluations.
    pub energy: Vec<SourceResult>,
    /// Joules per training step, for each source that has them.
    pub energy_per_step: Vec<EnergyFigure>,
    /// Joules per evaluation of the test set, for each source that has them.
    #[serde(default)]
    pub energy_per_evaluation: Vec<EnergyFigure>,
    /// Joules from the first step to the end of the run, evaluations included: for each source every figure that can be
    /// derived, so one source may have two.
    #[serde(default)]
    pub energy_to_end: Vec<EnergyFigure>,
    /// Joules by source and phase. A phase that is too short for its source has a reason instead.
    #[serde(default)]
    pub energy_by_phase: Vec<PhaseEnergy>,
    /// What these were computed from, beside `energy`: [`Record::recompute`] computes them again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metered_windows: Option<MeteredWindows>,
    /// The program: kernels, variants, grids, FLOPs, bytes, memory.
    pub program: serde_json::Value,
}

impl Record {
    /// Reads a record from its file.
    ///
    /// # Errors
    /// [`TrainError::BadRecord`] for a file that cannot be read, is not a record, or has another schema.
    pub fn read(path: &Path) -> Result<Self, TrainError> {
        let bad = |detail: String| TrainError::BadRecord {
            path: path.to_owned(),
            detail,
        };
        let text = std::fs::read_to_string(path).map_err(|error| bad(error.to_string()))?;
        let value: serde_json::Value =
            serde_json::from_str(&text).map_err(|error| bad(error.to_string()))?;
        match value["schema"].as_u64() {
            Some(schema) if schema != u64::from(SCHEMA) => Err(bad(format!(
                "its schema is {schema}, this version reads schema {SCHEMA}"
            ))),
            _ => serde_json::from_value(value).map_err(|error| bad(error.to_string())),
        }
    }

    /// The record as indented JSON with a final newline. Its first key, `sha256`, is a checksum of the rest, by which
    /// `report` finds records that were changed.
    ///
    /// # Errors
    /// [`TrainError::Serialize`] if a part of it cannot be represented in JSON.
    pub fn to_json(&self) -> Result<String, TrainError> {
        checksum::signed(self).map_err(|error| TrainError::Serialize {
            detail: error.to_string(),
        })
    }

    /// Writes the record atomically.
    ///
    /// # Errors
    /// [`TrainError::Output`].
    pub fn write(&self, path: &Path) -> Result<(), TrainError> {
        write_whole(path, self.to_json()?.as_bytes())
            .map_err(|source| TrainError::output("record", path, source))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_have_one_name_in_json_and_text() {
        for outcome in [
            Outcome::Completed,
            Outcome::TargetReached,
            Outcome::TargetNotReached,
            Outcome::Interrupted,
            Outcome::Diverged,
        ] {
            let json = serde_json::to_value(outcome).unwrap();
            assert_eq!(json, outcome.to_string());
        }
    }
}
