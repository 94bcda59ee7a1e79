//! What can go wrong in a run; each message is one sentence that ends with a way out.

use std::io;
use std::path::PathBuf;

use super::regime_error::RegimeError;
use crate::data::DataError;
use crate::device::DeviceError;
use crate::energy::MeterError;
use crate::model::ModelError;
use crate::model::weights::WeightsError;
use crate::program::ProgramError;

/// Why a run could not start, go on, or leave its results.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrainError {
    /// The regime asks for something that cannot be.
    #[error(transparent)]
    Regime(#[from] RegimeError),
    /// The data set cannot be used.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The network cannot be built.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// Weights that cannot be read, written, or do not fit.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The meter cannot be opened.
    #[error(transparent)]
    Meter(#[from] MeterError),
    /// The engine cannot build or run the step.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// A result could not be written.
    #[error(
        "cannot write the {what} {path:?} ({source}): choose a folder that exists, may be written and has room"
    )]
    Output {
        /// Which result.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Two results were to go into one file.
    #[error("the {first} and the {second} cannot both be {path:?}: give each a file of its own")]
    SameOutput {
        /// One result.
        first: &'static str,
        /// The other.
        second: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// A file that should be a record of a run is none.
    #[error(
        "{path:?} is no record of a run ({detail}): name a file that `wattgrad train --record` wrote"
    )]
    BadRecord {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// The step list could not be written into the record.
    #[error("the step list cannot be put into the record ({detail}): report this as a bug")]
    Summary {
        /// What the writer met.
        detail: String,
    },
}

impl TrainError {
    /// Whether the device is gone: the next run would meet the same.
    pub fn is_lost_device(&self) -> bool {
        matches!(
            self,
            Self::Program(ProgramError::Device(DeviceError::Lost { .. }))
        )
    }
}
