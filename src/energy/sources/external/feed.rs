//! Where an outside meter's lines come from: a file that grows, or a command's output.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use crate::energy::sensor::Unavailable;

/// More than a meter writes in the seconds before a window; what is older is passed over.
const KEPT: usize = 1 << 20;
/// A command has so long to print its first line, or to fail, before its row is opened.
const FIRST_LINE: Duration = Duration::from_secs(3);
/// And so long to end by itself when it is told to.
const FAREWELL: Duration = Duration::from_millis(500);
const LOOK: Duration = Duration::from_millis(10);

/// Bytes as they come.
pub(super) trait Feed: Send {
    /// Appends what is new.
    ///
    /// # Errors
    /// Why no more will come. What had come until then is appended all the same.
    fn read(&mut self, into: &mut Vec<u8>) -> Result<(), Unavailable>;
}

/// A file, read as it grows.
pub(super) struct Tail {
    path: PathBuf,
    file: File,
    at: u64,
}

impl Tail {
    pub(super) fn open(path: &Path) -> Result<Self, Unavailable> {
        let cannot = |why: std::io::Error| {
            Unavailable::new(format!("the file {} cannot be read: {why}", path.display()))
                .with_fix("start the meter that writes it, and check its path")
        };
        let file = File::open(path).map_err(cannot)?;
        if !file.metadata().map_err(cannot)?.is_file() {
            return Err(
                Unavailable::new(format!("{} is no file that grows", path.display()))
                    .with_fix(format!("--meter 'cmd:cat {}'", path.display())),
            );
        }
        let mut tail = Self {
            path: path.to_owned(),
            file,
            at: 0,
        };
        tail.skip_to_newest()?;
        Ok(tail)
    }

    fn broken(&self, why: &std::io::Error) -> Unavailable {
        Unavailable::new(format!(
            "the file {} cannot be read any more: {why}",
            self.path.display()
        ))
    }

    /// Passes over all but the newest of what has not been read yet, up to the start of a line.
    fn skip_to_newest(&mut self) -> Result<(), Unavailable> {
        let end = self.file.metadata().map_err(|why| self.broken(&why))?.len();
        let from = end.saturating_sub(KEPT as u64);
        if from <= self.at {
            return Ok(());
        }
        let mut bytes = Vec::new();
        self.file
            .seek(SeekFrom::Start(from))
            .and_then(|_| (&self.file).take(KEPT as u64).read_to_end(&mut bytes))
            .map_err(|why| self.broken(&why))?;
        let line = bytes.iter().position(|&byte| byte == b'\n');
        self.at = from + line.map_or(bytes.len(), |end| end + 1) as u64;
        Ok(())
    }
}

impl Feed for Tail {
    fn read(&mut self, into: &mut Vec<u8>) -> Result<(), Unavailable> {
        let end = self.file.metadata().map_err(|why| self.broken(&why))?.len();
        if end < self.at {
            return Err(Unavailable::new(format!(
                "the file {} was cut short while it was read",
                self.path.display()
            )));
        }
        // A line begun before and passed over would be joined to another: only whole ones are skipped.
        if into.is_empty() {
            self.skip_to_newest()?;
        }
        self.file
            .seek(SeekFrom::Start(self.at))
            .and_then(|_| self.file.read_to_end(into))
            .map(|read| self.at += read as u64)
            .map_err(|why| self.broken(&why))
    }
}

/// A command that prints lines for as long as this lives.
pub(super) struct Child {
    command: String,
    process: std::process::Child,
    output: Arc<Mutex<Output>>,
    readers: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Output {
    lines: Vec<u8>,
    complaints: Vec<u8>,
}

impl Child {
    pub(super) fn start(command: &str) -> Result<Self, Unavailable> {
        let cannot = |why: std::io::Error| {
            Unavailable::new(format!("the command `{command}` cannot be started: {why}"))
        };
        let mut process = shell(command)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(cannot)?;
        let output = Arc::new(Mutex::new(Output::default()));
        let readers = [
            process
                .stdout
                .take()
                .map(|pipe| reader(pipe, &output, |output| &mut output.lines)),
            process
                .stderr
                .take()
                .map(|pipe| reader(pipe, &output, |output| &mut output.complaints)),
        ];
        let mut child = Self {
            command: command.to_owned(),
            process,
            output,
            readers: Vec::new(),
        };
        for reader in readers.into_iter().flatten() {
            child.readers.push(reader.map_err(cannot)?);
        }
        child.await_first_line()?;
        Ok(child)
    }

    fn await_first_line(&mut self) -> Result<(), Unavailable> {
        let began = Instant::now();
        while began.elapsed() < FIRST_LINE {
            if lock(&self.output).lines.contains(&b'\n') {
                return Ok(());
            }
            if let Some(status) = self.ended() {
                return Err(self.refusal("ended before it gave a line", status));
            }
            sleep(LOOK);
        }
        Ok(())
    }

    /// How it ended, once all it printed was read.
    fn ended(&mut self) -> Option<ExitStatus> {
        let status = self.process.try_wait().ok()??;
        let began = Instant::now();
        // Something it started may hold its output open; it is not waited for.
        while !self.readers.iter().all(JoinHandle::is_finished) && began.elapsed() < FAREWELL {
            sleep(LOOK);
        }
        Some(status)
    }

    fn refusal(&self, how: &str, status: ExitStatus) -> Unavailable {
        let said = lock(&self.output);
        let said = String::from_utf8_lossy(&said.complaints);
        let last = match said.lines().rev().find(|line| !line.trim().is_empty()) {
            Some(last) => format!("; it last said: {}", last.trim()),
            None => String::new(),
        };
        Unavailable::new(format!(
            "the command `{}` {how} ({status}){last}",
            self.command
        ))
    }

    fn tell_to_end(&mut self) {
        #[cfg(unix)]
        if let Ok(group) = i32::try_from(self.process.id()) {
            // SAFETY: a plain system call without pointers. The process was made the leader of a group of its own and
            // has not been waited for, so the number is its and no other's.
            unsafe { libc::kill(-group, libc::SIGTERM) };
        }
    }

    fn kill(&mut self) {
        #[cfg(unix)]
        if let Ok(group) = i32::try_from(self.process.id()) {
            // SAFETY: as above.
            unsafe { libc::kill(-group, libc::SIGKILL) };
        }
        // Without groups the one process is all that can be ended; one that ended by itself is no failure.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Feed for Child {
    fn read(&mut self, into: &mut Vec<u8>) -> Result<(), Unavailable> {
        let status = self.ended();
        into.append(&mut lock(&self.output).lines);
        match status {
            Some(status) => Err(self.refusal("ended midway", status)),
            None => Ok(()),
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if matches!(self.process.try_wait(), Ok(Some(_))) {
            return;
        }
        self.tell_to_end();
        let began = Instant::now();
        while began.elapsed() < FAREWELL {
            if matches!(self.process.try_wait(), Ok(Some(_))) {
                return;
            }
            sleep(LOOK);
        }
        self.kill();
    }
}

#[cfg(unix)]
fn shell(command: &str) -> Command {
    use std::os::unix::process::CommandExt;

    let mut shell = Command::new("sh");
    // A group of its own, so that all that it starts ends with it.
    shell.arg("-c").arg(command).process_group(0);
    shell
}

#[cfg(not(unix))]
fn shell(command: &str) -> Command {
    let mut shell = Command::new("cmd");
    shell.arg("/C").arg(command);
    shell
}

fn lock(output: &Mutex<Output>) -> MutexGuard<'_, Output> {
    output.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A thread that keeps the newest of what a pipe gives.
fn reader(
    mut pipe: impl Read + Send + 'static,
    output: &Arc<Mutex<Output>>,
    which: fn(&mut Output) -> &mut Vec<u8>,
) -> std::io::Result<JoinHandle<()>> {
    let output = Arc::clone(output);
    std::thread::Builder::new()
        .name("wattgrad-outside".into())
        .spawn(move || {
            let mut bytes = [0; 4096];
            loop {
                match pipe.read(&mut bytes) {
                    Ok(0) => return,
                    Ok(read) => {
                        let mut output = lock(&output);
                        let kept = which(&mut output);
                        kept.extend_from_slice(&bytes[..read]);
                        trim(kept);
                    }
                    Err(why) if why.kind() == std::io::ErrorKind::Interrupted => {}
                    Err(_) => return,
                }
            }
        })
}

/// Forgets the older half, in whole lines, of more than was ever asked for.
fn trim(kept: &mut Vec<u8>) {
    if kept.len() <= KEPT {
        return;
    }
    let from = kept.len() / 2;
    let line = kept[from..].iter().position(|&byte| byte == b'\n');
    kept.drain(..line.map_or(from, |end| from + end + 1));
}
