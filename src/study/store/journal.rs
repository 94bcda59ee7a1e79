//! The journal of a study: a line an event, appended and never changed.

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::StoreError;
use super::process::Process;
use super::run_id::RunId;
use super::{SCHEMA, now};

const FILE: &str = "journal.jsonl";

/// What happened to a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Event {
    /// A process claimed the run.
    Claimed,
    /// A process claimed the run, which another one held and did not finish.
    TakenOver {
        /// Host of the other one.
        from_host: String,
        /// Its process id.
        from_pid: u32,
        /// Why the claim of the other one counts no more.
        reason: String,
    },
    /// The claim was given back without a record.
    Released,
    /// The record of the run was kept, and counts.
    Finished {
        /// The caller's word for how it ended.
        outcome: String,
        /// SHA-256 of the file.
        sha256: String,
    },
    /// A record was kept that does not count; the run is done again.
    SetAside {
        /// The caller's word for how it ended.
        outcome: String,
        /// Its file in the study's folder.
        file: PathBuf,
    },
    /// A second record of the run was kept that does not count: there was one already.
    Duplicate {
        /// The caller's word for how it ended.
        outcome: String,
        /// Its file in the study's folder.
        file: PathBuf,
    },
    /// A record's file could not be understood and was moved; the run is done again.
    Damaged {
        /// Where it lies now, in the study's folder.
        file: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
}

/// A line of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Version of its keys.
    pub schema: u32,
    /// Seconds since 1970 by the clock of the host that wrote it.
    pub time: f64,
    /// Name of that host.
    pub host: String,
    /// Process id.
    pub pid: u32,
    /// The run it is about.
    pub run: RunId,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// All that a journal says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Journal {
    /// Its lines in order.
    pub entries: Vec<Entry>,
    /// Lines that could not be understood: cut off by a crash or a full disk, or of another version.
    pub unreadable: usize,
}

/// Appends a line, which survives a power cut from then on.
pub(super) fn append(
    study: &Path,
    process: &Process,
    run: &RunId,
    event: Event,
) -> Result<(), StoreError> {
    let entry = Entry {
        schema: SCHEMA,
        time: now(),
        host: process.host.name.clone(),
        pid: process.pid,
        run: run.clone(),
        event,
    };
    let mut line = serde_json::to_vec(&entry).map_err(|error| StoreError::Encode {
        run: run.to_string(),
        detail: error.to_string(),
    })?;
    line.push(b'\n');
    let path = study.join(FILE);
    File::options()
        .read(true)
        .append(true)
        .create(true)
        .open(&path)
        .and_then(|mut file| {
            // A line that a crash cut off is left alone, and ends where this one begins.
            if file.seek(SeekFrom::End(0))? > 0 {
                file.seek(SeekFrom::End(-1))?;
                let mut last = [0];
                file.read_exact(&mut last)?;
                if last != *b"\n" {
                    line.insert(0, b'\n');
                }
            }
            file.write_all(&line)?;
            file.sync_data()
        })
        .map_err(StoreError::io("write", &path))
}

/// Reads the journal of a study; an empty one where there is none yet.
pub(super) fn read(study: &Path) -> Result<Journal, StoreError> {
    let path = study.join(FILE);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Journal::default()),
        Err(error) => return Err(StoreError::io("read", &path)(error)),
    };
    let mut journal = Journal::default();
    for line in bytes.split(|byte| *byte == b'\n') {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        match serde_json::from_slice::<Entry>(line) {
            Ok(entry) if entry.schema == SCHEMA => journal.entries.push(entry),
            _ => journal.unreadable += 1,
        }
    }
    Ok(journal)
}
