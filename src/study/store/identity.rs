//! What a study is: written once, when its folder begins, and compared from then on.

use std::collections::HashSet;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::StoreError;
use super::files::{self, Found, Versioned};
use super::process::Process;
use super::run_id::RunId;
use super::{SCHEMA, now};

pub(super) const FILE: &str = "study.json";

/// A study as its caller means it.
#[derive(Clone, Debug, PartialEq)]
pub struct Identity {
    /// Its name.
    pub name: String,
    /// All that decides what its runs are. Two files of one meaning may differ in comments and order of keys.
    pub meaning: Value,
    /// The study's text as run.
    pub text: String,
    /// The runs of its plan, in order.
    pub runs: Vec<RunId>,
}

/// `study.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`SCHEMA`].
    pub schema: u32,
    /// Name of the study.
    pub name: String,
    /// When the folder began, in seconds since 1970.
    pub created: f64,
    /// SHA-256 of `name`, `meaning` and `runs`, whatever the order of keys.
    pub sha256: String,
    /// All that decides what its runs are.
    pub meaning: Value,
    /// The study's text as it was when the folder began.
    pub text: String,
    /// The runs of its plan, in order.
    pub runs: Vec<RunId>,
}

impl Identity {
    /// SHA-256 of name, meaning and runs.
    fn sha256(&self) -> String {
        let mut text = String::new();
        canonical(&self.compared(), &mut text);
        files::sha256(text.as_bytes())
    }

    fn compared(&self) -> Value {
        compared(&self.name, &self.meaning, &self.runs)
    }

    /// Begins the study in `folder`, unless one began there already.
    pub(super) fn begin(&self, folder: &Path, process: &Process) -> Result<(), StoreError> {
        let study = Manifest {
            schema: SCHEMA,
            name: self.name.clone(),
            created: now(),
            sha256: self.sha256(),
            meaning: self.meaning.clone(),
            text: self.text.clone(),
            runs: self.runs.clone(),
        };
        let bytes = files::json("the study", &study)?;
        files::place(process.beside(folder), &folder.join(FILE), &bytes)?;
        Ok(())
    }

    /// Reads the study of `folder`, which has to be this one.
    pub(super) fn same(&self, folder: &Path) -> Result<Manifest, StoreError> {
        let study = read(folder)?;
        if study.sha256 == self.sha256() {
            return Ok(study);
        }
        // Numbers as a file gives them back, so that only what differs there differs here.
        let here = serde_json::from_str(&self.compared().to_string()).unwrap_or_default();
        let there = compared(&study.name, &study.meaning, &study.runs);
        Err(StoreError::Different {
            folder: folder.to_owned(),
            name: study.name,
            difference: difference("", &there, &here)
                .unwrap_or_else(|| "its meaning has another SHA-256".to_owned()),
        })
    }

    /// Whether every run of the plan has a file of its own, on systems too that take `A` for `a`.
    pub(super) fn distinct(&self) -> Result<(), StoreError> {
        let mut seen = HashSet::new();
        match self
            .runs
            .iter()
            .find(|run| !seen.insert(run.as_str().to_lowercase()))
        {
            Some(run) => Err(StoreError::RunId {
                id: run.to_string(),
                detail: "the plan has it twice, upper and lower case being one",
            }),
            None => Ok(()),
        }
    }
}

impl Versioned for Manifest {
    fn schema(&self) -> u32 {
        self.schema
    }
}

/// Reads the study of a folder.
pub(super) fn read(folder: &Path) -> Result<Manifest, StoreError> {
    let path = folder.join(FILE);
    match files::read(&path)? {
        Found::Whole(study) => Ok(study),
        Found::Gone if folder.exists() => Err(StoreError::NoStudy {
            folder: folder.to_owned(),
        }),
        Found::Gone => Err(StoreError::io("open", folder)(
            std::io::ErrorKind::NotFound.into(),
        )),
        Found::Bad(detail) => Err(StoreError::Unreadable {
            path,
            detail,
            remedy: "restore it from a copy, or begin the study in a new folder",
        }),
    }
}

fn compared(name: &str, meaning: &Value, runs: &[RunId]) -> Value {
    let runs: Vec<&str> = runs.iter().map(RunId::as_str).collect();
    serde_json::json!({ "name": name, "meaning": meaning, "runs": runs })
}

/// `value` with the keys of every object in order, which a map of serde_json's need not keep.
fn canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort_unstable();
            text.push('{');
            for key in keys {
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push(':');
                canonical(&map[key], text);
                text.push(',');
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for item in items {
                canonical(item, text);
                text.push(',');
            }
            text.push(']');
        }
        plain => text.push_str(&plain.to_string()),
    }
}

/// The first place where two values differ, in the order of `there`, in words.
fn difference(at: &str, there: &Value, here: &Value) -> Option<String> {
    let inner = |key: &str| match at {
        "" | "meaning" => key.to_owned(),
        at => format!("{at}.{key}"),
    };
    match (there, here) {
        (Value::Object(a), Value::Object(b)) => {
            let keys = a.keys().chain(b.keys().filter(|key| !a.contains_key(*key)));
            for key in keys {
                let both = (a.get(key), b.get(key));
                let found = match both {
                    (Some(a), Some(b)) => difference(&inner(key), a, b),
                    (Some(a), None) => Some(said(&inner(key), &brief(a), "nothing")),
                    (None, b) => Some(said(&inner(key), "nothing", &brief(b?))),
                };
                if found.is_some() {
                    return found;
                }
            }
            None
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => a
            .iter()
            .zip(b)
            .enumerate()
            .find_map(|(i, (a, b))| difference(&format!("{at}[{i}]"), a, b)),
        (a, b) if a == b => None,
        (a, b) => Some(said(at, &brief(a), &brief(b))),
    }
}

fn said(at: &str, there: &str, here: &str) -> String {
    format!("{at} is {there} there and {here} here")
}

/// A value short enough for a sentence.
fn brief(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= 40 {
        return text;
    }
    match value {
        Value::Array(items) => format!("a list of {}", items.len()),
        _ => text.chars().take(37).chain("...".chars()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn text(value: &Value) -> String {
        let mut text = String::new();
        canonical(value, &mut text);
        text
    }

    #[test]
    fn order_of_keys_means_nothing_and_all_else_does() {
        let parsed = |s: &str| serde_json::from_str::<Value>(s).unwrap();
        assert_eq!(
            text(&parsed(r#"{"a":{"x":1,"y":[1,2]},"b":2}"#)),
            text(&parsed(r#"{"b":2,"a":{"y":[1,2],"x":1}}"#))
        );
        let all = [
            json!({}),
            json!([]),
            json!([[]]),
            json!([{}]),
            json!({"a": {}}),
            json!({"a": []}),
            json!({"a": 1}),
            json!({"a": "1"}),
            json!({"a": 1, "b": 1}),
            json!({"a": {"b": 1}}),
            json!([1, 2]),
            json!([[1], 2]),
            json!([12]),
            json!("{"),
            json!({"a": "{", "b": 1}),
            json!(null),
        ];
        for (i, a) in all.iter().enumerate() {
            for b in &all[i + 1..] {
                assert_ne!(text(a), text(b));
            }
        }
    }

    #[test]
    fn a_difference_is_named_with_both_values() {
        let there =
            json!({"name": "a", "meaning": {"base": {"lr": 0.1}, "seeds": [1, 2]}, "runs": ["x"]});
        let mut here = there.clone();
        assert_eq!(difference("", &there, &here), None);
        here["meaning"]["base"]["lr"] = json!(0.01);
        assert_eq!(
            difference("", &there, &here).unwrap(),
            "base.lr is 0.1 there and 0.01 here"
        );
        here = there.clone();
        here["meaning"]["seeds"] = json!([1, 3]);
        assert_eq!(
            difference("", &there, &here).unwrap(),
            "seeds[1] is 2 there and 3 here"
        );
        here["meaning"]["seeds"] = json!((0..50).collect::<Vec<_>>());
        assert_eq!(
            difference("", &there, &here).unwrap(),
            "seeds is [1,2] there and a list of 50 here"
        );
        here = there.clone();
        here["meaning"]["base"]["momentum"] = json!(0.9);
        assert_eq!(
            difference("", &there, &here).unwrap(),
            "base.momentum is nothing there and 0.9 here"
        );
    }
}
