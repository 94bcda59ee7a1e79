//! Where the lines of an external meter come from: a file that grows, or the output of a command.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use crate::energy::sensor::Unavailable;

/// More bytes than a meter writes in the seconds before it is opened; older ones are skipped.
const KEPT: u64 = 1 << 20;
/// A command has this long to print its first line, or to fail, before its sensor is opened.
const FIRST_LINE: Duration = Duration::from_secs(3);
/// A command has this long to end after SIGTERM.
const TERMINATION: Duration = Duration::from_millis(500);
const PAUSE: Duration = Duration::from_millis(10);

pub(super) trait Feed: Send {
    /// Appends the bytes that arrived since the last call.
    ///
    /// # Errors
    /// Why no more will arrive. The bytes that arrived before are appended all the same.
    fn read(&mut self, into: &mut Vec<u8>) -> Result<(), Unavailable>;
}

/// A file that is read as it grows.
pub(super) struct Tail {
    path: PathBuf,
    file: File,
    at: u64,
    /// Whether the next bytes may belong to a line whose start was skipped.
    partial: bool,
}

impl Tail {
    pub(super) fn open(path: &Path) -> Result<Self, Unavailable> {
        let cannot = |why: std::io::Error| {
            Unavailable::new(format!("the file {} cannot be read: {why}", path.display()))
                .with_fix("start the meter that writes it, and check its path")
        };
        let file = File::open(path).map_err(cannot)?;
        let metadata = file.metadata().map_err(cannot)?;
        if !metadata.is_file() {
            return Err(
                Unavailable::new(format!("{} is not a regular file", path.display()))
                    .with_fix(format!("--meter 'cmd:cat {}'", path.display())),
            );
        }
        let at = metadata.len().saturating_sub(KEPT);
        Ok(Self {
            path: path.to_owned(),
            file,
            at,
            partial: at > 0,
        })
    }

    fn append(&mut self, into: &mut Vec<u8>) -> std::io::Result<()> {
        if self.file.metadata()?.len() < self.at {
            return Err(std::io::Error::other("it was truncated"));
        }
        let start = into.len();
        self.file.seek(SeekFrom::Start(self.at))?;
        self.at += self.file.read_to_end(into)? as u64;
        if self.partial {
            let end = into[start..].iter().position(|&byte| byte == b'\n');
            into.drain(start..end.map_or(into.len(), |end| start + end + 1));
            self.partial = end.is_none();
        }
        Ok(())
    }
}

impl Feed for Tail {
    fn read(&mut self, into: &mut Vec<u8>) -> Result<(), Unavailable> {
        self.append(into).map_err(|why| {
            Unavailable::new(format!(
                "the file {} can no longer be read: {why}",
                self.path.display()
            ))
        })
    }
}

/// A command that prints lines until this is dropped.
pub(super) struct Child {
    process: std::process::Child,
    stdout: Pipe,
    stderr: Pipe,
}

impl Child {
    pub(super) fn start(command: &str) -> Result<Self, Unavailable> {
        let cannot =
            |why: std::io::Error| Unavailable::new(format!("the command cannot be started: {why}"));
        let mut process = shell(command)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(cannot)?;
        let (stdout, stderr) = (process.stdout.take(), process.stderr.take());
        let mut child = Self {
            process,
            stdout: Pipe::default(),
            stderr: Pipe::default(),
        };
        child.stdout = Pipe::start(stdout).map_err(cannot)?;
        child.stderr = Pipe::start(stderr).map_err(cannot)?;
        let began = Instant::now();
        while began.elapsed() < FIRST_LINE && !child.stdout.bytes().contains(&b'\n') {
            if let Some(status) = child.ended() {
                return Err(child.unavailable("ended before it printed a line", status));
            }
            sleep(PAUSE);
        }
        Ok(child)
    }

    /// How it ended, once its whole output was read.
    fn ended(&mut self) -> Option<ExitStatus> {
        let status = self.process.try_wait().ok()??;
        // A process that it started may keep the output open: the wait is limited.
        wait_until(|| self.stdout.is_finished() && self.stderr.is_finished());
        Some(status)
    }

    fn unavailable(&self, how: &str, status: ExitStatus) -> Unavailable {
        let stderr = String::from_utf8_lossy(&self.stderr.bytes()).into_owned();
        let last = match stderr.lines().rev().find(|line| !line.trim().is_empty()) {
            Some(last) => format!("; its last message: {}", last.trim()),
            None => String::new(),
        };
        Unavailable::new(format!("the command {how} ({status}){last}"))
    }

    /// Sends `signal` to the command and all processes that it started.
    #[cfg(unix)]
    fn signal(&self, signal: libc::c_int) {
        if let Ok(group) = i32::try_from(self.process.id()) {
            // SAFETY: a system call without pointers. The process leads a group of its own and has not been waited for,
            // so the id cannot belong to another process.
            unsafe { libc::kill(-group, signal) };
        }
    }
}

impl Feed for Child {
    fn read(&mut self, into: &mut Vec<u8>) -> Result<(), Unavailable> {
        let status = self.ended();
        into.append(&mut self.stdout.bytes());
        match status {
            Some(status) => Err(self.unavailable("ended during the measurement", status)),
            None => Ok(()),
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if matches!(self.process.try_wait(), Ok(Some(_))) {
            return;
        }
        #[cfg(unix)]
        self.signal(libc::SIGTERM);
        if wait_until(|| matches!(self.process.try_wait(), Ok(Some(_)))) {
            return;
        }
        #[cfg(unix)]
        self.signal(libc::SIGKILL);
        // Fails only where the process has just ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Waits for `done`, half a second at most; whether it happened.
fn wait_until(mut done: impl FnMut() -> bool) -> bool {
    let began = Instant::now();
    while began.elapsed() < TERMINATION {
        if done() {
            return true;
        }
        sleep(PAUSE);
    }
    false
}

#[cfg(unix)]
fn shell(command: &str) -> Command {
    use std::os::unix::process::CommandExt;

    let mut shell = Command::new("sh");
    // A process group of its own, so that the processes it starts end with it.
    shell.arg("-c").arg(command).process_group(0);
    shell
}

#[cfg(not(unix))]
fn shell(command: &str) -> Command {
    let mut shell = Command::new("cmd");
    shell.arg("/C").arg(command);
    shell
}

/// A pipe that a thread reads, keeping the newest bytes.
#[derive(Default)]
struct Pipe {
    bytes: Arc<Mutex<Vec<u8>>>,
    thread: Option<JoinHandle<()>>,
}

impl Pipe {
    fn start(pipe: Option<impl Read + Send + 'static>) -> std::io::Result<Self> {
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&bytes);
        let thread = std::thread::Builder::new()
            .name("wattgrad-external".into())
            .spawn(move || {
                if let Some(pipe) = pipe {
                    keep_newest(pipe, &kept);
                }
            })?;
        Ok(Self {
            bytes,
            thread: Some(thread),
        })
    }

    fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_finished(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }
}

/// Appends the bytes of `pipe` to `kept` until its end. Where more arrive than anyone polls, the older half is dropped.
fn keep_newest(mut pipe: impl Read, kept: &Mutex<Vec<u8>>) {
    let mut chunk = [0; 4096];
    loop {
        let read = match pipe.read(&mut chunk) {
            Ok(0) => return,
            Ok(read) => read,
            Err(why) if why.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(_) => return,
        };
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend_from_slice(&chunk[..read]);
        if kept.len() as u64 > KEPT {
            let from = kept.len() / 2;
            let line = kept[from..].iter().position(|&byte| byte == b'\n');
            kept.drain(..line.map_or(from, |end| from + end + 1));
        }
    }
}
