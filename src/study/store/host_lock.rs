//! A lock of the machine, whatever the folder and the user: measured runs of one machine never overlap.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::error::StoreError;
use super::lock;

const POLL: Duration = Duration::from_millis(100);

/// A lock of the machine, held until it is dropped or its process ends.
///
/// Its files are in the folder `WATTGRAD_LOCKS`, or in `/tmp`, which all users share (Windows: `%ProgramData%`), and stay
/// there. A container with its own `/tmp` does not see it.
#[derive(Debug)]
pub struct HostLock {
    _file: File,
}

impl HostLock {
    /// Waits for the lock `kind` (letters, digits and `-`). While another process holds it, `keep_waiting` is called every
    /// 100 ms with the id of that process, if known; the result is `None` once it returns false. The lock is fair: a
    /// process that takes it again and again lets waiting processes go first.
    ///
    /// # Errors
    /// [`StoreError::Io`] if its file can be neither opened nor created.
    pub fn wait(
        kind: &str,
        keep_waiting: impl FnMut(Option<u32>) -> bool,
    ) -> Result<Option<Self>, StoreError> {
        Self::wait_in(&shared_folder(), kind, keep_waiting)
    }

    /// The same with the files in `folder`.
    ///
    /// # Errors
    /// As for [`wait`](Self::wait).
    pub fn wait_in(
        folder: &Path,
        kind: &str,
        mut keep_waiting: impl FnMut(Option<u32>) -> bool,
    ) -> Result<Option<Self>, StoreError> {
        // The first waiting process holds `.next`, so the last holder of the lock cannot overtake it.
        let next = folder.join(format!("wattgrad-{kind}.next"));
        let lock = folder.join(format!("wattgrad-{kind}.lock"));
        let Some(_next) = poll(&next, &mut keep_waiting)? else {
            return Ok(None);
        };
        Ok(poll(&lock, &mut keep_waiting)?.map(|file| Self { _file: file }))
    }
}

fn poll(
    path: &Path,
    keep_waiting: &mut impl FnMut(Option<u32>) -> bool,
) -> Result<Option<File>, StoreError> {
    loop {
        let mut file = open(path).map_err(StoreError::io("open the lock", path))?;
        let locked = lock::try_lock(&file).map_err(StoreError::io("lock", path))?;
        // What cleans `/tmp` may have removed the file.
        if locked && lock::is_named(&file, path) {
            // Only a message to those who wait depends on it.
            let _ = write_holder(&mut file);
            return Ok(Some(file));
        }
        if !locked {
            if !keep_waiting(read_holder(&mut file)) {
                return Ok(None);
            }
            thread::sleep(POLL);
        }
    }
}

fn write_holder(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    writeln!(file, "{}", std::process::id())
}

fn read_holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

/// Opens the file of a lock. Linux forbids `O_CREAT` in `/tmp` on a file of another user, and such a file may be
/// read-only for this one.
fn open(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NOFOLLOW);
    loop {
        let opened = match options.open(path) {
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                options.write(false);
                options.open(path)
            }
            opened => opened,
        };
        match opened {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            opened => return opened,
        }
        match File::options().write(true).create_new(true).open(path) {
            Ok(file) => allow_everyone(&file),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
}

/// Lets other users write the holder, whatever the umask.
fn allow_everyone(file: &File) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let _ = file.set_permissions(std::fs::Permissions::from_mode(0o666));
    }
    #[cfg(not(unix))]
    let _ = file;
}

fn shared_folder() -> PathBuf {
    if let Some(folder) = std::env::var_os("WATTGRAD_LOCKS") {
        return PathBuf::from(folder);
    }
    if cfg!(unix) {
        return PathBuf::from("/tmp");
    }
    std::env::var_os("ProgramData").map_or_else(std::env::temp_dir, PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Instant;

    #[test]
    fn a_waiting_process_is_served_before_one_that_asks_again() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let first = HostLock::wait_in(folder, "k", |_| false).unwrap().unwrap();
        let (waits, asked) = (AtomicBool::new(false), AtomicBool::new(false));
        let until = |flag: &AtomicBool| {
            let began = Instant::now();
            while !flag.load(Ordering::SeqCst) {
                assert!(began.elapsed() < Duration::from_secs(10));
                thread::sleep(Duration::from_millis(1));
            }
        };
        thread::scope(|scope| {
            let other = scope.spawn(|| {
                let lock = HostLock::wait_in(folder, "k", |holder| {
                    assert_eq!(holder, Some(std::process::id()));
                    waits.store(true, Ordering::SeqCst);
                    true
                });
                let lock = lock.unwrap().unwrap();
                let taken = Instant::now();
                until(&asked);
                drop(lock);
                taken
            });
            until(&waits);
            drop(first);
            assert!(HostLock::wait_in(folder, "k", |_| false).unwrap().is_none());
            asked.store(true, Ordering::SeqCst);
            let again = HostLock::wait_in(folder, "k", |_| true).unwrap().unwrap();
            let taken = Instant::now();
            assert!(other.join().unwrap() < taken);
            drop(again);
        });
        assert!(HostLock::wait_in(folder, "k", |_| false).unwrap().is_some());
    }
}
