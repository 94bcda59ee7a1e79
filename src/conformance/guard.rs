//! Work that a driver may never end, or not survive.

use std::cell::Cell;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// What a process is doing, for the one that watches it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announced {
    /// Counts the announcements.
    pub number: u64,
    /// What is done: the same words each time.
    pub work: String,
    /// Whether it may take no longer than a limit.
    pub limited: bool,
}

/// Work that an earlier process did not survive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// [`Announced::work`].
    pub work: String,
    /// What happened.
    pub why: String,
}

/// Announces what begins, and refuses what an earlier process did not survive.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    file: Option<PathBuf>,
    left_out: Vec<LeftOut>,
    number: Cell<u64>,
}

impl Guard {
    /// Announces in the file `announced` of `folder`, and refuses what its file `left-out.json` names.
    #[must_use]
    pub fn of(folder: &Path) -> Self {
        let left_out = std::fs::read(folder.join("left-out.json"));
        let left_out = left_out.map(|bytes| serde_json::from_slice(&bytes).unwrap_or_default());
        Self {
            file: Some(folder.join("announced")),
            left_out: left_out.unwrap_or_default(),
            number: Cell::new(0),
        }
    }

    /// Does `work`, which may take no longer than the limit of the process that watches.
    ///
    /// # Errors
    /// Why it is left out.
    pub fn limited<T>(&self, work: &str, run: impl FnOnce() -> T) -> Result<T, String> {
        self.attempt(work, true, run)
    }

    /// Does `work`, however long it takes.
    ///
    /// # Errors
    /// Why it is left out.
    pub fn unlimited<T>(&self, work: &str, run: impl FnOnce() -> T) -> Result<T, String> {
        self.attempt(work, false, run)
    }

    fn attempt<T>(&self, work: &str, limited: bool, run: impl FnOnce() -> T) -> Result<T, String> {
        if let Some(left_out) = self.left_out.iter().find(|left| left.work == work) {
            return Err(left_out.why.clone());
        }
        let Some(file) = &self.file else {
            return Ok(run());
        };
        self.number.set(self.number.get() + 1);
        let announced = Announced {
            number: self.number.get(),
            work: work.to_owned(),
            limited,
        };
        // Without it the work is not guarded.
        let _ = std::fs::write(file, serde_json::to_vec(&announced).unwrap_or_default());
        let done = run();
        let _ = std::fs::write(file, "");
        Ok(done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_announced_while_it_runs_and_refused_where_it_was_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("announced");
        let guard = Guard::of(folder.path());
        let seen = guard.limited("compile a", || std::fs::read(&file).unwrap());
        let seen: Announced = serde_json::from_slice(&seen.unwrap()).unwrap();
        assert_eq!(seen.work, "compile a");
        assert!(seen.limited && std::fs::read(&file).unwrap().is_empty());

        let left_out = [LeftOut {
            work: "compile a".into(),
            why: "it did not end".into(),
        }];
        let text = serde_json::to_vec(&left_out).unwrap();
        std::fs::write(folder.path().join("left-out.json"), text).unwrap();
        let guard = Guard::of(folder.path());
        let refused = guard.limited("compile a", || unreachable!());
        assert_eq!(refused, Err::<(), _>("it did not end".into()));
        assert_eq!(guard.unlimited("compile b", || 1), Ok(1));
    }
}
