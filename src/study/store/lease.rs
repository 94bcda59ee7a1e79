//! Leases: who works on which run, and until when.
//!
//! A run's lease is the file of the highest number, `leases/RUN.NUMBER.json`. To take a run is to link a file of the next
//! number, which one process alone can do, whatever its host. Only its holder writes a lease from then on, in its place,
//! so that renewing and releasing need no space on the disk.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::error::StoreError;
use super::host::Host;
use super::process::{self, Process};
use super::run_id::RunId;
use super::{SCHEMA, files, now};

/// Every lease has this many bytes, of which it needs half: it never grows.
const BYTES: usize = 2048;

/// How long a claim holds without news of its process, for hosts that cannot ask the kernel whether that lives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LeaseTimes {
    /// From a renewal to its expiry.
    pub lease: Duration,
    /// From one renewal to the next; also what is waited beyond the expiry.
    pub renew: Duration,
}

impl Default for LeaseTimes {
    /// 60 s, renewed every 15 s.
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(60),
            renew: Duration::from_secs(15),
        }
    }
}

/// Who claimed a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Holder {
    /// Its host.
    pub host: Host,
    /// Its process id there.
    pub pid: u32,
    /// When it claimed the run, in seconds since 1970 by its clock.
    pub since: f64,
    /// When it last said that it lives, in seconds since 1970 by its clock.
    pub renewed: f64,
    /// Whether it still holds the run, as far as one look tells: on this host whether the process lives, elsewhere
    /// whether its lease has not expired.
    pub alive: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Lease {
    schema: u32,
    run: RunId,
    pub(super) host: Host,
    pub(super) pid: u32,
    token: String,
    since: f64,
    renewed: f64,
    renewals: u64,
    lease_seconds: f64,
    renew_seconds: f64,
    released: bool,
}

/// Whether a run is free, by its lease.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Standing {
    /// Nobody has it.
    Free,
    /// Somebody had it, who is no more: the host, the process and how that is known.
    Lost(String, u32, &'static str),
    /// Somebody has it.
    Held,
}

impl Lease {
    fn new(run: &RunId, process: &Process, times: &LeaseTimes) -> Self {
        let now = now();
        Self {
            schema: SCHEMA,
            run: run.clone(),
            host: process.host.clone(),
            pid: process.pid,
            token: process.token.clone(),
            since: now,
            renewed: now,
            renewals: 0,
            lease_seconds: times.lease.as_secs_f64(),
            renew_seconds: times.renew.as_secs_f64(),
            released: false,
        }
    }

    fn bytes(&self) -> Result<Vec<u8>, StoreError> {
        let mut bytes = files::json(self.run.as_str(), self)?;
        bytes.pop();
        bytes.resize(BYTES.max(bytes.len() + 1) - 1, b' ');
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Past its expiry and the margin, by the clocks of both hosts.
    fn expired(&self) -> bool {
        now() > self.renewed + self.lease_seconds + self.renew_seconds
    }

    /// The holder as one look from `here` shows it; nobody where the lease was released.
    pub(super) fn holder(&self, study: &Path, here: &Host) -> Option<Holder> {
        if self.released {
            return None;
        }
        let alive = if self.host == *here {
            process::alive(study, &self.token)
        } else {
            !self.expired()
        };
        Some(Holder {
            host: self.host.clone(),
            pid: self.pid,
            since: self.since,
            renewed: self.renewed,
            alive,
        })
    }
}

fn folder(study: &Path) -> PathBuf {
    study.join("leases")
}

fn path(study: &Path, run: &RunId, number: u64) -> PathBuf {
    folder(study).join(format!("{run}.{number}.json"))
}

fn parse(name: &str) -> Option<(RunId, u64)> {
    let (run, number) = name.strip_suffix(".json")?.rsplit_once('.')?;
    Some((RunId::new(run).ok()?, number.parse().ok()?))
}

/// The number of each run's lease.
pub(super) fn numbers(study: &Path) -> Result<BTreeMap<RunId, u64>, StoreError> {
    let mut numbers = BTreeMap::new();
    for (run, number) in files::names(&folder(study))?
        .iter()
        .filter_map(|name| parse(name))
    {
        let highest = numbers.entry(run).or_insert(number);
        *highest = number.max(*highest);
    }
    Ok(numbers)
}

/// The bytes of a lease, and what they say where that can be understood.
fn look(study: &Path, run: &RunId, number: u64) -> Option<(Vec<u8>, Option<Lease>)> {
    let bytes = fs::read(path(study, run, number)).ok()?;
    let lease = serde_json::from_slice::<Lease>(&bytes).ok();
    Some((bytes, lease.filter(|lease| lease.schema == SCHEMA)))
}

/// A lease that can be understood.
pub(super) fn read(study: &Path, run: &RunId, number: u64) -> Option<Lease> {
    look(study, run, number)?.1
}

/// Forgets the leases of a run that is done.
pub(super) fn forget(study: &Path, run: &RunId) {
    let names = files::names(&folder(study)).unwrap_or_default();
    for name in names
        .iter()
        .filter(|name| parse(name).is_some_and(|(of, _)| of == *run))
    {
        let _ = fs::remove_file(folder(study).join(name));
    }
}

/// Leases of other hosts as they were first seen. Clocks of two hosts need not agree, so a lease counts as expired only
/// where this host too has watched it stand still.
#[derive(Default)]
pub(super) struct Watch(Mutex<HashMap<(RunId, u64), Seen>>);

struct Seen {
    bytes: Vec<u8>,
    since: Instant,
}

impl Watch {
    /// Whether the run is free for `process`, which itself works on it if `ours`.
    pub(super) fn standing(
        &self,
        study: &Path,
        process: &Process,
        times: &LeaseTimes,
        (run, number): (&RunId, u64),
        ours: bool,
    ) -> Standing {
        let Some((bytes, lease)) = look(study, run, number) else {
            return Standing::Free;
        };
        match lease {
            Some(lease) if lease.released => Standing::Free,
            Some(lease) if lease.token == process.token => {
                if ours {
                    Standing::Held
                } else {
                    Standing::Free
                }
            }
            Some(lease) if lease.host == process.host => {
                if process::alive(study, &lease.token) {
                    Standing::Held
                } else {
                    Standing::Lost(lease.host.name, lease.pid, "its process has ended")
                }
            }
            Some(lease) => {
                let still = self.still((run.clone(), number), bytes);
                let seconds = if lease.expired() {
                    2.0 * lease.renew_seconds
                } else {
                    lease.lease_seconds + lease.renew_seconds
                };
                if still.as_secs_f64() > seconds {
                    Standing::Lost(lease.host.name, lease.pid, "its lease expired")
                } else {
                    Standing::Held
                }
            }
            None => {
                let still = self.still((run.clone(), number), bytes);
                if still > times.lease + times.renew {
                    Standing::Lost("unknown".to_owned(), 0, "its lease cannot be understood")
                } else {
                    Standing::Held
                }
            }
        }
    }

    /// How long a lease has not changed under the eyes of this process.
    fn still(&self, key: (RunId, u64), bytes: Vec<u8>) -> Duration {
        let mut seen = self.0.lock().unwrap_or_else(|broken| broken.into_inner());
        match seen.get(&key) {
            Some(before) if before.bytes == bytes => before.since.elapsed(),
            _ => {
                let since = Instant::now();
                seen.insert(key, Seen { bytes, since });
                Duration::ZERO
            }
        }
    }
}

/// A lease of this process.
pub(super) struct Held {
    study: PathBuf,
    lease: Lease,
    number: u64,
    file: File,
}

impl Held {
    /// Takes the lease `number` of a run; nothing where another process was faster.
    pub(super) fn take(
        study: &Path,
        process: &Process,
        times: &LeaseTimes,
        run: &RunId,
        number: u64,
    ) -> Result<Option<Self>, StoreError> {
        let lease = Lease::new(run, process, times);
        let path = path(study, run, number);
        if !files::place(process.beside(&folder(study)), &path, &lease.bytes()?)? {
            return Ok(None);
        }
        let file = File::options()
            .write(true)
            .open(&path)
            .map_err(StoreError::io("open", &path))?;
        Ok(Some(Self {
            study: study.to_owned(),
            lease,
            number,
            file,
        }))
    }

    /// Whether no other process has taken the run since.
    pub(super) fn is_last(&self) -> Result<bool, StoreError> {
        Ok(numbers(&self.study)?.get(&self.lease.run) == Some(&self.number))
    }

    /// Says that the process lives; false where the run is no longer its own.
    pub(super) fn renew(&mut self) -> bool {
        self.lease.renewed = now();
        self.lease.renewals += 1;
        // A renewal that fails is as good as none: the lease expires, and the next one may succeed.
        let _ = self.write();
        let mine = path(&self.study, &self.lease.run, self.number);
        let next = path(&self.study, &self.lease.run, self.number + 1);
        mine.exists() && !next.exists()
    }

    /// Gives the run back.
    pub(super) fn release(&mut self) {
        self.lease.released = true;
        let _ = self.write();
    }

    fn write(&mut self) -> Result<(), StoreError> {
        let bytes = self.lease.bytes()?;
        let path = path(&self.study, &self.lease.run, self.number);
        self.file
            .seek(SeekFrom::Start(0))
            .and_then(|_| self.file.write_all(&bytes))
            .and_then(|()| self.file.sync_data())
            .map_err(StoreError::io("write", &path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_keeps_its_size_and_the_last_number_counts() {
        let study = tempfile::tempdir().unwrap();
        let study = study.path();
        for folder in ["locks", "leases"] {
            fs::create_dir(study.join(folder)).unwrap();
        }
        let process = Process::enter(study).unwrap();
        let run = RunId::new("x".repeat(120)).unwrap();
        let times = LeaseTimes::default();
        let take = |number| Held::take(study, &process, &times, &run, number).unwrap();
        let mut first = take(1).unwrap();
        assert!(take(1).is_none());
        assert!(first.renew() && first.is_last().unwrap());
        let size = |number| fs::metadata(path(study, &run, number)).unwrap().len();
        assert_eq!(size(1), BYTES as u64);
        let second = take(2).unwrap();
        assert!(!first.renew() && !first.is_last().unwrap() && second.is_last().unwrap());
        first.release();
        assert_eq!(size(1), BYTES as u64);
        assert!(read(study, &run, 1).unwrap().released);
        assert_eq!(numbers(study).unwrap()[&run], 2);
        forget(study, &run);
        assert!(numbers(study).unwrap().is_empty());
    }

    #[test]
    fn a_lease_of_another_host_is_lost_only_when_it_stood_still() {
        let study = tempfile::tempdir().unwrap();
        let study = study.path();
        for folder in ["locks", "leases"] {
            fs::create_dir(study.join(folder)).unwrap();
        }
        let process = Process::enter(study).unwrap();
        let run = RunId::new("r").unwrap();
        let times = LeaseTimes {
            // Long beside what a loaded machine makes of a short sleep.
            lease: Duration::from_secs(2),
            renew: Duration::from_millis(50),
        };
        let watch = Watch::default();
        let mut lease = Lease::new(&run, &process, &times);
        lease.host.name.push_str("-other");
        lease.token.push_str("-other");
        // A clock a day behind: expired by the time in it, but alive as long as it changes.
        for renewals in 0..8 {
            lease.renewed = now() - 86_400.0;
            lease.renewals = renewals;
            fs::write(path(study, &run, 1), lease.bytes().unwrap()).unwrap();
            let standing = watch.standing(study, &process, &times, (&run, 1), false);
            assert_eq!(standing, Standing::Held);
            std::thread::sleep(times.renew);
        }
        std::thread::sleep(3 * times.renew);
        let standing = watch.standing(study, &process, &times, (&run, 1), false);
        assert!(matches!(standing, Standing::Lost(..)), "{standing:?}");
        // A clock a day ahead, and a file that cannot be understood: the whole lease has to pass.
        lease.renewed = now() + 86_400.0;
        for (number, bytes) in [(2, lease.bytes().unwrap()), (3, b"{".to_vec())] {
            fs::write(path(study, &run, number), bytes).unwrap();
            let standing = || watch.standing(study, &process, &times, (&run, number), false);
            assert_eq!(standing(), Standing::Held);
            std::thread::sleep(3 * times.renew);
            assert_eq!(standing(), Standing::Held);
            std::thread::sleep(times.lease);
            assert!(matches!(standing(), Standing::Lost(..)));
        }
    }
}
