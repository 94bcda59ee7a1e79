//! What is wrong with a study file, and where.

use std::io;
use std::path::PathBuf;

/// Why a study file is no study; each message is one sentence.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StudyFileError {
    /// The file cannot be read.
    #[error(
        "cannot read the study file {path:?} ({source}): name a TOML file that exists and may be read, such as one that `wattgrad study new` printed"
    )]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A place in the file says something that cannot be.
    #[error("{file}:{line}:{column}: {what}")]
    At {
        /// The file as it was named.
        file: String,
        /// Line, from 1.
        line: usize,
        /// Character of the line, from 1.
        column: usize,
        /// What cannot be, and how to mend it.
        what: String,
    },
}

/// Where the text of a study came from, to say where in it something is.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub file: &'a str,
    pub text: &'a str,
}

impl Source<'_> {
    /// `what` is wrong at byte `at`.
    pub fn fault(&self, at: usize, what: impl Into<String>) -> StudyFileError {
        let (line, column) = self.position(at);
        StudyFileError::At {
            file: self.file.to_owned(),
            line,
            column,
            what: what.into(),
        }
    }

    /// Line of byte `at`, from 1.
    pub fn line(&self, at: usize) -> usize {
        self.position(at).0
    }

    fn position(&self, at: usize) -> (usize, usize) {
        // An end of the file is told at the end of its last line.
        let end = self.text.trim_end_matches(['\n', '\r']).len();
        let before = self.text.get(..at.min(end)).unwrap_or_default();
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.matches('\n').count() + 1;
        (line, before[start..].chars().count() + 1)
    }
}
