//! Mistakes in a study file and their places.

use std::io;
use std::path::PathBuf;

use super::de::At;

/// What is wrong with a study file; each message is one sentence.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StudyFileError {
    #[error(
        "cannot read the study file {path:?} ({source}): give a TOML file, such as one that `wattgrad study new` printed"
    )]
    Read { path: PathBuf, source: io::Error },
    #[error("{file}:{line}:{column}: {what}")]
    At {
        /// The file as it was given.
        file: String,
        /// From 1.
        line: usize,
        /// Character of the line, from 1.
        column: usize,
        what: String,
    },
}

impl StudyFileError {
    /// What is wrong, without its place.
    pub(super) fn what(&self) -> String {
        match self {
            Self::At { what, .. } => what.clone(),
            error => error.to_string(),
        }
    }
}

/// The name and text of a study file.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub file: &'a str,
    pub text: &'a str,
}

impl Source<'_> {
    /// The mistake `what` at byte `at`.
    pub fn error(&self, at: usize, what: impl Into<String>) -> StudyFileError {
        let (line, column) = self.position(at);
        StudyFileError::At {
            file: self.file.to_owned(),
            line,
            column,
            what: what.into(),
        }
    }

    /// A whole number within limits.
    pub fn whole(
        &self,
        key: &str,
        number: &At<u64>,
        least: u64,
        most: u64,
    ) -> Result<u64, StudyFileError> {
        let At { at, value } = *number;
        if (least..=most).contains(&value) {
            return Ok(value);
        }
        let range = match most {
            u64::MAX => format!("of at least {least}"),
            most => format!("from {least} to {most}"),
        };
        let what = format!("`{key}` takes a whole number {range}, not {value}");
        Err(self.error(at, what))
    }

    /// Refuses an empty list.
    pub fn check_not_empty(
        &self,
        key: &str,
        at: usize,
        length: usize,
    ) -> Result<(), StudyFileError> {
        let what = format!("`{key}` is an empty list: add at least one value");
        (length > 0)
            .then_some(())
            .ok_or_else(|| self.error(at, what))
    }

    /// Line of byte `at`, from 1.
    pub fn line(&self, at: usize) -> usize {
        self.position(at).0
    }

    fn position(&self, at: usize) -> (usize, usize) {
        // The end of the file is the end of its last line.
        let end = self.text.trim_end_matches(['\n', '\r']).len();
        let before = self.text.get(..at.min(end)).unwrap_or_default();
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.matches('\n').count() + 1;
        (line, before[start..].chars().count() + 1)
    }
}
