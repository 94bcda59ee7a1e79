//! Errors of studies.

use super::store::StoreError;
use crate::train::TrainError;

/// Why a study could not be run or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StudyError {
    #[error(transparent)]
    File(#[from] super::file::StudyFileError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the record of {run} is lost, and the run must be made again: {source}")]
    NotSaved { run: String, source: StoreError },
    /// A run cannot be made, and neither can the others.
    #[error(transparent)]
    Train(#[from] TrainError),
    #[error(
        "the budget is in joules, but no source measures energy here: use samples, seconds, epochs or steps, or run \
         `wattgrad doctor`"
    )]
    NoJoules,
    #[error(
        "the sensor gave no joules for {run}, which trained for {seconds:.2} s: use a larger `window` in the study file, so that \
         the first rung is longer, or a budget in another unit"
    )]
    NoRungJoules { run: String, seconds: f64 },
    #[error("no cell of the study belongs to this shard: use fewer shards")]
    EmptyShard,
    #[error("no folder was given: give at least one folder of a study")]
    NoFolder,
}
