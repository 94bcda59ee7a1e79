//! Files are written whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Writes to a temporary file in the same folder and renames it, so that a reader sees the old contents or the new, and a
/// full disk leaves no partial file. Pipes and terminals cannot be replaced and are written directly.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // A symbolic link is kept; its target is replaced.
    let place = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    if place.metadata().is_ok_and(|found| !found.is_file()) {
        return File::options().write(true).open(&place)?.write_all(bytes);
    }
    let temporary = temporary(&place)?;
    let written = File::create(&temporary).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    let moved = written.and_then(|()| fs::rename(&temporary, &place));
    if moved.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    moved
}

/// Checks that [`write_whole`] can create its file, without changing an existing one.
#[cfg(feature = "gpu")]
pub(crate) fn writable(path: &Path) -> io::Result<()> {
    let place = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    match place.metadata() {
        Ok(found) if found.is_dir() => Err(io::Error::new(
            io::ErrorKind::IsADirectory,
            "it is a folder",
        )),
        Ok(found) if !found.is_file() => File::options().write(true).open(&place).map(|_| ()),
        Ok(found) if found.permissions().readonly() => Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "it is write-protected",
        )),
        _ => {
            let temporary = temporary(&place)?;
            File::create(&temporary)?;
            fs::remove_file(&temporary)
        }
    }
}

/// A temporary name of this process in the same folder: a rename is atomic only within one file system.
fn temporary(path: &Path) -> io::Result<PathBuf> {
    let Some(name) = path.file_name() else {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "the path has no file name",
        ));
    };
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    hidden.push(format!(".{}.part", std::process::id()));
    Ok(path.with_file_name(hidden))
}

/// This program's cache folder by the platform's convention; `None` where the environment names none.
pub(crate) fn cache_folder() -> Option<PathBuf> {
    let absolute = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let base = if cfg!(windows) {
        absolute("LOCALAPPDATA")?
    } else if let Some(xdg) = absolute("XDG_CACHE_HOME") {
        xdg
    } else if cfg!(target_vendor = "apple") {
        absolute("HOME")?.join("Library").join("Caches")
    } else {
        absolute("HOME")?.join(".cache")
    };
    Some(base.join("wattgrad"))
}

/// A file name of JSON for an identity: letters, digits and dashes of it, and a hash, so that no two share a file.
pub(crate) fn file_named(identity: &str) -> String {
    let plain: String = identity
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .take(80)
        .collect();
    let sum = identity
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
            (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    format!("{plain}-{sum:016x}.json")
}
