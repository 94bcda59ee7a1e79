//! A claimed run: it is nobody else's until its record is kept or the claim is dropped.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};

use serde::Serialize;

use super::error::StoreError;
use super::files;
use super::journal::{self, Event};
use super::lease::{self, Held};
use super::record::{self, DUPLICATES, INTERRUPTED};
use super::run_id::RunId;
use super::runner::Shared;

/// What became of a record.
#[derive(Clone, Debug, PartialEq)]
pub enum Kept {
    /// It is the record of the run; its file.
    First(PathBuf),
    /// The run had a record already, which counts; the file where this one lies.
    Duplicate(PathBuf),
    /// It does not count, and the run is done again; its file.
    Aside(PathBuf),
}

/// A run that this process works on. A thread renews its lease; dropped without a record, the run is open again.
pub struct Claim {
    shared: Arc<Shared>,
    run: RunId,
    held: Arc<Mutex<Held>>,
    lost: Arc<AtomicBool>,
    renewer: Option<(Sender<()>, JoinHandle<()>)>,
    /// A record that is kept, and what the journal is to say or says of it.
    kept: Option<(Kept, Event)>,
    /// The run is given back.
    over: bool,
}

impl Claim {
    pub(super) fn new(shared: Arc<Shared>, run: RunId, held: Held) -> Self {
        let held = Arc::new(Mutex::new(held));
        let lost = Arc::new(AtomicBool::new(false));
        let (stop, stopped) = mpsc::channel();
        let renewer = thread::Builder::new().name("lease".to_owned()).spawn({
            let (held, lost, every) = (held.clone(), lost.clone(), shared.times.renew);
            move || {
                while stopped.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
                    if !lock(&held).renew() {
                        lost.store(true, Ordering::Relaxed);
                        return;
                    }
                }
            }
        });
        Self {
            shared,
            run,
            held,
            lost,
            // Without a thread the lease expires for other hosts, and still holds on this one.
            renewer: renewer.ok().map(|thread| (stop, thread)),
            kept: None,
            over: false,
        }
    }

    /// The run.
    pub fn run(&self) -> &RunId {
        &self.run
    }

    /// Whether another host has taken the run over, after the lease had expired (this machine slept, or the folder
    /// could not be written). A record that is kept nevertheless counts if it is the first.
    pub fn lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    /// Keeps the record of the run. `outcome` is the caller's word for how it ended.
    ///
    /// # Errors
    /// The system's. The run is still claimed then, and the same call may be made again.
    pub fn finish<T: Serialize>(&mut self, outcome: &str, payload: &T) -> Result<Kept, StoreError> {
        let kept = match self.kept.take() {
            Some(kept) => kept,
            None => self.keep(outcome, payload)?,
        };
        self.settle(kept)
    }

    /// Keeps a record that does not count, as that of a run which was interrupted: the run is done again.
    ///
    /// # Errors
    /// The system's. The run is still claimed then, and the same call may be made again.
    pub fn set_aside<T: Serialize>(
        &mut self,
        outcome: &str,
        payload: &T,
    ) -> Result<Kept, StoreError> {
        let kept = match self.kept.take() {
            Some(kept) => kept,
            None => self.keep_aside(outcome, payload)?,
        };
        self.settle(kept)
    }

    /// Notes what was kept and gives the run back.
    fn settle(&mut self, (kept, event): (Kept, Event)) -> Result<Kept, StoreError> {
        self.kept = Some((kept.clone(), event.clone()));
        if !self.over {
            let Shared {
                folder, process, ..
            } = &*self.shared;
            journal::append(folder, process, &self.run, event)?;
            self.leave();
        }
        Ok(kept)
    }

    fn keep<T: Serialize>(&self, outcome: &str, payload: &T) -> Result<(Kept, Event), StoreError> {
        let Shared {
            folder, process, ..
        } = &*self.shared;
        let bytes = record::encode(&self.run, process, outcome, payload)?;
        let path = record::path(folder, &self.run);
        let outcome = outcome.to_owned();
        if files::place(&process.beside(&folder.join(record::RUNS)), &path, &bytes)? {
            let sha256 = files::sha256(&bytes);
            return Ok((Kept::First(path), Event::Finished { outcome, sha256 }));
        }
        let file = self.place_numbered(DUPLICATES, &bytes)?;
        Ok((
            Kept::Duplicate(folder.join(&file)),
            Event::Duplicate { outcome, file },
        ))
    }

    fn keep_aside<T: Serialize>(
        &self,
        outcome: &str,
        payload: &T,
    ) -> Result<(Kept, Event), StoreError> {
        let bytes = record::encode(&self.run, &self.shared.process, outcome, payload)?;
        let file = self.place_numbered(INTERRUPTED, &bytes)?;
        let outcome = outcome.to_owned();
        Ok((
            Kept::Aside(self.shared.folder.join(&file)),
            Event::SetAside { outcome, file },
        ))
    }

    /// Places a record in a folder under the first free `RUN.NUMBER.json`; its path in the study.
    fn place_numbered(&self, folder: &str, bytes: &[u8]) -> Result<PathBuf, StoreError> {
        let mut number = 1;
        loop {
            let file = Path::new(folder).join(format!("{}.{number}.json", self.run));
            let beside = self.shared.process.beside(&self.shared.folder.join(folder));
            if files::place(&beside, &self.shared.folder.join(&file), bytes)? {
                return Ok(file);
            }
            number += 1;
        }
    }

    /// Ends the claim: of a run that is done the leases are forgotten, otherwise this one is given back.
    fn leave(&mut self) {
        self.over = true;
        if let Some((stop, thread)) = self.renewer.take() {
            drop(stop);
            let _ = thread.join();
        }
        match self.kept {
            Some((Kept::First(_) | Kept::Duplicate(_), _)) => {
                lease::forget(&self.shared.folder, &self.run);
            }
            Some((Kept::Aside(_), _)) | None => lock(&self.held).release(),
        }
        self.shared.active().remove(&self.run);
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        self.leave();
        if self.kept.is_none() {
            let Shared {
                folder, process, ..
            } = &*self.shared;
            // A line that cannot be written is no loss: the lease says the same.
            let _ = journal::append(folder, process, &self.run, Event::Released);
        }
    }
}

fn lock(held: &Mutex<Held>) -> MutexGuard<'_, Held> {
    held.lock().unwrap_or_else(|broken| broken.into_inner())
}
