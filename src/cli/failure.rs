//! Errors of commands, and their exit codes.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use crate::data::DataError;
use crate::device::DeviceError;
use crate::energy::MeterError;
use crate::kernels::emit::EmitError;
use crate::model::ModelError;
use crate::program::ProgramError;
use crate::study::{StudyError, StudyFileError};
use crate::train::{RegimeError, TrainError};

use super::wrap;

/// The command failed.
const FAILED: u8 = 1;
/// The command was called with invalid arguments or files.
const MISUSE: u8 = 2;
/// As in shells.
const NOT_STARTABLE: u8 = 126;
const NOT_FOUND: u8 = 127;

/// Why a command ended.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    /// One sentence; empty where the reader of the output has gone.
    message: String,
}

impl Failure {
    pub fn failed(message: impl ToString) -> Self {
        Self::with_code(FAILED, message)
    }

    /// For invalid arguments and files.
    pub fn misuse(message: impl ToString) -> Self {
        Self::with_code(MISUSE, message)
    }

    /// For a command to be run that does not exist.
    pub fn not_found(message: impl ToString) -> Self {
        Self::with_code(NOT_FOUND, message)
    }

    /// For a command to be run that exists but cannot be started.
    pub fn not_startable(message: impl ToString) -> Self {
        Self::with_code(NOT_STARTABLE, message)
    }

    pub fn cannot_write(path: &Path, error: &std::io::Error) -> Self {
        Self::failed(format!(
            "cannot write {path:?} ({error}): choose a writable place"
        ))
    }

    pub fn with_code(code: u8, message: impl ToString) -> Self {
        Self {
            code,
            message: message.to_string(),
        }
    }

    /// The reader of the output has closed the pipe, which is no error.
    pub fn closed_pipe() -> Self {
        Self::with_code(0, "")
    }

    /// Ignores a closed pipe, for commands whose exit code has another meaning.
    pub fn unless_closed_pipe(self) -> Result<(), Self> {
        match self.message.is_empty() {
            true => Ok(()),
            false => Err(self),
        }
    }

    /// Prints the message and returns the exit code.
    pub fn report(&self) -> ExitCode {
        if !self.message.is_empty() {
            let lines = wrap::for_stderr(&format!("error: {}", self.message));
            // The stream removes the color where it is not shown.
            let lines = lines.replacen("error:", "\x1b[1;31merror:\x1b[0m", 1);
            let _ = writeln!(anstream::stderr().lock(), "{lines}");
        }
        ExitCode::from(self.code)
    }
}

impl From<TrainError> for Failure {
    fn from(error: TrainError) -> Self {
        match error {
            TrainError::Data(error) => error.into(),
            TrainError::Checkpoint(ref reason) if reason.is_misuse() => Self::misuse(error),
            TrainError::Regime(_)
            | TrainError::Model(_)
            | TrainError::Meter(_)
            | TrainError::Program(
                ProgramError::Lanes { .. }
                | ProgramError::Augmentation { .. }
                | ProgramError::DataWindow { .. },
            )
            | TrainError::SameOutput { .. } => Self::misuse(error),
            _ => Self::failed(error),
        }
    }
}

impl From<StudyError> for Failure {
    fn from(error: StudyError) -> Self {
        match error {
            StudyError::Train(error) => error.into(),
            StudyError::File(_)
            | StudyError::NoJoules
            | StudyError::NoRungJoules { .. }
            | StudyError::EmptyShard
            | StudyError::NoFolder => Self::misuse(error),
            StudyError::Store(ref store) if store.is_misuse() => Self::misuse(error),
            _ => Self::failed(error),
        }
    }
}

impl From<DataError> for Failure {
    fn from(error: DataError) -> Self {
        match error {
            DataError::NoFolder { .. }
            | DataError::NotAFolder { .. }
            | DataError::SeveralSets { .. }
            | DataError::SeveralFolders { .. }
            | DataError::UnknownFormat { .. }
            | DataError::UnusedOption { .. }
            | DataError::ZeroOption { .. }
            | DataError::UnknownSplit { .. }
            | DataError::UnknownTask { .. }
            | DataError::Synthetic { .. }
            | DataError::NoClass { .. }
            | DataError::NoClasses { .. }
            | DataError::BadEnvironment { .. } => Self::misuse(error),
            _ => Self::failed(error),
        }
    }
}

impl From<DeviceError> for Failure {
    fn from(error: DeviceError) -> Self {
        match error {
            DeviceError::UnknownAdapter { .. } | DeviceError::AmbiguousAdapter { .. } => {
                Self::misuse(error)
            }
            _ => Self::failed(error),
        }
    }
}

impl From<EmitError> for Failure {
    fn from(error: EmitError) -> Self {
        match error {
            EmitError::UnknownLanguage { .. } => Self::misuse(error),
            _ => Self::failed(error),
        }
    }
}

macro_rules! misuse {
    ($($error:ty),*) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::misuse(error)
            }
        })*
    };
}

misuse!(StudyFileError, RegimeError, ModelError, MeterError);
