//! JSON files of a study: their versions and their checksums.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::SCHEMA;
use super::error::StoreError;
use crate::checksum;
use crate::study::run::RunRecord;
use crate::train;

/// Content of a file.
pub(super) enum Content<T> {
    Valid(T),
    /// The file is cut off or belongs elsewhere, and why.
    Damaged(String),
    Missing,
}

/// The description of the program that trained, a third of a record: nothing that reads a study uses it.
const UNUSED: [&str; 2] = ["record", "program"];

/// What has the versions of its keys.
pub(super) trait Versioned {
    /// Whether this program reads them.
    fn is_known(&self) -> bool;
}

impl Versioned for RunRecord {
    fn is_known(&self) -> bool {
        let training = self.record.as_ref().map(|training| training.schema);
        self.schema == SCHEMA && training.is_none_or(|schema| schema == train::SCHEMA)
    }
}

/// Reads a file.
///
/// # Errors
/// [`StoreError::UnknownSchema`] for another version, [`StoreError::Unreadable`] for a complete file with other keys,
/// [`StoreError::Io`].
pub(super) fn read<T: DeserializeOwned + Versioned>(path: &Path) -> Result<Content<T>, StoreError> {
    read_signed(path).map(|(content, _)| content)
}

/// Reads a file that has a checksum, without what is [`UNUSED`], and whether it was changed since it was written.
///
/// # Errors
/// As for [`read`].
pub(super) fn read_signed<T: DeserializeOwned + Versioned>(
    path: &Path,
) -> Result<(Content<T>, bool), StoreError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok((Content::Missing, false)),
        Err(error) => return Err(StoreError::io("read", path)(error)),
    };
    // Nearly all files, several times as fast as below.
    if let Some(rest) = checksum::intact_without(&bytes, &UNUSED)
        && let Ok(content) = serde_json::from_slice::<T>(&rest)
        && content.is_known()
    {
        return Ok((Content::Valid(content), false));
    }
    let mut value: Value = match serde_json::from_slice(&bytes) {
        Ok(value) => value,
        Err(error) => return Ok((Content::Damaged(error.to_string()), false)),
    };
    let versions = [
        (value.get("schema"), SCHEMA),
        // That of the training record in the file of a run.
        (value.pointer("/record/schema"), train::SCHEMA),
    ];
    for (found, known) in versions {
        if let Some(found) = found.filter(|found| found.as_u64() != Some(known.into())) {
            return Err(StoreError::UnknownSchema {
                path: path.to_owned(),
                found: found.to_string(),
                known,
            });
        }
    }
    let altered = checksum::take(&mut value) != Some(true);
    if let Some(unused) = value.pointer_mut(&format!("/{}", UNUSED.join("/"))) {
        *unused = Value::Null;
    }
    match serde_json::from_value(value) {
        Ok(content) => Ok((Content::Valid(content), altered)),
        Err(error) => Err(StoreError::Unreadable {
            path: path.to_owned(),
            detail: error.to_string(),
            remedy: "use the version of wattgrad that wrote it, or restore it from a copy",
        }),
    }
}

/// The bytes of a run's file.
pub(super) fn run_file(record: &RunRecord) -> Result<Vec<u8>, StoreError> {
    let encoded = checksum::signed(record).map_err(|error| StoreError::Encode {
        what: record.id.clone(),
        detail: error.to_string(),
    })?;
    Ok(encoded.into_bytes())
}

/// Indented JSON that ends with a newline.
pub(super) fn pretty(value: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(value)?;
    bytes.push(b'\n');
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::run::{Outcome, Purpose};
    use crate::train::Record;

    /// A real training, without its program.
    #[test]
    fn a_record_is_read_alike_however_it_is_written() {
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/record.json");
        let mut training = Record::read(&fixture).unwrap();
        training.program = serde_json::json!({ "lists": [1.5, "a"] });
        let written = RunRecord {
            schema: SCHEMA,
            id: "a@1".into(),
            cell: "a".into(),
            seed: 1,
            purpose: Purpose::Main,
            outcome: Outcome::Reached,
            search: None,
            error: None,
            overlap: false,
            record: Some(training.clone()),
        };
        training.program = Value::Null;
        let expected = RunRecord {
            record: Some(training),
            ..written.clone()
        };
        let shown = |record: &RunRecord| serde_json::to_string(record).unwrap();
        let expected = shown(&expected);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        let read = |text: &str| {
            fs::write(&path, text).unwrap();
            match read_signed::<RunRecord>(&path).unwrap() {
                // As text, because a NaN does not equal itself.
                (Content::Valid(record), altered) => (shown(&record), altered),
                _ => panic!("{text}"),
            }
        };
        let text = String::from_utf8(run_file(&written).unwrap()).unwrap();
        assert!(checksum::intact_without(text.as_bytes(), &UNUSED).is_some());
        assert_eq!(read(&text), (expected.clone(), false));
        // Another program writes numbers and letters in another way: the file must be decoded.
        let other = text
            .replace("\"seed\": 1,", "\"seed\":1 ,")
            .replace("\"a@1\"", "\"\\u0061@1\"");
        assert!(checksum::intact_without(other.as_bytes(), &UNUSED).is_none());
        assert_eq!(read(&other), (expected.clone(), false));
        // A change of what is not read is a change too.
        for (from, to) in [("1.5", "1.25"), ("\"a@1\"", "\"a@2\"")] {
            let (_, altered) = read(&text.replacen(from, to, 1));
            assert!(altered, "{to}");
        }
    }
}
