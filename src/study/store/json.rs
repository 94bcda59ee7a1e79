//! JSON files of a study: their versions and their checksums.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::SCHEMA;
use super::error::StoreError;
use crate::study::run::RunRecord;
use crate::study::sha256::sha256;
use crate::train;

/// Content of a file.
pub(super) enum Content<T> {
    Valid(T),
    /// The file is cut off or belongs elsewhere, and why.
    Damaged(String),
    Missing,
}

/// The version of a file, and that of the training record in it.
#[derive(Deserialize)]
struct Schema {
    schema: Option<Value>,
    record: Option<Box<Schema>>,
}

/// Reads a file.
///
/// # Errors
/// [`StoreError::UnknownSchema`] for another version, [`StoreError::Unreadable`] for a complete file with other keys,
/// [`StoreError::Io`].
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Result<Content<T>, StoreError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Content::Missing),
        Err(error) => return Err(StoreError::io("read", path)(error)),
    };
    if let Ok(Schema { schema, record }) = serde_json::from_slice(&bytes) {
        let training = record.and_then(|record| record.schema);
        for (found, known) in [(schema, SCHEMA), (training, train::SCHEMA)] {
            if let Some(found) = found.filter(|found| found.as_u64() != Some(known.into())) {
                return Err(StoreError::UnknownSchema {
                    path: path.to_owned(),
                    found: found.to_string(),
                    known,
                });
            }
        }
    }
    match serde_json::from_slice(&bytes) {
        Ok(content) => Ok(Content::Valid(content)),
        Err(error) if error.is_data() => Err(StoreError::Unreadable {
            path: path.to_owned(),
            detail: error.to_string(),
            remedy: "use the version of wattgrad that wrote it, or restore it from a copy",
        }),
        Err(error) => Ok(Content::Damaged(error.to_string())),
    }
}

/// The file of a run: its record, and a checksum that shows whether somebody has changed it.
#[derive(Serialize)]
struct RunFile<'a> {
    sha256: String,
    #[serde(flatten)]
    record: &'a RunRecord,
}

/// The bytes of a run's file.
pub(super) fn run_file(record: &RunRecord) -> Result<Vec<u8>, StoreError> {
    let encode = || -> serde_json::Result<Vec<u8>> {
        let sha256 = checksum(serde_json::from_slice(&serde_json::to_vec(record)?)?);
        pretty(&RunFile { sha256, record })
    };
    encode().map_err(|error| StoreError::Encode {
        what: record.id.clone(),
        detail: error.to_string(),
    })
}

/// Indented JSON that ends with a newline.
pub(super) fn pretty(value: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(value)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Whether the content of a run's file differs from its checksum; spaces and the order of keys do not count.
pub(super) fn is_altered(path: &Path) -> Result<bool, StoreError> {
    let bytes = fs::read(path).map_err(StoreError::io("read", path))?;
    let Ok(Value::Object(mut file)) = serde_json::from_slice(&bytes) else {
        return Ok(true);
    };
    let written = file.remove("sha256");
    Ok(written != Some(checksum(Value::Object(file)).into()))
}

/// SHA-256 of a value whose keys are sorted, in hexadecimal digits.
fn checksum(mut value: Value) -> String {
    value.sort_all_objects();
    sha256(&value.to_string())
}
