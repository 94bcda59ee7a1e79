//! A claimed run: it is nobody else's until its record is kept or the claim is dropped.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};

use serde::Serialize;

use super::error::StoreError;
use super::files::{self, Beside};
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
    /// Room on the disk for the record.
    reserved: Option<Beside>,
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
            reserved: None,
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

    /// Takes `bytes` of the disk for the record, so that one which is no longer can be kept though the disk is full when
    /// the run ends. On a file system that never overwrites in place (btrfs, ZFS) this is a hope and no promise.
    ///
    /// # Errors
    /// The system's.
    pub fn reserve(&mut self, bytes: u64) -> Result<(), StoreError> {
        let path = record::path(&self.shared.folder, &self.run);
        let mut beside = self.beside(&path)?;
        beside.reserve(bytes, &path)?;
        self.reserved = Some(beside);
        Ok(())
    }

    /// What was kept where [`finish`](Self::finish) failed all the same, as only the journal could not be written.
    pub fn kept(&self) -> Option<&Kept> {
        self.kept.as_ref().map(|(kept, _)| kept)
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

    fn keep<T: Serialize>(
        &mut self,
        outcome: &str,
        payload: &T,
    ) -> Result<(Kept, Event), StoreError> {
        let shared = self.shared.clone();
        let bytes = record::encode(&self.run, &shared.process, outcome, payload)?;
        let path = record::path(&shared.folder, &self.run);
        let outcome = outcome.to_owned();
        self.written(&bytes, &path, |beside, run| {
            if beside.link(&path)? {
                let sha256 = files::sha256(&bytes);
                return Ok((
                    Kept::First(path.clone()),
                    Event::Finished { outcome, sha256 },
                ));
            }
            let file = link_numbered(beside, &shared.folder, DUPLICATES, run)?;
            Ok((
                Kept::Duplicate(shared.folder.join(&file)),
                Event::Duplicate { outcome, file },
            ))
        })
    }

    fn keep_aside<T: Serialize>(
        &mut self,
        outcome: &str,
        payload: &T,
    ) -> Result<(Kept, Event), StoreError> {
        let shared = self.shared.clone();
        let bytes = record::encode(&self.run, &shared.process, outcome, payload)?;
        let outcome = outcome.to_owned();
        self.written(&bytes, &shared.folder.join(INTERRUPTED), |beside, run| {
            let file = link_numbered(beside, &shared.folder, INTERRUPTED, run)?;
            Ok((
                Kept::Aside(shared.folder.join(&file)),
                Event::SetAside { outcome, file },
            ))
        })
    }

    /// Writes `bytes` into the room that is reserved, or into a new file, and has `link` name that.
    fn written<T>(
        &mut self,
        bytes: &[u8],
        path: &Path,
        link: impl FnOnce(&Beside, &RunId) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut new;
        // Room that is reserved stays so until the claim ends: a call that failed may be made again. Another host, which
        // cannot know whether this process lives, may have removed it after a day.
        let beside = match &mut self.reserved {
            Some(reserved) if reserved.is_there() => reserved,
            _ => {
                new = self.beside(path)?;
                &mut new
            }
        };
        beside.write(bytes, path)?;
        link(beside, &self.run)
    }

    /// A file beside the records, which is to be `path`.
    fn beside(&self, path: &Path) -> Result<Beside, StoreError> {
        let runs = self.shared.folder.join(record::RUNS);
        Beside::create(self.shared.process.beside(&runs), path)
    }

    /// Ends the claim: of a run that is done the leases are forgotten, otherwise this one is given back.
    fn leave(&mut self) {
        self.over = true;
        self.reserved = None;
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

/// Names a record in a folder of the study by the first free `RUN.NUMBER.json`; its path in the study.
fn link_numbered(
    beside: &Beside,
    study: &Path,
    folder: &str,
    run: &RunId,
) -> Result<PathBuf, StoreError> {
    let mut number = 1;
    loop {
        let file = Path::new(folder).join(format!("{run}.{number}.json"));
        if beside.link(&study.join(&file))? {
            return Ok(file);
        }
        number += 1;
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
