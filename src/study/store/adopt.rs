//! Taking over records from another folder of the same study.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::SCHEMA;
use super::draft::Draft;
use super::error::StoreError;
use super::reader::{DUPLICATES, Store, file_names};
use super::run_id::RunId;
use crate::train;

/// What became of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Adopted {
    New,
    /// It was there already.
    Same,
    /// Another record of the run is there and counts; this one is in `duplicates/`.
    Duplicate(PathBuf),
    /// It is cut off, and why.
    Damaged(String),
}

/// What shows that a file is a whole record of this version. Its checksum is compared whenever records are read.
#[derive(Deserialize)]
struct Head {
    schema: u32,
    id: String,
    #[serde(default)]
    record: Option<Training>,
}

#[derive(Deserialize)]
struct Training {
    schema: u32,
}

impl Store {
    /// Takes over the record of `run` from another folder of the same study. Where both are on one file system the file
    /// gets a second name and is not copied.
    ///
    /// # Errors
    /// [`StoreError::UnknownSchema`], [`StoreError::Io`].
    pub fn adopt(&self, from: &Self, run: &RunId) -> Result<Adopted, StoreError> {
        let (source, target) = (from.path(run), self.path(run));
        let bytes = fs::read(&source).map_err(StoreError::io("read", &source))?;
        if let Some(detail) = check(&source, run, &bytes)? {
            return Ok(Adopted::Damaged(detail));
        }
        loop {
            match fs::hard_link(&source, &target) {
                Ok(()) => return Ok(Adopted::New),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    let there = fs::read(&target).map_err(StoreError::io("read", &target))?;
                    return match there == bytes {
                        true => Ok(Adopted::Same),
                        false => self.keep_duplicate(run, &bytes),
                    };
                }
                // Another file system, or one that limits links.
                Err(_) => {
                    let Some(mut draft) = Draft::begin(&target)? else {
                        return Err(StoreError::io("write", &target)(
                            ErrorKind::WouldBlock.into(),
                        ));
                    };
                    draft.write(&bytes)?;
                    if draft.publish()? {
                        return Ok(Adopted::New);
                    }
                }
            }
        }
    }

    fn keep_duplicate(&self, run: &RunId, bytes: &[u8]) -> Result<Adopted, StoreError> {
        let folder = self.folder.join(DUPLICATES);
        for name in file_names(&folder)? {
            let rest = name.strip_prefix(run.as_str());
            if rest.is_some_and(|rest| rest.starts_with('.')) {
                let path = folder.join(&name);
                if fs::read(&path).map_err(StoreError::io("read", &path))? == bytes {
                    return Ok(Adopted::Same);
                }
            }
        }
        let mut part = tempfile_in(&folder, run)?;
        part.1
            .write_all(bytes)
            .and_then(|()| part.1.sync_all())
            .map_err(StoreError::io("write", &part.0))?;
        let path = super::draft::link_numbered(&part.0, &folder, run.as_str());
        let _ = fs::remove_file(&part.0);
        Ok(Adopted::Duplicate(path?))
    }
}

fn tempfile_in(folder: &Path, run: &RunId) -> Result<(PathBuf, fs::File), StoreError> {
    // Hidden, so that nothing takes it for a record.
    let path = folder.join(format!(".{run}.{}.part", std::process::id()));
    let file = fs::File::create(&path).map_err(StoreError::io("write", &path))?;
    Ok((path, file))
}

/// Why `bytes` are not the whole record of `run`.
fn check(path: &Path, run: &RunId, bytes: &[u8]) -> Result<Option<String>, StoreError> {
    let head: Head = match serde_json::from_slice(bytes) {
        Ok(head) => head,
        Err(error) => return Ok(Some(error.to_string())),
    };
    let training = head.record.map_or(train::SCHEMA, |record| record.schema);
    for (found, known) in [(head.schema, SCHEMA), (training, train::SCHEMA)] {
        if found != known {
            return Err(StoreError::UnknownSchema {
                path: path.to_owned(),
                found: found.to_string(),
                known,
            });
        }
    }
    Ok((head.id != run.as_str()).then(|| format!("it is the record of {}", head.id)))
}
