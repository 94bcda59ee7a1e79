//! The files that a run writes.

use std::fs::OpenOptions;
use std::path::PathBuf;

use super::checkpoint::CheckpointError;
use super::error::TrainError;
use super::record::Record;
use super::steps_log::StepsLog;
use crate::files::writable;
use crate::model::weights::Weights;

/// Files for the results of a run; `None` is not written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outputs {
    /// The [`Record`], as JSON.
    pub record: Option<PathBuf>,
    /// The final weights, as safetensors.
    pub weights: Option<PathBuf>,
    /// One JSON object per step.
    pub steps_log: Option<PathBuf>,
}

impl Outputs {
    /// Checks, without changing any file, that every file can be written.
    ///
    /// # Errors
    /// [`TrainError::Output`] for a file that cannot be written, [`TrainError::SameOutput`] for two results in one file.
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
            // The log is written in place, the others beside their final names.
            let result = if *first == "steps log" && path.exists() {
                OpenOptions::new().append(true).open(path).map(|_| ())
            } else {
                writable(path)
            };
            result.map_err(|source| TrainError::output(first, path, source))?;
        }
        Ok(())
    }

    /// Opens the steps log; `bytes`: its size at the checkpoint from which the run continues.
    pub(super) fn open_steps_log(
        &self,
        bytes: Option<u64>,
    ) -> Result<Option<StepsLog>, TrainError> {
        let Some(path) = &self.steps_log else {
            return Ok(None);
        };
        let failed = |source| TrainError::output("steps log", path, source);
        let Some(expected) = bytes else {
            return Ok(Some(StepsLog::create(path).map_err(failed)?));
        };
        match StepsLog::resume(path, expected).map_err(failed)? {
            Some(log) => Ok(Some(log)),
            None => Err(CheckpointError::StepsLog {
                path: path.clone(),
                found: path.metadata().map_or(0, |found| found.len()),
                expected,
            }
            .into()),
        }
    }

    pub(super) fn close_steps_log(&self, log: Option<StepsLog>) -> Result<(), TrainError> {
        match (log.map(StepsLog::finish), &self.steps_log) {
            (Some(Err(source)), Some(path)) => Err(TrainError::output("steps log", path, source)),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_files_that_cannot_be_written_and_changes_none() {
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
