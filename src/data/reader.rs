//! What a format of data folders provides.
use std::path::Path;

use super::{DataError, Dataset};

/// Reads the datasets of one format.
pub(super) trait Reader: Sync {
    /// Whether `path` names a dataset of this format, by file names.
    fn recognizes(&self, path: &Path) -> bool;

    /// Checks by file names that the dataset at `path` is complete. Returns its contents in words, `four IDX files`.
    fn check(&self, path: &Path) -> Result<&'static str, DataError>;

    /// Reads the dataset at `path`.
    fn read(&self, path: &Path) -> Result<Dataset, DataError>;
}
