//! Reading a study's folder. It changes nothing and needs no permission to write.

use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::error::StoreError;
use super::json::{self, Content};
use super::manifest::{self, Manifest};
use super::run_id::RunId;
use crate::study::run::RunRecord;

/// Records that count, one per run.
pub(super) const RUNS: &str = "runs";
/// Records of interrupted runs, which are run again.
pub(super) const INTERRUPTED: &str = "interrupted";
/// Second records of runs that had one.
pub(super) const DUPLICATES: &str = "duplicates";
/// Files of `runs/` that are cut off.
pub(super) const DAMAGED: &str = "damaged";

/// The folder of a study.
#[derive(Clone, Debug)]
pub struct Store {
    pub(super) folder: PathBuf,
    pub(super) manifest: Manifest,
}

impl Store {
    /// Opens a folder for reading.
    ///
    /// # Errors
    /// [`StoreError`] if it is not the folder of a study, or cannot be read.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        Ok(Self {
            folder: folder.to_owned(),
            manifest: manifest::read(folder)?,
        })
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The records that count: those of planned runs in the order of the plan, then others by name. Damaged ones are
    /// left out; see [`damaged`](Self::damaged).
    ///
    /// # Errors
    /// [`StoreError::UnknownSchema`] and [`StoreError::Unreadable`] for a record of another version.
    pub fn records(&self) -> Result<Vec<RunRecord>, StoreError> {
        let mut records = Vec::new();
        for run in self.done()? {
            if let Content::Valid(record) = self.record(&run)? {
                records.push(record);
            }
        }
        Ok(records)
    }

    /// Runs whose record is damaged, and how; the next `study run` moves it to `damaged/` and runs them again.
    ///
    /// # Errors
    /// As for [`records`](Self::records).
    pub fn damaged(&self) -> Result<Vec<(RunId, String)>, StoreError> {
        let mut damaged = Vec::new();
        for run in self.done()? {
            if let Content::Damaged(detail) = self.record(&run)? {
                damaged.push((run, detail));
            }
        }
        Ok(damaged)
    }

    /// Runs that have a record, judged by the names of the files.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn done(&self) -> Result<Vec<RunId>, StoreError> {
        let planned = &self.manifest.study.runs;
        let place: HashMap<&RunId, usize> = planned.iter().zip(0..).collect();
        let names = file_names(&self.folder.join(RUNS))?;
        let mut runs: Vec<RunId> = names
            .iter()
            .filter_map(|name| RunId::of_file(name))
            .collect();
        runs.sort_by_key(|run| (place.get(run).copied().unwrap_or(usize::MAX), run.clone()));
        Ok(runs)
    }

    /// Records of interrupted runs, the oldest of each run first.
    ///
    /// # Errors
    /// As for [`records`](Self::records).
    pub fn interrupted(&self) -> Result<Vec<RunRecord>, StoreError> {
        let folder = self.folder.join(INTERRUPTED);
        let mut records = Vec::new();
        for name in file_names(&folder)? {
            if let Content::Valid(record) = json::read(&folder.join(name))? {
                records.push(record);
            }
        }
        Ok(records)
    }

    /// Files of second records of a run, which do not count.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn duplicates(&self) -> Result<Vec<PathBuf>, StoreError> {
        let folder = self.folder.join(DUPLICATES);
        let names = file_names(&folder)?;
        Ok(names.into_iter().map(|name| folder.join(name)).collect())
    }

    /// Runs whose file has been changed since it was written.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn altered(&self) -> Result<Vec<RunId>, StoreError> {
        let mut altered = Vec::new();
        for run in self.done()? {
            if json::is_altered(&self.path(&run))? {
                altered.push(run);
            }
        }
        Ok(altered)
    }

    /// Bytes of the longest record; 0 without any.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn longest(&self) -> Result<u64, StoreError> {
        let mut longest = 0;
        for run in self.done()? {
            let path = self.path(&run);
            match fs::metadata(&path) {
                Ok(found) => longest = longest.max(found.len()),
                // Another process has just moved a damaged one.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(StoreError::io("read", &path)(error)),
            }
        }
        Ok(longest)
    }

    /// The file of a run's record.
    pub fn path(&self, run: &RunId) -> PathBuf {
        self.folder.join(RUNS).join(format!("{run}.json"))
    }

    pub(super) fn record(&self, run: &RunId) -> Result<Content<RunRecord>, StoreError> {
        Ok(match json::read::<RunRecord>(&self.path(run))? {
            Content::Valid(record) if record.id != run.as_str() => {
                Content::Damaged(format!("it is the record of {}", record.id))
            }
            content => content,
        })
    }
}

/// The names in a folder, sorted, without hidden files; none if the folder is missing.
pub(super) fn file_names(folder: &Path) -> Result<Vec<String>, StoreError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(StoreError::io("read", folder)(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(StoreError::io("read", folder))?;
        names.extend(entry.file_name().into_string());
    }
    names.retain(|name| !name.starts_with('.'));
    names.sort_unstable();
    Ok(names)
}
