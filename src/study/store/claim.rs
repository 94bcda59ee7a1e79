//! Claiming runs and saving their records.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::draft::{self, Draft};
use super::error::StoreError;
use super::json::{self, Content};
use super::manifest::{self, Identity};
use super::reader::{DAMAGED, DUPLICATES, INTERRUPTED, RUNS, Store, file_names};
use super::run_id::RunId;
use crate::study::run::{Outcome, RunRecord};

const FOLDERS: [&str; 4] = [RUNS, INTERRUPTED, DUPLICATES, DAMAGED];

/// Where a record was saved.
#[derive(Clone, Debug, PartialEq)]
pub enum Saved {
    /// It is the record of the run.
    Record,
    /// The run already had a record, which counts.
    Duplicate(PathBuf),
    /// The run was interrupted and will be run again.
    Interrupted(PathBuf),
}

impl Store {
    /// Starts a study in a new or empty folder, or opens the folder it was started in. Damaged records are moved to
    /// `damaged/`: their runs are run again.
    ///
    /// # Errors
    /// [`StoreError::Different`] if the folder contains another study, [`StoreError::OtherFiles`] if it contains no study
    /// and other files, [`StoreError::UnknownSchema`] for a file of another version, [`StoreError::Io`].
    pub fn create_or_open(folder: &Path, identity: &Identity) -> Result<Self, StoreError> {
        identity.check_distinct()?;
        let exists = || folder.join(manifest::FILE).exists();
        if exists() {
            identity.check(&Self::open(folder)?)?;
        } else if let Some(found) = other_file(folder)?
            // Another process may have started the study meanwhile.
            && !exists()
        {
            let folder = folder.to_owned();
            return Err(StoreError::OtherFiles { folder, found });
        }
        for name in FOLDERS {
            let inner = folder.join(name);
            fs::create_dir_all(&inner).map_err(StoreError::io("create", &inner))?;
        }
        draft::sync_folder(folder)?;
        identity.write(folder)?;
        let store = Self::open(folder)?;
        identity.check(&store)?;
        store.clean()?;
        Ok(store)
    }

    /// Claims the first run of `order` that has no record and that no process works on. Returns `None` if there is none;
    /// then [`done`](Store::done) shows whether other processes still work on some.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn claim_next(&self, order: &[RunId]) -> Result<Option<Claim>, StoreError> {
        let done: HashSet<RunId> = self.done()?.into_iter().collect();
        for run in order.iter().filter(|run| !done.contains(run)) {
            let path = self.path(run);
            let Some(draft) = Draft::begin(&path)? else {
                continue;
            };
            // Another process may have saved it since the folder was listed.
            if !path.exists() {
                return Ok(Some(Claim {
                    folder: self.folder.clone(),
                    run: run.clone(),
                    draft,
                }));
            }
        }
        Ok(None)
    }

    /// Makes the names of all records survive a power cut.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn sync(&self) -> Result<(), StoreError> {
        draft::sync_folder(&self.folder.join(RUNS))
    }

    /// Removes drafts of records that a process published just before it died, and moves damaged records away.
    fn clean(&self) -> Result<(), StoreError> {
        let runs = self.folder.join(RUNS);
        for name in file_names(&runs)? {
            let record = name.strip_suffix(".part").map(|name| runs.join(name));
            if let Some(record) = record.filter(|record| record.exists()) {
                drop(Draft::begin(&record)?);
            }
        }
        for run in self.done()? {
            let path = self.path(&run);
            if !matches!(self.record(&run)?.0, Content::Damaged(_)) {
                continue;
            }
            // As long as its draft is held no other process moves or saves the record.
            let Some(_draft) = Draft::begin(&path)? else {
                continue;
            };
            if matches!(self.record(&run)?.0, Content::Damaged(_)) {
                draft::link_numbered(&path, &self.folder.join(DAMAGED), run.as_str())?;
                fs::remove_file(&path).map_err(StoreError::io("remove", &path))?;
                draft::sync_folder(&runs)?;
            }
        }
        Ok(())
    }
}

impl Identity {
    /// Checks that `store` is the folder of this study.
    fn check(&self, store: &Store) -> Result<(), StoreError> {
        let there = &store.manifest.study;
        match there.difference(self) {
            None => Ok(()),
            Some(difference) => Err(StoreError::Different {
                folder: store.folder.clone(),
                name: there.name.clone(),
                difference,
            }),
        }
    }
}

/// A file that a folder without a study contains, besides the empty folders of one that was about to start. Records whose
/// `study.json` is lost count as other files.
fn other_file(folder: &Path) -> Result<Option<String>, StoreError> {
    for name in file_names(folder)? {
        if FOLDERS.contains(&name.as_str()) {
            if let Some(inner) = file_names(&folder.join(&name))?.first() {
                return Ok(Some(format!("{name}/{inner}")));
            }
        } else if name != format!("{}.part", manifest::FILE) {
            return Ok(Some(name));
        }
    }
    Ok(None)
}

/// A run that this process works on. It is free again when the claim is dropped or the process ends.
pub struct Claim {
    folder: PathBuf,
    run: RunId,
    draft: Draft,
}

impl Claim {
    pub fn run(&self) -> &RunId {
        &self.run
    }

    /// Takes `bytes` of the disk for the record, so that a record of at most this length can be saved even if the disk
    /// is full when the run ends. File systems that never overwrite in place (btrfs, ZFS) do not guarantee this.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn reserve(&mut self, bytes: u64) -> Result<(), StoreError> {
        self.draft.reserve(bytes)
    }

    /// Saves the record of the run.
    ///
    /// # Errors
    /// [`StoreError`]. The run is still claimed, and the same call may be made again.
    pub fn save(&mut self, record: &RunRecord) -> Result<Saved, StoreError> {
        self.draft.write(&json::run_file(record)?)?;
        let numbered = |name: &str| {
            let folder = self.folder.join(name);
            self.draft.publish_numbered(&folder, self.run.as_str())
        };
        if record.outcome == Outcome::Interrupted {
            return numbered(INTERRUPTED).map(Saved::Interrupted);
        }
        match self.draft.publish()? {
            true => Ok(Saved::Record),
            false => numbered(DUPLICATES).map(Saved::Duplicate),
        }
    }
}
