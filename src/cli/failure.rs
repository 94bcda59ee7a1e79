//! What is told when a command fails, and the exit code that goes with it.

use std::io::Write as _;
use std::process::ExitCode;

use crate::data::DataError;
use crate::device::DeviceError;
use crate::energy::MeterError;
use crate::kernels::emit::EmitError;
use crate::model::ModelError;
use crate::study::{StudyError, StudyFileError};
use crate::train::{RegimeError, TrainError};

use super::output::stderr_width;
use super::wrap;

/// The command did not do its work.
const FAILED: u8 = 1;

/// The command was asked for something that cannot be.
const MISUSE: u8 = 2;

/// As shells have it.
const NOT_STARTABLE: u8 = 126;
const NOT_FOUND: u8 = 127;

/// Why a command ended.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    /// One sentence; empty where there is nobody left to read it.
    message: String,
}

impl Failure {
    /// Something went wrong on the way.
    pub fn failed(message: impl ToString) -> Self {
        Self {
            code: FAILED,
            message: message.to_string(),
        }
    }

    /// Something was asked for that cannot be.
    pub fn misuse(message: impl ToString) -> Self {
        Self {
            code: MISUSE,
            message: message.to_string(),
        }
    }

    /// A command to be run was not found.
    pub fn not_found(message: impl ToString) -> Self {
        Self::with_code(NOT_FOUND, message)
    }

    /// A command to be run was found and could not be started.
    pub fn not_startable(message: impl ToString) -> Self {
        Self::with_code(NOT_STARTABLE, message)
    }

    /// Passes on an exit code.
    pub fn with_code(code: u8, message: impl ToString) -> Self {
        Self {
            code,
            message: message.to_string(),
        }
    }

    /// The reader of our output went away, which is no error of anyone's.
    pub fn nobody_reads() -> Self {
        Self {
            code: 0,
            message: String::new(),
        }
    }

    /// Takes it for success where only the reader went away, for those whose exit code says something else.
    pub fn unless_nobody_reads(self) -> Result<(), Self> {
        match self.message.is_empty() {
            true => Ok(()),
            false => Err(self),
        }
    }

    /// Prints the sentence and gives the exit code.
    pub fn tell(&self) -> ExitCode {
        if !self.message.is_empty() {
            let lines = wrap::lines(&format!("error: {}", self.message), stderr_width());
            // The colour is taken out again where nobody would see it.
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
            TrainError::Regime(_)
            | TrainError::Model(_)
            | TrainError::Meter(_)
            | TrainError::SameOutput { .. } => Self::misuse(error),
            _ => Self::failed(error),
        }
    }
}

impl From<StudyFileError> for Failure {
    fn from(error: StudyFileError) -> Self {
        Self::misuse(error)
    }
}

impl From<StudyError> for Failure {
    fn from(error: StudyError) -> Self {
        match error {
            StudyError::Train(error) => error.into(),
            StudyError::File(_) | StudyError::NoJoules | StudyError::NoFolder => {
                Self::misuse(error)
            }
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

impl From<RegimeError> for Failure {
    fn from(error: RegimeError) -> Self {
        Self::misuse(error)
    }
}

impl From<ModelError> for Failure {
    fn from(error: ModelError) -> Self {
        Self::misuse(error)
    }
}

impl From<MeterError> for Failure {
    fn from(error: MeterError) -> Self {
        Self::misuse(error)
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
