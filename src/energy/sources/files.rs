//! Numbers and texts of the kernel's files, and the reasons why a file cannot be read.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::str::FromStr;

use crate::energy::sensor::Unavailable;

/// A file's text without surrounding white space.
pub(super) fn text(path: &Path) -> Result<String, Unavailable> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(text.trim().to_owned()),
        Err(error) => Err(unreadable(path, &error)),
    }
}

pub(super) fn bytes(path: &Path) -> Result<Vec<u8>, Unavailable> {
    fs::read(path).map_err(|error| unreadable(path, &error))
}

pub(super) fn number<N: FromStr>(path: &Path) -> Result<N, Unavailable> {
    let text = text(path)?;
    text.parse().map_err(|_| {
        Unavailable::new(format!(
            "{} contains `{text}`, not a valid number",
            path.display()
        ))
    })
}

/// The text of a file that may be missing or empty.
pub(super) fn optional(path: &Path) -> Option<String> {
    text(path).ok().filter(|text| !text.is_empty())
}

fn unreadable(path: &Path, error: &io::Error) -> Unavailable {
    let shown = path.display();
    match error.kind() {
        ErrorKind::PermissionDenied => Unavailable::new(format!("this user may not read {shown}"))
            .with_fix(format!("sudo chmod a+r {shown}"))
            .with_undo(format!("sudo chmod go-r {shown}")),
        ErrorKind::NotFound => {
            Unavailable::new(format!("{shown} does not exist: its driver is not loaded"))
        }
        _ => Unavailable::new(format!("{shown} cannot be read: {error}")),
    }
}

/// The names in a folder, in natural order; empty where the folder cannot be listed.
pub(super) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort_by_key(|name| (name.len(), name.clone()));
    names
}

/// The version of the running kernel: calibrations of its drivers' sensors belong to it.
pub(super) fn kernel() -> String {
    optional(Path::new("/proc/sys/kernel/osrelease")).unwrap_or_default()
}
