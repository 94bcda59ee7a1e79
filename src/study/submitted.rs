//! A study that was submitted to a cluster: a folder with one folder per shard.

use std::collections::HashSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::StudyError;
use super::shard::Shard;
use super::spec::Study;
use super::store::{RunId, Store, StoreError};
use crate::files::write_whole;

const FILE: &str = "submitted.json";
/// Version of the keys of that file.
const SCHEMA: u32 = 1;

/// A job array.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// As the scheduler names it.
    pub id: String,
    /// Its tasks, which are numbers of shards.
    pub tasks: Vec<u64>,
}

/// The content of `submitted.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Submitted {
    pub schema: u32,
    /// Number of shards; it stays the same when a study is submitted again.
    pub shards: u64,
    /// The oldest first.
    pub jobs: Vec<Job>,
}

impl Submitted {
    pub fn new(shards: u64) -> Self {
        Self {
            schema: SCHEMA,
            shards,
            jobs: Vec::new(),
        }
    }

    /// Reads that of a folder; `None` if it has none.
    ///
    /// # Errors
    /// [`StudyError::Store`] for a file that cannot be read or is of another version.
    pub fn read(folder: &Path) -> Result<Option<Self>, StudyError> {
        let path = folder.join(FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            // A file where a folder is expected is reported by what opens it.
            Err(error) if error.kind() == ErrorKind::NotADirectory => return Ok(None),
            Err(error) => return Err(StoreError::io("read", &path)(error).into()),
        };
        let unreadable = |detail: String| StoreError::Unreadable {
            path: path.clone(),
            detail,
            remedy: "restore it from a copy, or give the folders of its shards",
        };
        let read: Self =
            serde_json::from_str(&text).map_err(|error| unreadable(error.to_string()))?;
        match read.schema {
            SCHEMA if read.shards > 0 => Ok(Some(read)),
            SCHEMA => Err(unreadable("it has no shards".into()).into()),
            found => Err(StoreError::UnknownSchema {
                path,
                found: found.to_string(),
                known: SCHEMA,
            }
            .into()),
        }
    }

    /// Writes it whole or not at all.
    ///
    /// # Errors
    /// [`StudyError::Store`].
    pub fn write(&self, folder: &Path) -> Result<(), StudyError> {
        let path = folder.join(FILE);
        let text = serde_json::to_string_pretty(self).map_err(|error| StoreError::Encode {
            what: FILE.to_owned(),
            detail: error.to_string(),
        })?;
        write_whole(&path, text.as_bytes()).map_err(StoreError::io("write", &path))?;
        Ok(())
    }

    /// The folder of the shard `number`, from 1, in that of the study.
    pub fn shard_folder(folder: &Path, number: u64) -> PathBuf {
        folder.join(format!("shard-{number}"))
    }

    pub fn shard(&self, number: u64) -> Option<Shard> {
        format!("{number}/{}", self.shards).parse().ok()
    }

    /// The planned runs of every shard, and how many of them are done, in the order of the shards.
    ///
    /// # Errors
    /// [`StudyError::Store`] for a folder that cannot be read.
    pub fn progress(&self, folder: &Path) -> Result<Vec<(usize, usize)>, StudyError> {
        let of = |number: u64| {
            let store = Store::open(&Self::shard_folder(folder, number))?;
            let done: HashSet<RunId> = store.done()?.into_iter().collect();
            let shard = self.shard(number);
            let planned = store.manifest().study.runs.iter();
            let own = planned.filter(|run| shard.is_some_and(|shard| shard.contains(run.as_str())));
            let ended = own.clone().filter(|run| done.contains(run));
            Ok((own.count(), ended.count()))
        };
        (1..=self.shards).map(of).collect()
    }

    /// Creates the folders of all shards, or checks that they are of this study.
    ///
    /// # Errors
    /// As [`Store::create_or_open`].
    pub fn create_folders(&self, folder: &Path, study: &Study) -> Result<(), StudyError> {
        let identity = study.identity()?;
        for number in 1..=self.shards {
            Store::create_or_open(&Self::shard_folder(folder, number), &identity)?;
        }
        Ok(())
    }
}

/// The folders of studies, with the folder of a submitted study replaced by those of its shards.
///
/// # Errors
/// As [`Submitted::read`].
pub(super) fn expand<P: AsRef<Path>>(folders: &[P]) -> Result<Vec<PathBuf>, StudyError> {
    let mut all = Vec::new();
    for folder in folders {
        let folder = folder.as_ref();
        match Submitted::read(folder)? {
            Some(submitted) => {
                let shards = 1..=submitted.shards;
                all.extend(shards.map(|number| Submitted::shard_folder(folder, number)));
            }
            None => all.push(folder.to_owned()),
        }
    }
    Ok(all)
}
