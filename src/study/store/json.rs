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

/// Reads a file.
///
/// # Errors
/// [`StoreError::UnknownSchema`] for another version, [`StoreError::Unreadable`] for a complete file with other keys,
/// [`StoreError::Io`].
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Result<Content<T>, StoreError> {
    read_signed(path).map(|(content, _)| content)
}

/// Reads a file that has a checksum, and whether it was changed since it was written.
///
/// # Errors
/// As for [`read`].
pub(super) fn read_signed<T: DeserializeOwned>(
    path: &Path,
) -> Result<(Content<T>, bool), StoreError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok((Content::Missing, false)),
        Err(error) => return Err(StoreError::io("read", path)(error)),
    };
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
