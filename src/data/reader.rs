//! What a format of data folders provides, and what the formats share.
use std::path::Path;

use super::{Bytes, Column, ColumnSpec, DataError, DataOptions, Dataset, Dtype, ReadProgress};

/// Receives the progress of a long read.
pub(super) type Progress<'a> = &'a mut dyn FnMut(ReadProgress);

/// Reads the datasets of one format.
pub(super) trait Reader: Sync {
    /// Whether `path` names a dataset of this format, by file names.
    fn recognizes(&self, path: &Path) -> bool;

    /// Checks by file names that the dataset at `path` is complete. Returns its contents in words, `four IDX files`.
    fn check(&self, path: &Path) -> Result<&'static str, DataError>;

    /// The flags of the options that the format takes.
    fn options(&self) -> &'static [&'static str] {
        &[]
    }

    /// Reads the dataset at `path`.
    fn read(
        &self,
        path: &Path,
        options: &DataOptions,
        progress: Progress<'_>,
    ) -> Result<Dataset, DataError>;
}

pub(super) fn column(name: &str, dtype: Dtype, shape: &[usize], bytes: impl Into<Bytes>) -> Column {
    Column {
        spec: ColumnSpec {
            name: name.into(),
            dtype,
            shape: shape.to_vec(),
        },
        bytes: bytes.into(),
    }
}

/// A column of one class per sample.
pub(super) fn class_column(name: &str, labels: &[u32], classes: usize) -> Column {
    match classes <= 256 {
        true => column(
            name,
            Dtype::U8,
            &[],
            labels.iter().map(|l| *l as u8).collect::<Vec<_>>(),
        ),
        false => {
            let words = labels.iter().flat_map(|l| (*l as u16).to_le_bytes());
            column(name, Dtype::U16, &[], words.collect::<Vec<_>>())
        }
    }
}

pub(super) fn missing(folder: &Path, file: &str) -> DataError {
    DataError::MissingFile {
        folder: folder.to_owned(),
        file: file.to_owned(),
    }
}

/// The name of a folder, for a dataset without a name of its own.
pub(super) fn folder_name(folder: &Path) -> String {
    let full = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    full.file_name()
        .map_or_else(|| "data".into(), |name| name.to_string_lossy().into_owned())
}

/// The names of the entries of a folder, sorted; those that start with a dot and those that are no text are left out.
pub(super) fn entries(folder: &Path) -> Result<Vec<String>, DataError> {
    let io_error = |source| DataError::Io {
        path: folder.to_owned(),
        source,
    };
    let mut names = vec![];
    for entry in std::fs::read_dir(folder).map_err(io_error)? {
        if let Ok(name) = entry.map_err(io_error)?.file_name().into_string()
            && !name.starts_with('.')
        {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// A text file, which must be UTF-8.
pub(super) fn read_text(path: &Path) -> Result<String, DataError> {
    std::fs::read_to_string(path).map_err(|source| DataError::Io {
        path: path.to_owned(),
        source,
    })
}

/// An error in a line of a file, counted from 1.
pub(super) fn line_error(
    path: &Path,
    line: usize,
    what: impl Into<String>,
    fix: &'static str,
) -> DataError {
    DataError::Line {
        path: path.to_owned(),
        line,
        what: what.into(),
        fix,
    }
}
