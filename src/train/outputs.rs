//! The files a run leaves.

use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};

use super::error::TrainError;
use super::record::Record;
use super::steps_log::StepsLog;
use crate::files::{writable, write_whole};
use crate::model::weights::Weights;

/// Where a run leaves its results; what is `None` is not written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outputs {
    /// The [`Record`] as JSON.
    pub record: Option<PathBuf>,
    /// The final weights as safetensors.
    pub weights: Option<PathBuf>,
    /// One JSON object a step.
    pub steps_log: Option<PathBuf>,
}

impl Outputs {
    /// Whether every file can be written, found before anything is trained and without changing what is there.
    ///
    /// # Errors
    /// [`TrainError::Output`] for a file that cannot, [`TrainError::SameOutput`] for two results in one file.
    pub fn check(&self) -> Result<(), TrainError> {
        let all = [
            ("record", &self.record),
            ("weights", &self.weights),
            ("steps log", &self.steps_log),
        ];
        for (i, (first, path)) in all.iter().enumerate() {
            let Some(path) = path else { continue };
            for (second, other) in &all[i + 1..] {
                if other.as_ref() == Some(path) {
                    return Err(TrainError::SameOutput {
                        first,
                        second,
                        path: path.clone(),
                    });
                }
            }
            // The log grows in its place, so there it is that must be writable.
            let fits = if *first == "steps log" && path.exists() {
                OpenOptions::new().append(true).open(path).map(|_| ())
            } else {
                writable(path)
            };
            fits.map_err(|source| failed(first, path, source))?;
        }
        Ok(())
    }

    pub(super) fn open_steps_log(&self) -> Result<Option<StepsLog>, TrainError> {
        let Some(path) = &self.steps_log else {
            return Ok(None);
        };
        match StepsLog::create(path) {
            Ok(log) => Ok(Some(log)),
            Err(source) => Err(failed("steps log", path, source)),
        }
    }

    pub(super) fn close_steps_log(&self, log: Option<StepsLog>) -> Result<(), TrainError> {
        match (log.map(StepsLog::finish), &self.steps_log) {
            (Some(Err(source)), Some(path)) => Err(failed("steps log", path, source)),
            _ => Ok(()),
        }
    }

    pub(super) fn write_weights(&self, weights: &Weights, outcome: &str) -> Result<(), TrainError> {
        match &self.weights {
            Some(path) => Ok(weights.write(path, outcome)?),
            None => Ok(()),
        }
    }

    pub(super) fn write_record(&self, record: &Record) -> Result<(), TrainError> {
        match &self.record {
            Some(path) => record.write(path),
            None => Ok(()),
        }
    }
}

fn failed(what: &'static str, path: &Path, source: io::Error) -> TrainError {
    TrainError::Output {
        what,
        path: path.to_owned(),
        source,
    }
}

/// Writes a record whole or not at all.
pub(super) fn write_record(path: &Path, bytes: &[u8]) -> Result<(), TrainError> {
    write_whole(path, bytes).map_err(|source| failed("record", path, source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_written_is_found_and_what_is_there_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| Some(folder.path().join(name));
        let kept = folder.path().join("old.json");
        std::fs::write(&kept, "old").unwrap();
        let good = Outputs {
            record: at("old.json"),
            weights: at("w.safetensors"),
            steps_log: at("s.jsonl"),
        };
        good.check().unwrap();
        assert_eq!(std::fs::read_to_string(&kept).unwrap(), "old");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);

        for record in [at("no/such/r.json"), Some(folder.path().into())] {
            let bad = Outputs {
                record,
                ..Default::default()
            };
            let error = bad.check().unwrap_err().to_string();
            assert!(error.starts_with("cannot write the record"), "{error}");
        }
        let twice = Outputs {
            record: at("x"),
            steps_log: at("x"),
            ..Default::default()
        };
        assert!(matches!(twice.check(), Err(TrainError::SameOutput { .. })));
    }
}
