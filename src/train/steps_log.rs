//! The steps log: one JSON object per line.

use std::fs::File;
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;

/// Longest time that a line stays in memory, so that the file can be followed.
const FLUSH_AFTER: Duration = Duration::from_millis(500);

/// Bytes after which lines are written.
const FLUSH_BYTES: usize = 64 * 1024;

#[derive(Serialize)]
struct Line {
    step: u64,
    samples: u64,
    /// serde writes null if it is not finite.
    loss: f32,
}

/// A file of lines `{"step":1,"samples":64,"loss":2.3}`. After the first failed write it keeps the error, truncates the
/// file to its last whole line and ignores further steps.
pub(super) struct StepsLog {
    file: File,
    lines: Vec<u8>,
    whole: u64,
    written: Instant,
    failed: Option<io::Error>,
}

impl StepsLog {
    pub(super) fn create(path: &Path) -> io::Result<Self> {
        Ok(Self::of(File::create(path)?, 0))
    }

    /// Continues a log, without what follows its first `bytes`; `None` if it has fewer.
    pub(super) fn resume(path: &Path, bytes: u64) -> io::Result<Option<Self>> {
        let mut file = File::options().write(true).open(path)?;
        if file.metadata()?.len() < bytes {
            return Ok(None);
        }
        file.set_len(bytes)?;
        file.seek(SeekFrom::End(0))?;
        Ok(Some(Self::of(file, bytes)))
    }

    fn of(file: File, whole: u64) -> Self {
        Self {
            file,
            lines: Vec::with_capacity(FLUSH_BYTES + 128),
            whole,
            written: Instant::now(),
            failed: None,
        }
    }

    /// Writes the lines so far to the disk and returns the size of the file; `None` after a failed write.
    pub(super) fn sync(&mut self) -> Option<u64> {
        self.flush();
        // Pipes have nothing to sync.
        let is_file = self.file.metadata().is_ok_and(|found| found.is_file());
        if is_file && self.failed.is_none() {
            self.failed = self.file.sync_data().err();
        }
        (is_file && self.failed.is_none()).then_some(self.whole)
    }

    /// Adds a step; `samples` includes those of the step, `loss` is the loss before its update.
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
        if self.lines.len() >= FLUSH_BYTES || self.written.elapsed() >= FLUSH_AFTER {
            self.flush();
        }
    }

    pub(super) fn flush(&mut self) {
        if self.failed.is_none() && !self.lines.is_empty() {
            match self.file.write_all(&self.lines) {
                Ok(()) => self.whole += self.lines.len() as u64,
                Err(error) => {
                    // Fails for a file without a length, such as a pipe, which needs no truncation.
                    let _ = self.file.set_len(self.whole);
                    self.failed = Some(error);
                }
            }
        }
        self.lines.clear();
        self.written = Instant::now();
    }

    /// Writes the remaining lines.
    ///
    /// # Errors
    /// The first error of any write.
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
    fn writes_a_line_per_step_and_null_for_values_that_are_not_finite() {
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
    fn reports_a_full_disk_at_the_end() {
        let mut log = StepsLog::create(Path::new("/dev/full")).unwrap();
        log.push(1, 64, 1.0);
        log.flush();
        log.push(2, 128, 1.0);
        let error = log.finish().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}
