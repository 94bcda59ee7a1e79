//! A study's folder as it is read: nothing in it is changed, and no right to write is needed.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::StoreError;
use super::files::{self, Found};
use super::host::Host;
use super::identity::{self, Manifest};
use super::journal::{self, Event, Journal};
use super::lease::{self, Holder};
use super::record::{self, DUPLICATES, INTERRUPTED, Stored};
use super::run_id::RunId;

/// Where a run stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum State {
    /// It has a record.
    Done,
    /// A process claimed it; it can be claimed by another one where that is not alive.
    Claimed(Holder),
    /// It is to be done.
    Open,
    /// It has a record that cannot be understood; the next runner moves that aside and does it again.
    Damaged {
        /// What is wrong with the record.
        detail: String,
    },
}

/// The folder of a study.
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
    manifest: Manifest,
}

impl Store {
    /// Opens a folder for reading.
    ///
    /// # Errors
    /// [`StoreError`] where there is no study, or one that cannot be read.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        Ok(Self::of(folder, identity::read(folder)?))
    }

    pub(super) fn of(folder: &Path, manifest: Manifest) -> Self {
        Self {
            folder: folder.to_owned(),
            manifest,
        }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What the study is, by its `study.json`.
    pub fn study(&self) -> &Manifest {
        &self.manifest
    }

    /// The records that count: those of the plan in its order, then others by name. A damaged one is left out, which
    /// [`states`](Self::states) names.
    ///
    /// # Errors
    /// [`StoreError::UnknownSchema`] and [`StoreError::Unreadable`] name a record that this program cannot read.
    pub fn runs<T: DeserializeOwned>(&self) -> Result<Vec<Stored<T>>, StoreError> {
        let mut stored = Vec::new();
        for run in self.in_order(record::done(&self.folder)?) {
            let found = record::read(&record::path(&self.folder, &run))?;
            stored.extend(found.filter(|found: &Stored<T>| found.run == run));
        }
        Ok(stored)
    }

    /// The runs that have a record, by the names of its files alone: cheap, and a damaged one counts until a runner
    /// next opens the folder.
    ///
    /// # Errors
    /// The system's.
    pub fn done(&self) -> Result<Vec<RunId>, StoreError> {
        Ok(self.in_order(record::done(&self.folder)?))
    }

    /// Bytes of the longest record that counts; 0 where there is none.
    ///
    /// # Errors
    /// The system's.
    pub fn longest(&self) -> Result<u64, StoreError> {
        let mut longest = 0;
        for run in record::done(&self.folder)? {
            let path = record::path(&self.folder, &run);
            match fs::metadata(&path) {
                Ok(found) => longest = longest.max(found.len()),
                // It was damaged, and another process has just moved it.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(StoreError::io("read", &path)(error)),
            }
        }
        Ok(longest)
    }

    /// Later records of runs that had one already; they do not count.
    ///
    /// # Errors
    /// As for [`runs`](Self::runs).
    pub fn duplicates<T: DeserializeOwned>(&self) -> Result<Vec<Stored<T>>, StoreError> {
        self.all(DUPLICATES)
    }

    /// Records that a runner kept with [`Claim::set_aside`](super::Claim::set_aside); they do not count.
    ///
    /// # Errors
    /// As for [`runs`](Self::runs).
    pub fn interrupted<T: DeserializeOwned>(&self) -> Result<Vec<Stored<T>>, StoreError> {
        self.all(INTERRUPTED)
    }

    fn all<T: DeserializeOwned>(&self, folder: &str) -> Result<Vec<Stored<T>>, StoreError> {
        let folder = self.folder.join(folder);
        let mut stored = Vec::new();
        for name in files::names(&folder)? {
            stored.extend(record::read(&folder.join(name))?);
        }
        Ok(stored)
    }

    /// Where every run stands: those of the plan in its order, then others by name. Every record is read through.
    ///
    /// # Errors
    /// [`StoreError::UnknownSchema`] names a record that this program cannot read, and the system's.
    pub fn states(&self) -> Result<Vec<(RunId, State)>, StoreError> {
        let here = Host::here();
        // Leases first: one that is gone when the records are read has left its record.
        let numbers = lease::numbers(&self.folder)?;
        let holders: HashMap<RunId, Holder> = numbers
            .iter()
            .filter_map(|(run, number)| {
                let lease = lease::read(&self.folder, run, *number)?;
                Some((run.clone(), lease.holder(&self.folder, &here)?))
            })
            .collect();
        let done: HashSet<RunId> = record::done(&self.folder)?.into_iter().collect();
        let mut runs: BTreeSet<RunId> = self.manifest.runs.iter().cloned().collect();
        runs.extend(numbers.into_keys());
        runs.extend(done.iter().cloned());
        let mut states = Vec::new();
        for run in self.in_order(runs) {
            let state = match holders.get(&run) {
                _ if done.contains(&run) => match record::check(&self.folder, &run)? {
                    Found::Whole(_) => State::Done,
                    Found::Bad(detail) => State::Damaged { detail },
                    Found::Gone => State::Open,
                },
                Some(holder) => State::Claimed(holder.clone()),
                None => State::Open,
            };
            states.push((run, state));
        }
        Ok(states)
    }

    /// What happened in the folder, in order.
    ///
    /// # Errors
    /// The system's.
    pub fn journal(&self) -> Result<Journal, StoreError> {
        journal::read(&self.folder)
    }

    /// The runs whose record is not the file that was kept: its SHA-256 is not the journal's.
    ///
    /// # Errors
    /// The system's.
    pub fn altered(&self) -> Result<Vec<RunId>, StoreError> {
        let mut kept = HashMap::new();
        for entry in self.journal()?.entries {
            match entry.event {
                Event::Finished { sha256, .. } => kept.insert(entry.run, sha256),
                Event::Damaged { .. } => kept.remove(&entry.run),
                _ => None,
            };
        }
        let mut altered = Vec::new();
        for run in self.in_order(record::done(&self.folder)?) {
            let path = record::path(&self.folder, &run);
            let bytes = fs::read(&path).map_err(StoreError::io("read", &path))?;
            if kept
                .get(&run)
                .is_some_and(|kept| *kept != files::sha256(&bytes))
            {
                altered.push(run);
            }
        }
        Ok(altered)
    }

    fn in_order(&self, runs: impl IntoIterator<Item = RunId>) -> Vec<RunId> {
        let places: HashMap<&RunId, usize> = self
            .manifest
            .runs
            .iter()
            .enumerate()
            .map(|(i, run)| (run, i))
            .collect();
        let mut runs: Vec<RunId> = runs.into_iter().collect();
        runs.sort_by_key(|run| (places.get(run).copied().unwrap_or(usize::MAX), run.clone()));
        runs
    }
}
