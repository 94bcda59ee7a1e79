//! The name of a run, which is also the name of its file on every system.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::error::StoreError;

const LONGEST: usize = 120;

/// The name of a run: 1 to 120 of `A-Z a-z 0-9 - _ . = , + @`, not starting with a full stop.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RunId(String);

impl RunId {
    /// # Errors
    /// [`StoreError::RunId`].
    pub fn new(id: impl Into<String>) -> Result<Self, StoreError> {
        let id = id.into();
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_.=,+@".contains(c);
        let detail = if id.is_empty() {
            "it is empty"
        } else if id.len() > LONGEST {
            "it is too long"
        } else if !id.chars().all(fits) {
            "it contains other characters"
        } else if id.starts_with('.') {
            "it starts with a full stop"
        } else {
            return Ok(Self(id));
        };
        Err(StoreError::RunId { id, detail })
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The run of the file `NAME.json`; `None` for other files.
    pub(super) fn of_file(name: &str) -> Option<Self> {
        Self::new(name.strip_suffix(".json")?).ok()
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<String> for RunId {
    type Error = StoreError;

    fn try_from(id: String) -> Result<Self, StoreError> {
        Self::new(id)
    }
}

impl From<RunId> for String {
    fn from(id: RunId) -> Self {
        id.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_names_that_cannot_be_file_names() {
        for good in ["lr=0.1,batch-size=32@1", "a", "A_b.c+d"] {
            assert_eq!(RunId::new(good).unwrap().as_str(), good);
        }
        let long = "x".repeat(LONGEST + 1);
        for bad in ["", ".a", "a/b", "a b", "é", "a:b", &long] {
            assert!(RunId::new(bad).is_err(), "{bad}");
        }
        assert!(serde_json::from_str::<RunId>("\"../up\"").is_err());
    }
}
