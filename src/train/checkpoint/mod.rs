//! Checkpoints: everything that a run needs to continue after it was killed, in a safetensors file whose metadata is JSON.

mod every;
mod file;
mod folder;
mod identity;
mod resume;
mod writer;

use std::io;
use std::path::PathBuf;

pub use every::CheckpointEvery;
pub(super) use file::{Checkpoint, FrozenSteps, SavedProgress};
pub(super) use folder::CheckpointFolder;
pub(super) use identity::{Identity, MadeBy};
pub(super) use resume::Resumption;
pub(super) use writer::{Checkpointer, SessionStart};

/// Where and how often a run writes checkpoints, and whether it continues from one.
///
/// ```
/// use wattgrad::Checkpoints;
///
/// let checkpoints = Checkpoints { every: "500steps".parse()?, ..Checkpoints::new("checkpoints") };
/// assert!(!checkpoints.resume);
/// # Ok::<(), wattgrad::CheckpointError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoints {
    /// The folder, which belongs to this run alone; created if missing. The last two checkpoints are kept.
    pub folder: PathBuf,
    /// How often they are written. One more is written when the run is interrupted.
    pub every: CheckpointEvery,
    /// Whether the run continues from the newest checkpoint in the folder; without one it starts at step 0.
    pub resume: bool,
}

impl Checkpoints {
    /// A checkpoint every five minutes in `folder`, for a run that starts at step 0.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            every: CheckpointEvery::default(),
            resume: false,
        }
    }
}

/// Why checkpoints cannot be written or continued from.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The interval is invalid.
    #[error(
        "--every takes a time, epochs or steps above 0, such as 5min, 1epoch or 500steps, got {given:?}"
    )]
    Every {
        /// The text given.
        given: String,
    },
    /// The folder cannot be used.
    #[error("cannot use the checkpoint folder {folder:?} ({source}): choose a writable folder")]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Another process writes to the folder.
    #[error(
        "another process writes checkpoints to {folder:?}: wait until it ends, or choose another folder"
    )]
    InUse {
        /// The folder.
        folder: PathBuf,
    },
    /// The folder has checkpoints, and the run does not continue from them.
    #[error(
        "the folder {folder:?} has checkpoints of a run, the newest of step {step}: continue that run with --resume, or \
         choose another folder"
    )]
    Occupied {
        /// The folder.
        folder: PathBuf,
        /// Step of the newest checkpoint.
        step: u64,
    },
    /// The checkpoint is of another run.
    #[error(
        "cannot resume from {path:?}, which is of another run: {difference}; give the options of that run, or choose \
         another folder"
    )]
    OtherRun {
        /// The checkpoint.
        path: PathBuf,
        /// The first difference.
        difference: String,
    },
    /// The run ends before the checkpoint.
    #[error(
        "the newest checkpoint is of step {step}, and the run has {steps} steps: raise --max-steps or --epochs, or choose \
         another folder"
    )]
    Past {
        /// Step of the checkpoint.
        step: u64,
        /// Steps of the run.
        steps: u64,
    },
    /// No checkpoint in the folder can be read.
    #[error(
        "cannot read any checkpoint in {folder:?} ({detail}): restore one from a copy, or start again in another folder"
    )]
    Damaged {
        /// The folder.
        folder: PathBuf,
        /// What is wrong with the newest.
        detail: String,
    },
    /// The steps log is shorter than it was at the checkpoint.
    #[error(
        "cannot continue the steps log {path:?}: it has {found} bytes and had {expected} at the checkpoint; restore it \
         from a copy, or choose another file"
    )]
    StepsLog {
        /// The log.
        path: PathBuf,
        /// Its size in bytes.
        found: u64,
        /// Its size at the checkpoint.
        expected: u64,
    },
}

impl CheckpointError {
    /// Whether the command line is to be changed, rather than a file.
    #[cfg(feature = "cli")]
    pub(crate) fn is_misuse(&self) -> bool {
        matches!(
            self,
            Self::Every { .. } | Self::Occupied { .. } | Self::OtherRun { .. } | Self::Past { .. }
        )
    }
}
