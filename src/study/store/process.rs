//! One process at work on a folder: a file that it holds locked as long as it lives. The kernel lets go of the lock when
//! the process ends, however it ends, so that others on this host know at once.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use fs4::{FileExt, TryLockError};

use super::error::StoreError;
use super::host::Host;
use super::{files, now};

/// Files that processes hold locked.
pub(super) const LOCKS: &str = "locks";
/// A half-written file of another host's process is its own until then.
const FORGOTTEN: Duration = Duration::from_secs(24 * 3600);

static COUNT: AtomicU64 = AtomicU64::new(0);

/// This process, or one of several in it that opened the folder.
pub(super) struct Process {
    pub(super) host: Host,
    pub(super) pid: u32,
    /// Its name in the folder, unlike that of any other process of any host.
    pub(super) token: String,
    lock: PathBuf,
    /// Locked while this lives.
    _held: File,
}

impl Process {
    /// Enters the study's folder.
    pub(super) fn enter(study: &Path) -> Result<Self, StoreError> {
        let host = Host::here();
        let pid = std::process::id();
        loop {
            let count = COUNT.fetch_add(1, Ordering::Relaxed);
            let token = format!("{}.{pid}.{:x}.{count}", host.key(), (now() * 1e6) as u64);
            let lock = study.join(LOCKS).join(&token);
            // It is locked before it has its name: who sees a lock that is free sees that of a dead process.
            let beside = study.join(LOCKS).join(format!(".{token}.0.tmp"));
            let held = match File::options().write(true).create_new(true).open(&beside) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
                opened => opened.map_err(StoreError::io("write", &lock))?,
            };
            let placed = FileExt::lock(&held)
                .map_err(StoreError::io("lock", &lock))
                .and_then(|()| files::link(&beside, &lock));
            let _ = fs::remove_file(&beside);
            // A clock that was set back can name a dead process of the same id once more.
            if placed? {
                return Ok(Self {
                    host,
                    pid,
                    token,
                    lock,
                    _held: held,
                });
            }
        }
    }

    /// A name in `folder` for a file that is being written.
    pub(super) fn beside(&self, folder: &Path) -> PathBuf {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        folder.join(format!(".{}.{count}.tmp", self.token))
    }

    /// Removes what dead processes left half-written in `folders`, and their locks.
    pub(super) fn clean(&self, study: &Path, folders: &[PathBuf]) {
        let ours = format!("{}.", self.host.key());
        for folder in folders {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let name = entry.file_name().to_string_lossy().into_owned();
                let Some(token) = writer(&name) else { continue };
                let left = if token.starts_with(&ours) {
                    !alive(study, token)
                } else {
                    forgotten(&entry)
                };
                if left {
                    let _ = fs::remove_file(entry.path());
                }
            }
        }
        for entry in fs::read_dir(study.join(LOCKS))
            .into_iter()
            .flatten()
            .flatten()
        {
            let name = entry.file_name().to_string_lossy().into_owned();
            let left = if name.starts_with(&ours) {
                !alive(study, &name)
            } else {
                name.starts_with('.') && forgotten(&entry)
            };
            if left {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.lock);
    }
}

/// Whether the process `token` of this host lives: whether its lock is held. What cannot be found out counts as life.
pub(super) fn alive(study: &Path, token: &str) -> bool {
    match File::open(study.join(LOCKS).join(token)) {
        Ok(file) => !matches!(FileExt::try_lock_shared(&file), Ok(())),
        Err(error) => error.kind() != ErrorKind::NotFound,
    }
}

/// Takes the lock of a file if nobody has it.
pub(super) fn try_lock(file: &File) -> std::io::Result<bool> {
    match FileExt::try_lock(file) {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// The process that writes the file `.TOKEN.NUMBER.tmp`.
fn writer(name: &str) -> Option<&str> {
    let name = name.strip_prefix('.')?.strip_suffix(".tmp")?;
    Some(name.rsplit_once('.')?.0)
}

fn forgotten(entry: &fs::DirEntry) -> bool {
    let age = |modified| SystemTime::now().duration_since(modified).ok();
    entry
        .metadata()
        .and_then(|found| found.modified())
        .is_ok_and(|modified| age(modified).is_some_and(|age| age > FORGOTTEN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_alive_until_it_leaves_and_its_leftovers_go_with_it() {
        let study = tempfile::tempdir().unwrap();
        let study = study.path();
        fs::create_dir(study.join(LOCKS)).unwrap();
        let first = Process::enter(study).unwrap();
        let second = Process::enter(study).unwrap();
        assert!(alive(study, &first.token) && alive(study, &second.token));
        let left = first.beside(study);
        fs::write(&left, "half").unwrap();
        second.clean(study, &[study.to_owned()]);
        assert!(left.exists());
        let token = first.token.clone();
        drop(first);
        assert!(!alive(study, &token));
        second.clean(study, &[study.to_owned()]);
        assert!(!left.exists());
        let foreign = study.join(".elsewhere.0.1.2.3.tmp");
        fs::write(&foreign, "half").unwrap();
        second.clean(study, &[study.to_owned()]);
        assert!(foreign.exists());
    }
}
