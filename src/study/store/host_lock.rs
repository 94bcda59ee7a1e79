//! A lock of the host, whatever the folder and whoever the user: what is measured on one host never overlaps.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::error::StoreError;
use super::process;

const POLL: Duration = Duration::from_millis(100);

/// A lock of the host, held until it is dropped or its process ends, however it ends.
///
/// Its files lie in `/tmp`, which all users of a host share (Windows: `%ProgramData%`), and stay there. Containers with a
/// `/tmp` of their own are hosts of their own to it.
#[derive(Debug)]
pub struct HostLock {
    _held: File,
}

/// What came of asking for a lock once.
#[derive(Debug)]
pub enum Attempt {
    /// It is held.
    Held(HostLock),
    /// Another process has it, with this id where it could be read. Ids of other containers mean nothing here.
    Busy(Option<u32>),
}

impl HostLock {
    /// Takes the lock `kind` (letters, digits and `-`) if it is free.
    ///
    /// # Errors
    /// [`StoreError::Io`] where its file can be neither opened nor created.
    pub fn attempt(kind: &str) -> Result<Attempt, StoreError> {
        Self::attempt_in(&shared_folder(), kind)
    }

    /// The same in a folder other than the host's.
    ///
    /// # Errors
    /// As for [`attempt`](Self::attempt).
    pub fn attempt_in(folder: &Path, kind: &str) -> Result<Attempt, StoreError> {
        let mut busy = None;
        let lock = Self::wait_in(folder, kind, |holder| {
            busy = holder;
            false
        })?;
        Ok(lock.map_or(Attempt::Busy(busy), Attempt::Held))
    }

    /// Waits for the lock `kind`. While another process has it, `go_on` is asked every 100 ms with the id of that process
    /// where it could be read; nothing is returned once it says no. Who waits comes before who asks later: a process
    /// that takes the lock again and again keeps nobody from it.
    ///
    /// # Errors
    /// As for [`attempt`](Self::attempt).
    pub fn wait(
        kind: &str,
        go_on: impl FnMut(Option<u32>) -> bool,
    ) -> Result<Option<Self>, StoreError> {
        Self::wait_in(&shared_folder(), kind, go_on)
    }

    /// The same in a folder other than the host's.
    ///
    /// # Errors
    /// As for [`attempt`](Self::attempt).
    pub fn wait_in(
        folder: &Path,
        kind: &str,
        mut go_on: impl FnMut(Option<u32>) -> bool,
    ) -> Result<Option<Self>, StoreError> {
        // Being the next one is a lock too, which the last holder cannot have while another waits.
        let next = folder.join(format!("wattgrad-{kind}.next"));
        let lock = folder.join(format!("wattgrad-{kind}.lock"));
        let Some(_next) = poll(&next, &mut go_on)? else {
            return Ok(None);
        };
        Ok(poll(&lock, &mut go_on)?.map(|held| Self { _held: held }))
    }
}

fn poll(
    path: &Path,
    go_on: &mut impl FnMut(Option<u32>) -> bool,
) -> Result<Option<File>, StoreError> {
    loop {
        let mut file = open(path).map_err(StoreError::io("open the lock", path))?;
        let locked = process::try_lock(&file).map_err(StoreError::io("lock", path))?;
        if locked && still_there(&file, path) {
            // For the eyes of those who wait; without it they wait as well.
            let _ = write_holder(&mut file);
            return Ok(Some(file));
        }
        if !locked {
            if !go_on(read_holder(&mut file)) {
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

/// Opens the file of a lock. One that is there is not created anew, which Linux forbids in `/tmp` where another user owns
/// it, and is opened for reading where writing is forbidden.
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
            Ok(file) => for_everyone(&file),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
}

/// Lets other users write who holds the lock, whatever the mask of this one.
fn for_everyone(file: &File) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let _ = file.set_permissions(std::fs::Permissions::from_mode(0o666));
    }
    #[cfg(not(unix))]
    let _ = file;
}

/// Whether the file is the one of that name: what cleans `/tmp` may have removed it, and others lock a new one.
#[cfg(unix)]
fn still_there(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(held), Ok(named)) => (held.dev(), held.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
fn still_there(_: &File, path: &Path) -> bool {
    path.exists()
}

fn shared_folder() -> PathBuf {
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
    fn who_waits_comes_before_who_asks_again() {
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
            assert!(matches!(
                HostLock::attempt_in(folder, "k").unwrap(),
                Attempt::Busy(_)
            ));
            asked.store(true, Ordering::SeqCst);
            let again = HostLock::wait_in(folder, "k", |_| true).unwrap().unwrap();
            let taken = Instant::now();
            assert!(other.join().unwrap() < taken);
            drop(again);
        });
        assert!(matches!(
            HostLock::attempt_in(folder, "k").unwrap(),
            Attempt::Held(_)
        ));
    }
}
