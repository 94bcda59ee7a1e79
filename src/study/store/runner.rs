//! A process that works on a study.

use std::collections::HashSet;
use std::fs::{self, File};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use super::claim::Claim;
use super::error::StoreError;
use super::files::{self, Found};
use super::identity::{self, Identity};
use super::journal::{self, Event};
use super::lease::{self, Held, LeaseTimes, Standing, Watch};
use super::process::{self, Process};
use super::reader::Store;
use super::record;
use super::run_id::RunId;

const FOLDERS: [&str; 6] = [
    record::RUNS,
    record::DUPLICATES,
    record::INTERRUPTED,
    record::DAMAGED,
    "leases",
    process::LOCKS,
];

/// A process that works on a study: it reads the folder as a [`Store`] does, claims runs and keeps their records.
pub struct Runner {
    store: Store,
    shared: Arc<Shared>,
}

/// What a runner and its claims share.
pub(super) struct Shared {
    pub(super) folder: PathBuf,
    pub(super) process: Process,
    pub(super) times: LeaseTimes,
    /// The runs that this process works on.
    active: Mutex<HashSet<RunId>>,
    watch: Watch,
}

impl Shared {
    pub(super) fn active(&self) -> MutexGuard<'_, HashSet<RunId>> {
        self.active
            .lock()
            .unwrap_or_else(|broken| broken.into_inner())
    }

    fn standing(&self, run: &RunId, number: u64) -> Standing {
        let ours = self.active().contains(run);
        self.watch.standing(
            &self.folder,
            &self.process,
            &self.times,
            (run, number),
            ours,
        )
    }
}

impl Deref for Runner {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

impl Runner {
    /// Begins a study in a new or empty folder, or goes on with it where it began. Records that cannot be understood are
    /// moved to `damaged/` and noted in the journal: their runs are done again.
    ///
    /// # Errors
    /// [`StoreError::Different`] where the folder holds a study of another meaning, [`StoreError::OtherFiles`] where it
    /// holds none and other things, [`StoreError::UnknownSchema`] where a file is of another version, and the system's.
    pub fn create_or_open(
        folder: &Path,
        identity: &Identity,
        times: &LeaseTimes,
    ) -> Result<Self, StoreError> {
        identity.distinct()?;
        if folder.join(identity::FILE).exists() {
            identity.same(folder)?;
        } else if let Some(found) = stranger(folder)?
            // Another process may have begun the study meanwhile.
            && !folder.join(identity::FILE).exists()
        {
            let folder = folder.to_owned();
            return Err(StoreError::OtherFiles { folder, found });
        }
        for name in FOLDERS {
            let inner = folder.join(name);
            fs::create_dir_all(&inner).map_err(StoreError::io("create", &inner))?;
        }
        files::sync_folder(folder)?;
        let process = Process::enter(folder)?;
        if !folder.join(identity::FILE).exists() {
            identity.begin(folder, &process)?;
        }
        let runner = Self {
            store: Store::of(folder, identity.same(folder)?),
            shared: Arc::new(Shared {
                folder: folder.to_owned(),
                process,
                times: *times,
                active: Mutex::default(),
                watch: Watch::default(),
            }),
        };
        runner.mend()?;
        Ok(runner)
    }

    /// Claims the first run of `order` that has no record and that nobody works on. Nothing where there is none: then
    /// [`done`](Store::done) says whether others still work on some. Who means to take over from a host that is gone has
    /// to ask again, from this same runner: it has to have watched a lease for two renewals, and for the whole lease
    /// where the clocks differ, before it believes that it expired.
    ///
    /// # Errors
    /// The system's.
    pub fn claim_next(&self, order: &[RunId]) -> Result<Option<Claim>, StoreError> {
        let shared = &self.shared;
        let done: HashSet<RunId> = record::done(&shared.folder)?.into_iter().collect();
        let numbers = lease::numbers(&shared.folder)?;
        for run in order.iter().filter(|run| !done.contains(run)) {
            let number = numbers.get(run).copied().unwrap_or(0);
            let event = match shared.standing(run, number) {
                Standing::Held => continue,
                Standing::Free => Event::Claimed,
                Standing::Lost(from_host, from_pid, reason) => Event::TakenOver {
                    from_host,
                    from_pid,
                    reason: reason.to_owned(),
                },
            };
            if !shared.active().insert(run.clone()) {
                continue;
            }
            match self.take(run, number + 1, event) {
                Ok(Some(held)) => return Ok(Some(Claim::new(shared.clone(), run.clone(), held))),
                other => {
                    shared.active().remove(run);
                    other?;
                }
            }
        }
        Ok(None)
    }

    fn take(&self, run: &RunId, number: u64, event: Event) -> Result<Option<Held>, StoreError> {
        let Shared {
            folder,
            process,
            times,
            ..
        } = &*self.shared;
        let Some(mut held) = Held::take(folder, process, times, run, number)? else {
            return Ok(None);
        };
        // Since the folder was listed the run may have been finished and its leases forgotten.
        if record::path(folder, run).exists() {
            held.release();
            lease::forget(folder, run);
            return Ok(None);
        }
        let outcome = match held.is_last() {
            Ok(true) => journal::append(folder, process, run, event),
            Ok(false) => {
                held.release();
                return Ok(None);
            }
            Err(error) => Err(error),
        };
        if outcome.is_err() {
            held.release();
        }
        outcome.map(|()| Some(held))
    }

    /// Puts right what dead processes left. One process of a host at a time does so; another leaves it to that one.
    fn mend(&self) -> Result<(), StoreError> {
        let Shared {
            folder, process, ..
        } = &*self.shared;
        let path = folder.join(identity::FILE);
        let guard = File::options()
            .append(true)
            .open(&path)
            .map_err(StoreError::io("open", &path))?;
        if !process::try_lock(&guard).map_err(StoreError::io("lock", &path))? {
            return Ok(());
        }
        let mut folders: Vec<PathBuf> = FOLDERS.iter().map(|name| folder.join(name)).collect();
        folders.pop();
        folders.push(folder.clone());
        process.clean(folder, &folders);
        let done = record::done(folder)?;
        for run in &done {
            record::set_aside_damaged(folder, process, run)?;
        }
        // In this order: who has forgotten a lease has written the journal before.
        let numbers = lease::numbers(folder)?;
        let noted = self.finished()?;
        for run in &done {
            let number = numbers.get(run);
            if number.is_some_and(|number| self.shared.standing(run, *number) == Standing::Held) {
                continue;
            }
            if !noted.contains(run) {
                self.note(run)?;
            }
            if number.is_some() {
                lease::forget(folder, run);
            }
        }
        Ok(())
    }

    /// The runs whose record the journal names.
    fn finished(&self) -> Result<HashSet<RunId>, StoreError> {
        let mut finished = HashSet::new();
        for entry in self.store.journal()?.entries {
            match entry.event {
                Event::Finished { .. } => finished.insert(entry.run),
                Event::Damaged { .. } => finished.remove(&entry.run),
                _ => false,
            };
        }
        Ok(finished)
    }

    /// Writes the line that the process which kept a record did not come to write.
    fn note(&self, run: &RunId) -> Result<(), StoreError> {
        let Shared {
            folder, process, ..
        } = &*self.shared;
        let Found::Whole(envelope) = record::check(folder, run)? else {
            return Ok(());
        };
        let path = record::path(folder, run);
        let bytes = fs::read(&path).map_err(StoreError::io("read", &path))?;
        let event = Event::Finished {
            outcome: envelope.outcome,
            sha256: files::sha256(&bytes),
        };
        journal::append(folder, process, run, event)
    }
}

/// What a folder without a study holds that one which was about to begin does not: its folders are empty then but for
/// locks. Records whose `study.json` is gone are not for another study to take.
fn stranger(folder: &Path) -> Result<Option<String>, StoreError> {
    for name in files::names(folder)? {
        if !FOLDERS.contains(&name.as_str()) {
            return Ok(Some(name));
        }
        if name != process::LOCKS
            && let Some(inner) = files::names(&folder.join(&name))?.first()
        {
            return Ok(Some(format!("{name}/{inner}")));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_read_the_folder_before_a_run_was_finished_does_not_get_it() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let run = RunId::new("r").unwrap();
        let identity = Identity {
            name: "made-up".to_owned(),
            meaning: serde_json::Value::Null,
            text: String::new(),
            runs: vec![run.clone()],
        };
        let open = || Runner::create_or_open(folder, &identity, &LeaseTimes::default()).unwrap();
        let (fast, slow) = (open(), open());
        let mut claim = fast.claim_next(&identity.runs).unwrap().unwrap();
        // As the slow one would on having seen the folder at different times: no lease yet, a lease, and none any more.
        assert!(slow.take(&run, 1, Event::Claimed).unwrap().is_none());
        claim.finish("reached", &1).unwrap();
        for number in [1, 2] {
            assert!(slow.take(&run, number, Event::Claimed).unwrap().is_none());
            assert!(lease::numbers(folder).unwrap().is_empty());
        }
    }
}
