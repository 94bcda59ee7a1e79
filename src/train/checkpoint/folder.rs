use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use fs4::{FileExt, TryLockError};

use super::{Checkpoint, CheckpointError, Checkpoints};
use crate::files::write_whole;

/// Checkpoints that are kept.
const KEPT: usize = 2;
const LOCK: &str = ".lock";
const PREFIX: &str = "step-";
const SUFFIX: &str = ".safetensors";

/// A folder of checkpoints `step-000000000500.safetensors`, locked for this process.
#[derive(Debug)]
pub struct CheckpointFolder {
    path: PathBuf,
    /// The kernel releases it when the process ends, however it ends.
    _lock: File,
}

impl CheckpointFolder {
    /// Opens and locks the folder; creates it if missing.
    ///
    /// # Errors
    /// [`CheckpointError::Folder`], [`CheckpointError::InUse`] and, unless the run resumes, [`CheckpointError::Occupied`].
    pub fn open(checkpoints: &Checkpoints) -> Result<Self, CheckpointError> {
        let folder = || checkpoints.folder.clone();
        let failed = |source| CheckpointError::Folder {
            folder: folder(),
            source,
        };
        fs::create_dir_all(&checkpoints.folder).map_err(failed)?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(checkpoints.folder.join(LOCK))
            .map_err(failed)?;
        match FileExt::try_lock(&lock) {
            Ok(()) => (),
            Err(TryLockError::WouldBlock) => {
                return Err(CheckpointError::InUse { folder: folder() });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let opened = Self {
            path: folder(),
            _lock: lock,
        };
        let newest = opened.steps().map_err(failed)?.first().copied();
        match newest {
            Some(step) if !checkpoints.resume => Err(CheckpointError::Occupied {
                folder: folder(),
                step,
            }),
            _ => Ok(opened),
        }
    }

    /// Writes the checkpoint of `step` whole or not at all, then removes all but the last two.
    pub fn write(&self, step: u64, bytes: &[u8]) -> io::Result<()> {
        write_whole(&self.file(step), bytes)?;
        // Without it the new name may be lost with the power; not every system can open a folder.
        let _ = File::open(&self.path).and_then(|folder| folder.sync_all());
        for old in self.steps()?.into_iter().skip(KEPT) {
            fs::remove_file(self.file(old))?;
        }
        Ok(())
    }

    /// The newest checkpoint that can be read, with notes on newer ones that cannot; `None` in an empty folder. Unfinished
    /// files of a process that was killed are removed.
    ///
    /// # Errors
    /// [`CheckpointError::Folder`], and [`CheckpointError::Damaged`] if none can be read.
    pub fn newest(&self) -> Result<Option<(PathBuf, Checkpoint, Vec<String>)>, CheckpointError> {
        let failed = |source| CheckpointError::Folder {
            folder: self.path.clone(),
            source,
        };
        self.remove_unfinished().map_err(failed)?;
        let mut notes = Vec::new();
        let mut first = None;
        for step in self.steps().map_err(failed)? {
            let path = self.file(step);
            let read = fs::read(&path).map_err(|error| error.to_string());
            match read.and_then(|bytes| Checkpoint::from_bytes(&bytes, &path)) {
                Ok(checkpoint) => return Ok(Some((path, checkpoint, notes))),
                Err(detail) => {
                    let name = path.file_name().unwrap_or_default();
                    notes.push(format!(
                        "the checkpoint {name:?} is damaged ({detail}): the run continues from the one before it"
                    ));
                    first.get_or_insert(format!("{name:?}: {detail}"));
                }
            }
        }
        match first {
            None => Ok(None),
            Some(detail) => Err(CheckpointError::Damaged {
                folder: self.path.clone(),
                detail,
            }),
        }
    }

    fn file(&self, step: u64) -> PathBuf {
        self.path.join(format!("{PREFIX}{step:012}{SUFFIX}"))
    }

    /// The steps of the checkpoints, the newest first.
    fn steps(&self) -> io::Result<Vec<u64>> {
        let mut steps = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let name = entry?.file_name();
            let digits = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
            let digits = digits.and_then(|name| name.strip_suffix(SUFFIX));
            steps.extend(digits.and_then(|digits| digits.parse::<u64>().ok()));
        }
        steps.sort_unstable_by(|a, b| b.cmp(a));
        Ok(steps)
    }

    fn remove_unfinished(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.path)? {
            let path = entry?.path();
            if is_unfinished(&path) {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }
}

/// Whether it is a temporary file of [`write_whole`] for a checkpoint.
fn is_unfinished(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| name.starts_with(&format!(".{PREFIX}")) && name.ends_with(".part"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_keeps_two_checkpoints_and_belongs_to_one_process() {
        let folder = tempfile::tempdir().unwrap();
        let mut checkpoints = Checkpoints::new(folder.path().join("new"));
        let opened = CheckpointFolder::open(&checkpoints).unwrap();
        for step in [5, 1_000_000_000_000, 10, 20] {
            opened.write(step, b"x").unwrap();
        }
        assert_eq!(opened.steps().unwrap(), [1_000_000_000_000, 20]);
        checkpoints.resume = true;
        let error = CheckpointFolder::open(&checkpoints).unwrap_err();
        assert!(matches!(error, CheckpointError::InUse { .. }), "{error}");
        drop(opened);
        let unfinished = checkpoints
            .folder
            .join(".step-000000000030.safetensors.7.part");
        fs::write(&unfinished, "x").unwrap();
        let opened = CheckpointFolder::open(&checkpoints).unwrap();
        let error = opened.newest().unwrap_err().to_string();
        assert!(error.contains("it is not a checkpoint"), "{error}");
        assert!(!unfinished.exists());
        drop(opened);
        checkpoints.resume = false;
        let error = CheckpointFolder::open(&checkpoints)
            .unwrap_err()
            .to_string();
        assert!(error.contains("--resume"), "{error}");
    }
}
