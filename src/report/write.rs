//! Files of a report.

use std::io;
use std::path::Path;

/// Writes `text` beside its place and moves it there: a reader sees all of it or what was there before.
///
/// # Errors
/// As the file system has it.
pub fn write(path: &Path, text: &str) -> io::Result<()> {
    crate::model::weights::write_whole(path, text.as_bytes())
}
