//! The log of steps: one JSON object a line.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;

/// How long a line may stay in memory, so that whoever follows the file sees it grow.
const PATIENCE: Duration = Duration::from_millis(500);

/// Lines are handed over in pieces of about this many bytes.
const PIECE: usize = 64 * 1024;

#[derive(Serialize)]
struct Line {
    step: u64,
    samples: u64,
    /// serde writes what is not finite as null.
    loss: f32,
}

/// A file of lines `{"step":1,"samples":64,"loss":2.3}`. After the first write that fails it keeps the error, cuts the
/// file back to its last whole line, and takes no more.
pub(super) struct StepsLog {
    file: File,
    lines: Vec<u8>,
    whole: u64,
    written: Instant,
    failed: Option<io::Error>,
}

impl StepsLog {
    /// Starts an empty file.
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        Ok(Self {
            file: File::create(path)?,
            lines: Vec::with_capacity(PIECE + 128),
            whole: 0,
            written: Instant::now(),
            failed: None,
        })
    }

    /// Adds a step. `samples` counts those seen up to and with it, `loss` is that before its update.
    pub(super) fn push(&mut self, step: u64, samples: u64, loss: f32) {
        if self.failed.is_some() {
            return;
        }
        let line = Line {
            step,
            samples,
            loss,
        };
        if let Err(error) = serde_json::to_writer(&mut self.lines, &line) {
            self.failed = Some(error.into());
            return;
        }
        self.lines.push(b'\n');
        if self.lines.len() >= PIECE || self.written.elapsed() >= PATIENCE {
            self.flush();
        }
    }

    /// Hands over what is in memory.
    pub(super) fn flush(&mut self) {
        if self.failed.is_none() && !self.lines.is_empty() {
            match self.file.write_all(&self.lines) {
                Ok(()) => self.whole += self.lines.len() as u64,
                Err(error) => {
                    // Fails where the file is none that has a length, which then holds nothing half-written either.
                    let _ = self.file.set_len(self.whole);
                    self.failed = Some(error);
                }
            }
        }
        self.lines.clear();
        self.written = Instant::now();
    }

    /// Hands over the rest.
    ///
    /// # Errors
    /// The first error that any write met.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.flush();
        match self.failed {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_a_step_and_null_for_what_is_not_finite() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("steps.jsonl");
        let mut log = StepsLog::create(&path).unwrap();
        log.push(1, 64, 2.25);
        log.push(2, 128, f32::NAN);
        log.push(3, 192, f32::INFINITY);
        log.finish().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(
            text,
            "{\"step\":1,\"samples\":64,\"loss\":2.25}\n\
             {\"step\":2,\"samples\":128,\"loss\":null}\n\
             {\"step\":3,\"samples\":192,\"loss\":null}\n"
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_told_at_the_end() {
        let mut log = StepsLog::create(Path::new("/dev/full")).unwrap();
        log.push(1, 64, 1.0);
        log.flush();
        log.push(2, 128, 1.0);
        let error = log.finish().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}
