//! The record of a run: an envelope around the caller's payload.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize};

use super::error::StoreError;
use super::files::{self, Found, Versioned};
use super::journal::{self, Event};
use super::process::Process;
use super::run_id::RunId;
use super::{SCHEMA, now};

/// Records that count, one a run.
pub(super) const RUNS: &str = "runs";
/// Later records of runs that had one.
pub(super) const DUPLICATES: &str = "duplicates";
/// Records that do not count, of runs that are done again.
pub(super) const INTERRUPTED: &str = "interrupted";
/// Files that could not be understood.
pub(super) const DAMAGED: &str = "damaged";

/// A record as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored<T> {
    /// The run.
    pub run: RunId,
    /// Its file.
    pub path: PathBuf,
    /// Name of the host that wrote it.
    pub host: String,
    /// Process id there.
    pub pid: u32,
    /// When, in seconds since 1970 by that host's clock.
    pub written: f64,
    /// The caller's word for how the run ended.
    pub outcome: String,
    /// What the caller kept.
    pub payload: T,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Envelope<T> {
    schema: u32,
    pub(super) run: RunId,
    host: String,
    pid: u32,
    written: f64,
    pub(super) outcome: String,
    payload: T,
}

impl<T: DeserializeOwned> Versioned for Envelope<T> {
    fn schema(&self) -> u32 {
        self.schema
    }
}

/// The file of a record, and what it holds.
pub(super) fn encode<T: Serialize>(
    run: &RunId,
    process: &Process,
    outcome: &str,
    payload: &T,
) -> Result<Vec<u8>, StoreError> {
    let envelope = Envelope {
        schema: SCHEMA,
        run: run.clone(),
        host: process.host.name.clone(),
        pid: process.pid,
        written: now(),
        outcome: outcome.to_owned(),
        payload,
    };
    files::json(run.as_str(), &envelope)
}

/// The file of a run's record that counts.
pub(super) fn path(study: &Path, run: &RunId) -> PathBuf {
    study.join(RUNS).join(format!("{run}.json"))
}

/// The runs that have a record.
pub(super) fn done(study: &Path) -> Result<Vec<RunId>, StoreError> {
    let names = files::names(&study.join(RUNS))?;
    Ok(names
        .iter()
        .filter_map(|name| RunId::of_file(name))
        .collect())
}

/// A record's envelope, without its payload.
pub(super) fn check(study: &Path, run: &RunId) -> Result<Found<Envelope<IgnoredAny>>, StoreError> {
    Ok(
        match files::read::<Envelope<IgnoredAny>>(&path(study, run))? {
            Found::Whole(envelope) if envelope.run != *run => {
                Found::Bad(format!("it is the record of {}", envelope.run))
            }
            found => found,
        },
    )
}

/// A record; nothing where its file is gone or damaged, which [`check`] says.
///
/// # Errors
/// [`StoreError::Unreadable`] for a whole file whose payload is not a `T`, and those of reading.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<Stored<T>>, StoreError> {
    let detail = match files::read::<Envelope<T>>(path)? {
        Found::Whole(envelope) => {
            return Ok(Some(Stored {
                run: envelope.run,
                path: path.to_owned(),
                host: envelope.host,
                pid: envelope.pid,
                written: envelope.written,
                outcome: envelope.outcome,
                payload: envelope.payload,
            }));
        }
        Found::Gone => return Ok(None),
        Found::Bad(detail) => detail,
    };
    match files::read::<Envelope<IgnoredAny>>(path)? {
        Found::Whole(_) => Err(StoreError::Unreadable {
            path: path.to_owned(),
            detail,
            remedy: "use the version of wattgrad that wrote it",
        }),
        _ => Ok(None),
    }
}

/// Moves the file of a run to `damaged/` where it cannot be understood, and notes it.
///
/// # Errors
/// [`StoreError::UnknownSchema`] for a file of another version, which stays where it is, and the system's.
pub(super) fn set_aside_damaged(
    study: &Path,
    process: &Process,
    run: &RunId,
) -> Result<(), StoreError> {
    let Found::Bad(detail) = check(study, run)? else {
        return Ok(());
    };
    let path = path(study, run);
    let folder = study.join(DAMAGED);
    let beside = process.beside(&folder);
    match fs::rename(&path, &beside) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(StoreError::io("move", &path)(error)),
    }
    // Another process may have moved the damaged file and kept a whole one since it was read.
    if let Found::Whole(envelope) = files::read::<Envelope<IgnoredAny>>(&beside)?
        && envelope.run == *run
        && files::link(&beside, &path)?
    {
        return fs::remove_file(&beside).map_err(StoreError::io("remove", &beside));
    }
    let mut number = 1;
    let file = loop {
        let name = format!("{run}.{number}.json");
        if files::link(&beside, &folder.join(&name))? {
            break Path::new(DAMAGED).join(name);
        }
        number += 1;
    };
    fs::remove_file(&beside).map_err(StoreError::io("remove", &beside))?;
    files::sync_folder(&study.join(RUNS))?;
    journal::append(study, process, run, Event::Damaged { file, detail })
}
