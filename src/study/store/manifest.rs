//! `study.json`: what a study is. It is written once, when the folder is created, and compared from then on.

use std::collections::HashSet;
use std::path::Path;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::SCHEMA;
use super::draft::Draft;
use super::error::StoreError;
use super::json::{self, Content, Versioned};
use super::run_id::RunId;
use crate::difference;

pub(super) const FILE: &str = "study.json";

/// What tells one study from another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    pub name: String,
    /// Everything that decides what its runs are. Files that differ in comments or the order of keys mean the same.
    pub meaning: Value,
    /// The study file.
    pub text: String,
    /// The planned runs in order.
    pub runs: Vec<RunId>,
}

/// The content of `study.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    pub schema: u32,
    /// When the folder was created, in seconds since 1970.
    pub created: f64,
    #[serde(flatten)]
    pub study: Identity,
}

impl Identity {
    /// Writes `study.json`, unless another process has.
    pub(super) fn write(&self, folder: &Path) -> Result<(), StoreError> {
        let path = folder.join(FILE);
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let manifest = Manifest {
            schema: SCHEMA,
            created: since.map_or(0.0, |since| since.as_secs_f64()),
            study: self.clone(),
        };
        let bytes = json::pretty(&manifest).map_err(|error| StoreError::Encode {
            what: FILE.to_owned(),
            detail: error.to_string(),
        })?;
        while !path.exists() {
            match Draft::begin(&path)? {
                Some(mut draft) => {
                    draft.write(&bytes)?;
                    draft.publish()?;
                }
                None => thread::sleep(Duration::from_millis(10)),
            }
        }
        Ok(())
    }

    /// Whether the folder is that of a search instead of the whole grid.
    pub fn is_search(&self) -> bool {
        self.meaning.get("search").is_some()
    }

    /// The first difference from `other`, with both values; `None` for the same study.
    pub fn difference(&self, other: &Self) -> Option<String> {
        // Both are usually from files; only a difference has to be put in words.
        if (&self.name, &self.meaning, &self.runs) == (&other.name, &other.meaning, &other.runs) {
            return None;
        }
        // Numbers as a file gives them back, so that only what differs there differs here.
        let compared = |study: &Self| {
            let all = json!({ "name": study.name, "meaning": study.meaning, "runs": study.runs });
            serde_json::from_str::<Value>(&all.to_string()).unwrap_or_default()
        };
        difference::first(&compared(self), &compared(other), "meaning")
    }

    /// Checks that every planned run has a file of its own, also on systems that take `A` for `a`.
    pub(super) fn check_distinct(&self) -> Result<(), StoreError> {
        let mut seen = HashSet::new();
        let twice = |run: &&RunId| !seen.insert(run.as_str().to_lowercase());
        match self.runs.iter().find(twice) {
            Some(run) => Err(StoreError::RunId {
                id: run.to_string(),
                detail: "it is planned twice, apart from upper and lower case",
            }),
            None => Ok(()),
        }
    }
}

impl Versioned for Manifest {
    fn is_known(&self) -> bool {
        self.schema == SCHEMA
    }
}

/// Reads the manifest of a folder.
pub(super) fn read(folder: &Path) -> Result<Manifest, StoreError> {
    let path = folder.join(FILE);
    let damaged = |detail: String| StoreError::Unreadable {
        path: path.clone(),
        detail,
        remedy: "restore it from a copy, or start the study in a new folder",
    };
    match json::read(&path) {
        Ok(Content::Valid(manifest)) => Ok(manifest),
        Ok(Content::Missing) if folder.exists() => Err(StoreError::NotAStudy {
            folder: folder.to_owned(),
        }),
        Ok(Content::Missing) => Err(StoreError::io("open", folder)(
            std::io::ErrorKind::NotFound.into(),
        )),
        Ok(Content::Damaged(detail)) | Err(StoreError::Unreadable { detail, .. }) => {
            Err(damaged(detail))
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_first_difference_with_both_values() {
        let study = |meaning: Value| Identity {
            name: "a".into(),
            meaning,
            text: String::new(),
            runs: vec![RunId::new("x").unwrap()],
        };
        let there = json!({"base": {"lr": 0.1}, "seeds": [1, 2]});
        let difference = |here: Value| study(there.clone()).difference(&study(here));
        assert_eq!(difference(there.clone()), None);
        for (here, expected) in [
            (
                json!({"seeds": [1, 2], "base": {"lr": 0.01}}),
                "base.lr is 0.1 there and 0.01 here",
            ),
            (
                json!({"base": {"lr": 0.1}, "seeds": [1, 3]}),
                "seeds[1] is 2 there and 3 here",
            ),
            (
                json!({"base": {"lr": 0.1}, "seeds": (0..50).collect::<Vec<_>>()}),
                "seeds is [1,2] there and a list of 50 here",
            ),
            (
                json!({"base": {"lr": 0.1, "momentum": 0.9}, "seeds": [1, 2]}),
                "base.momentum is absent there and 0.9 here",
            ),
        ] {
            assert_eq!(difference(here).unwrap(), expected);
        }
        let mut renamed = study(there.clone());
        renamed.name = "b".into();
        assert!(study(there).difference(&renamed).unwrap().contains("name"));
    }
}
