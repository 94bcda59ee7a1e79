//! Errors of training. Each message says what failed, where and why, and then what to do.

use std::io;
use std::path::{Path, PathBuf};

use super::checkpoint::CheckpointError;
use super::regime_error::RegimeError;
use crate::data::DataError;
use crate::device::DeviceError;
use crate::energy::MeterError;
use crate::model::ModelError;
use crate::model::weights::WeightsError;
use crate::optim::OptimError;
use crate::program::ProgramError;

/// A run could not start, continue or write its results.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// A value of the regime is invalid.
    #[error(transparent)]
    Regime(#[from] RegimeError),
    /// The data set cannot be used.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The network cannot be built.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The weights cannot be read or written, or do not fit the network.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The meter cannot be opened.
    #[error(transparent)]
    Meter(#[from] MeterError),
    /// The program cannot be built or run.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// The run whose weights were to be the initial ones has none that can be used.
    #[error(
        "the pretraining run {run} {why}: delete its record in pretrain/runs to make it again, or change [pretrain]"
    )]
    Pretraining {
        /// Cell and seed.
        run: String,
        /// How it ended, or what is missing.
        why: String,
    },
    /// Checkpoints cannot be written or continued from.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A result could not be written.
    #[error(
        "cannot write the {what} to {path:?}: {source}: choose a writable folder with enough free space"
    )]
    Output {
        /// Which result.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Two results have one file.
    #[error("the {first} and the {second} have the same file {path:?}: choose two files")]
    SameOutput {
        /// One result.
        first: &'static str,
        /// The other.
        second: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// The file is not the record of a run.
    #[error(
        "cannot read a record from {path:?}: {detail}: choose a file that `wattgrad train --record` wrote"
    )]
    BadRecord {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// The record cannot be represented in JSON.
    #[error("cannot write the record as JSON: {detail}: report this as a bug")]
    Serialize {
        /// The reason.
        detail: String,
    },
}

impl TrainError {
    pub(super) fn output(what: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Output {
            what,
            path: path.to_owned(),
            source,
        }
    }

    /// Whether the device was lost, so that further runs on it would fail too.
    pub(crate) fn is_lost_device(&self) -> bool {
        matches!(
            self,
            Self::Program(ProgramError::Device(DeviceError::Lost { .. }))
        )
    }
}

impl From<OptimError> for TrainError {
    fn from(error: OptimError) -> Self {
        Self::Regime(error.into())
    }
}
