//! What can go wrong with a study; each message is one sentence that ends with a way out.

use super::store::StoreError;
use crate::train::TrainError;

/// Why a study could not be made or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StudyError {
    /// The study's file cannot be understood.
    #[error(transparent)]
    File(#[from] super::file::StudyFileError),
    /// Its folder cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The record of a run that is over could not be written.
    #[error("the run {run} is to be made again, as its record could not be kept: {source}")]
    NotKept {
        /// The run.
        run: String,
        /// Why not.
        source: StoreError,
    },
    /// A run cannot be made, and neither can the others.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// A budget in joules where none are measured.
    #[error(
        "the budget is in joules and no source measures any here: give it in samples, seconds, epochs or steps, or see \
         `wattgrad doctor`"
    )]
    NoJoules,
}
