use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Identity, MadeBy};
use crate::checksum;
use crate::model::weights::{CHECKPOINT, OPTIMIZER, Values, Weights, metadata};
use crate::program::Snapshot;
use crate::train::error::TrainError;
use crate::train::evaluation::EvaluationPoint;
use crate::train::sessions::Session;

/// Version of the keys of the metadata.
const SCHEMA: u32 = 1;

/// What a run has done up to a checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SavedProgress {
    pub evaluations: Vec<EvaluationPoint>,
    pub last_losses: Vec<f32>,
    /// Seconds since the first step, without the time between an end and the next resumption.
    pub seconds: f64,
    /// Size of the steps log in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frozen: Option<FrozenSteps>,
    /// The parts of the run so far, the last of which ends here.
    pub sessions: Vec<Session>,
}

/// The steps of a run before its frozen parameters were trained, and their work.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FrozenSteps {
    pub steps: u64,
    pub flops_per_step: u64,
    pub bytes_per_step: u64,
}

/// A checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    pub run: Identity,
    pub made_by: MadeBy,
    /// Epoch of the next step, from 0.
    pub epoch: u64,
    pub progress: SavedProgress,
    pub snapshot: Snapshot,
}

#[derive(Serialize, Deserialize)]
struct Metadata {
    schema: u32,
    step: u64,
    epoch: u64,
    /// The words of the state: counters of steps and epochs, place in the order of samples, what the update rule reads.
    state: Vec<u32>,
    run: Identity,
    made_by: MadeBy,
    progress: SavedProgress,
    /// Checksum of all tensors with their names.
    tensors_sha256: String,
}

impl Checkpoint {
    /// The bytes of its file.
    ///
    /// # Errors
    /// [`TrainError::Serialize`] and [`TrainError::Weights`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, TrainError> {
        let mut tensors = self.snapshot.weights.clone();
        tensors.extend_with(OPTIMIZER, &self.snapshot.optimizer);
        let metadata = Metadata {
            schema: SCHEMA,
            step: self.snapshot.step,
            epoch: self.epoch,
            state: self.snapshot.words.clone(),
            run: self.run.clone(),
            made_by: self.made_by.clone(),
            progress: self.progress.clone(),
            tensors_sha256: sha256(&tensors),
        };
        let text = checksum::signed(&metadata).map_err(|error| TrainError::Serialize {
            detail: error.to_string(),
        })?;
        Ok(tensors.to_bytes_with(CHECKPOINT, &text)?)
    }

    /// Reads a checkpoint from the bytes of the file `path`.
    ///
    /// # Errors
    /// What is wrong with the file, in words.
    pub fn from_bytes(bytes: &[u8], path: &Path) -> Result<Self, String> {
        let text = metadata(bytes, CHECKPOINT).ok_or("it is not a checkpoint")?;
        let mut value: serde_json::Value =
            serde_json::from_str(&text).map_err(|error| error.to_string())?;
        if checksum::take(&mut value) != Some(true) {
            return Err("the checksum of its metadata is wrong".into());
        }
        if value["schema"] != SCHEMA {
            let schema = &value["schema"];
            return Err(format!(
                "its schema is {schema}, this version reads schema {SCHEMA}"
            ));
        }
        let metadata: Metadata =
            serde_json::from_value(value).map_err(|error| error.to_string())?;
        let mut weights = Weights::from_bytes(bytes, path).map_err(|error| error.to_string())?;
        if sha256(&weights) != metadata.tensors_sha256 {
            return Err("the checksum of its tensors is wrong".into());
        }
        let optimizer = weights.split_off(OPTIMIZER);
        Ok(Self {
            run: metadata.run,
            made_by: metadata.made_by,
            epoch: metadata.epoch,
            progress: metadata.progress,
            snapshot: Snapshot {
                step: metadata.step,
                weights,
                optimizer,
                words: metadata.state,
            },
        })
    }
}

fn sha256(tensors: &Weights) -> String {
    let mut hash = Sha256::new();
    for (name, tensor) in tensors.iter() {
        hash.update(format!("{name} {:?} ", tensor.shape));
        match &tensor.values {
            Values::F32(values) => {
                // In pieces, since a copy of all would double the memory.
                let mut bytes = Vec::with_capacity(1 << 16);
                for chunk in values.chunks(1 << 14) {
                    bytes.clear();
                    bytes.extend(chunk.iter().flat_map(|value| value.to_le_bytes()));
                    hash.update(&bytes);
                }
            }
            Values::I64(count) => hash.update(count.to_le_bytes()),
        }
    }
    let digest = hash.finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
