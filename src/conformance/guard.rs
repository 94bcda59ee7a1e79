//! Work that a driver may never end, or not survive.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The file of the seconds that interrupted attempts took.
const LOST: &str = "lost-seconds.json";

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

/// The step that a process is at, for the one that watches it, which measures how long the process was at it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepBegun {
    /// Counts the announcements.
    pub number: u64,
    /// The step; `None` between steps.
    pub step: Option<String>,
}

/// Announces what begins, and refuses what an earlier process did not survive.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    folder: Option<PathBuf>,
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
            folder: Some(folder.to_owned()),
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
        let Some(folder) = &self.folder else {
            return Ok(run());
        };
        let file = folder.join("announced");
        let announced = Announced {
            number: self.next(),
            work: work.to_owned(),
            limited,
        };
        // Without it the work is not guarded.
        let _ = std::fs::write(&file, serde_json::to_vec(&announced).unwrap_or_default());
        let done = run();
        let _ = std::fs::write(&file, "");
        Ok(done)
    }

    fn next(&self) -> u64 {
        self.number.set(self.number.get() + 1);
        self.number.get()
    }

    /// Announces that a step begins, or that its seconds so far are kept: seconds before this call are not lost.
    pub fn begin_step(&self, step: &str) {
        self.announce_step(Some(step.to_owned()));
    }

    /// Announces that no step runs.
    pub fn end_step(&self) {
        self.announce_step(None);
    }

    fn announce_step(&self, step: Option<String>) {
        let Some(folder) = &self.folder else { return };
        let number = self.next();
        let text = serde_json::to_vec(&StepBegun { number, step }).unwrap_or_default();
        // Without it the seconds of an interrupted attempt are not counted.
        let _ = std::fs::write(folder.join("step"), text);
    }

    /// The seconds that earlier processes were at each step and did not keep.
    #[must_use]
    pub fn lost_seconds(&self) -> BTreeMap<String, f64> {
        let folder = self.folder.as_ref();
        let bytes = folder.and_then(|folder| std::fs::read(folder.join(LOST)).ok());
        bytes
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default()
    }

    /// The [lost seconds](Self::lost_seconds) are kept elsewhere now.
    pub fn lost_seconds_are_kept(&self) {
        if let Some(folder) = &self.folder {
            let _ = std::fs::remove_file(folder.join(LOST));
        }
    }
}

/// Adds the seconds that an interrupted attempt took to the [lost seconds](Guard::lost_seconds) in `folder`.
///
/// # Errors
/// The system's reason why the file cannot be written.
pub fn lose_seconds(folder: &Path, step: &str, seconds: f64) -> std::io::Result<()> {
    let mut lost = Guard::of(folder).lost_seconds();
    *lost.entry(step.to_owned()).or_default() += seconds;
    let text = serde_json::to_vec(&lost).unwrap_or_default();
    crate::files::write_whole(&folder.join(LOST), &text)
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

    #[test]
    fn seconds_of_interrupted_attempts_add_up_until_they_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let guard = Guard::of(folder.path());
        assert!(guard.lost_seconds().is_empty());
        for (step, seconds) in [("training", 1.5), ("roofline", 4.0), ("training", 2.0)] {
            lose_seconds(folder.path(), step, seconds).unwrap();
        }
        let expected = [("roofline".to_owned(), 4.0), ("training".to_owned(), 3.5)];
        assert_eq!(guard.lost_seconds(), BTreeMap::from(expected));
        guard.lost_seconds_are_kept();
        assert!(guard.lost_seconds().is_empty());
        assert!(Guard::default().lost_seconds().is_empty());
    }
}
