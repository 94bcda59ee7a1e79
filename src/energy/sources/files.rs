//! The kernel's text files as numbers, and what keeps one from being read.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::str::FromStr;

use crate::energy::sensor::Unavailable;

/// A file's text without the white space around it.
pub(super) fn text(path: &Path) -> Result<String, Unavailable> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(text.trim().to_owned()),
        Err(error) => Err(unreadable(path, &error)),
    }
}

/// A file's bytes.
pub(super) fn bytes(path: &Path) -> Result<Vec<u8>, Unavailable> {
    fs::read(path).map_err(|error| unreadable(path, &error))
}

/// A file's number.
pub(super) fn number<N: FromStr>(path: &Path) -> Result<N, Unavailable> {
    let text = text(path)?;
    text.parse().map_err(|_| {
        Unavailable::new(format!(
            "{} holds `{text}`, which is no number as it should be",
            path.display()
        ))
    })
}

/// The text of a file that need not be there.
pub(super) fn optional(path: &Path) -> Option<String> {
    text(path).ok().filter(|text| !text.is_empty())
}

fn unreadable(path: &Path, error: &io::Error) -> Unavailable {
    let shown = path.display();
    match error.kind() {
        ErrorKind::PermissionDenied => {
            Unavailable::new(format!("{shown} may not be read by this user"))
                .with_fix(format!("sudo chmod a+r {shown}"))
                .with_undo(format!("sudo chmod go-r {shown}"))
        }
        ErrorKind::NotFound => Unavailable::new(format!(
            "{shown} is not there: its driver is not loaded (any more)"
        )),
        _ => Unavailable::new(format!("{shown} cannot be read: {error}")),
    }
}

/// The names in a folder, in order; none where it cannot be listed.
pub(super) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort_by_key(|name| (name.len(), name.clone()));
    names
}

/// The running kernel, whose drivers a calibration belongs to.
pub(super) fn kernel() -> String {
    optional(Path::new("/proc/sys/kernel/osrelease")).unwrap_or_default()
}
