//! Reading a study's folder. It changes nothing and needs no permission to write.

use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind;
use std::num::NonZero;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::thread;

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

/// Fewer records are read faster without another thread.
const FEWEST_PER_THREAD: usize = 16;

/// The folder of a study.
#[derive(Clone, Debug)]
pub struct Store {
    pub(super) folder: PathBuf,
    pub(super) manifest: Manifest,
}

/// The records of a folder.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Runs {
    /// Complete records, changed ones among them.
    pub records: Vec<RunRecord>,
    /// Runs whose file has been changed since it was written.
    pub altered: Vec<RunId>,
    /// Runs whose record is damaged, and how; the next `study run` moves it to `damaged/` and runs them again.
    pub damaged: Vec<(RunId, String)>,
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

    /// The records that count: those of planned runs in the order of the plan, then others by name.
    ///
    /// # Errors
    /// [`StoreError::UnknownSchema`] and [`StoreError::Unreadable`] for a record of another version.
    pub fn runs(&self) -> Result<Runs, StoreError> {
        let mut runs = Runs::default();
        let done = self.done()?;
        let threads = thread::available_parallelism().map_or(1, NonZero::get);
        let part = done.len().div_ceil(threads).max(FEWEST_PER_THREAD);
        // Reading records is decoding JSON.
        let read: Vec<Vec<_>> = thread::scope(|scope| {
            let read = |runs: &[RunId]| runs.iter().map(|run| self.record(run)).collect();
            let threads = done
                .chunks(part)
                .map(|runs| scope.spawn(move || read(runs)));
            let threads: Vec<_> = threads.collect();
            let joined = threads.into_iter().map(|thread| thread.join());
            joined
                .map(|read| read.unwrap_or_else(|panic| resume_unwind(panic)))
                .collect()
        });
        for (run, read) in done.into_iter().zip(read.into_iter().flatten()) {
            match read? {
                (Content::Valid(record), altered) => {
                    runs.records.push(record);
                    if altered {
                        runs.altered.push(run);
                    }
                }
                (Content::Damaged(detail), _) => runs.damaged.push((run, detail)),
                (Content::Missing, _) => {}
            }
        }
        Ok(runs)
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

    /// The record of a run, and whether it was changed since it was written.
    pub(super) fn record(&self, run: &RunId) -> Result<(Content<RunRecord>, bool), StoreError> {
        Ok(match json::read_signed::<RunRecord>(&self.path(run))? {
            (Content::Valid(record), _) if record.id != run.as_str() => {
                let detail = format!("it is the record of {}", record.id);
                (Content::Damaged(detail), false)
            }
            read => read,
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
