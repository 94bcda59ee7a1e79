//! Files that appear whole or not at all, and never in the place of another.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::SCHEMA;
use super::error::StoreError;

/// A file beside its place while it is written; that name is gone at the end, whatever became of it.
pub(super) struct Beside {
    path: PathBuf,
    file: File,
}

impl Beside {
    /// Begins a file at `beside`, which is to be `path` in the end.
    pub(super) fn create(beside: PathBuf, path: &Path) -> Result<Self, StoreError> {
        let file = File::options()
            .write(true)
            .create_new(true)
            .open(&beside)
            .map_err(StoreError::io("write", path))?;
        Ok(Self { path: beside, file })
    }

    /// Whether it has its name still.
    pub(super) fn is_there(&self) -> bool {
        self.path.exists()
    }

    /// Takes `bytes` of the disk for what is written to it later, in their place, for `path`.
    pub(super) fn reserve(&mut self, bytes: u64, path: &Path) -> Result<(), StoreError> {
        io::copy(&mut io::repeat(0).take(bytes), &mut self.file)
            .and_then(|_| self.file.sync_data())
            .map_err(StoreError::io("reserve room for", path))
    }

    /// Writes all of it, so that it survives a power cut; what was written before or is reserved is overwritten.
    pub(super) fn write(&mut self, bytes: &[u8], path: &Path) -> Result<(), StoreError> {
        self.file
            .seek(SeekFrom::Start(0))
            .and_then(|_| self.file.write_all(bytes))
            .and_then(|()| self.file.set_len(bytes.len() as u64))
            .and_then(|()| self.file.sync_all())
            .map_err(StoreError::io("write", path))
    }

    /// Gives it the name `path` too; false where that is taken.
    pub(super) fn link(&self, path: &Path) -> Result<bool, StoreError> {
        link(&self.path, path)
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Writes `bytes` to `beside` and links them to `path`; false where `path` is taken already. Both survive a power cut
/// from then on.
pub(super) fn place(beside: PathBuf, path: &Path, bytes: &[u8]) -> Result<bool, StoreError> {
    let mut beside = Beside::create(beside, path)?;
    beside.write(bytes, path)?;
    beside.link(path)
}

/// Gives the file `beside` the name `path` too; false where that is taken.
pub(super) fn link(beside: &Path, path: &Path) -> Result<bool, StoreError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    match fs::hard_link(beside, path) {
        Ok(()) => {
            sync_folder(folder)?;
            Ok(true)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(source) if refuses_links(&source) => Err(StoreError::NoLinks {
            folder: folder.to_owned(),
            source,
        }),
        Err(source) => Err(StoreError::io("write", path)(source)),
    }
}

/// Whether it is links that are refused and not the folder, which may have been closed since it took the file beside.
fn refuses_links(error: &io::Error) -> bool {
    #[cfg(unix)]
    if error.raw_os_error() == Some(libc::EACCES) {
        return false;
    }
    matches!(
        error.kind(),
        ErrorKind::PermissionDenied | ErrorKind::Unsupported
    )
}

/// Makes the names in a folder survive a power cut, where the system can.
pub(super) fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    if cfg!(unix) {
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(StoreError::io("write", folder))?;
    }
    Ok(())
}

/// The names in a folder but those of files being written; none where the folder is not there.
pub(super) fn names(folder: &Path) -> Result<Vec<String>, StoreError> {
    let mut names = Vec::new();
    match fs::read_dir(folder) {
        Ok(entries) => {
            for entry in entries {
                let entry = entry.map_err(StoreError::io("read", folder))?;
                names.extend(entry.file_name().into_string());
            }
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(StoreError::io("read", folder)(error)),
    }
    names.retain(|name| !name.starts_with('.'));
    names.sort_unstable();
    Ok(names)
}

/// What a file held.
pub(super) enum Found<T> {
    /// What was looked for.
    Whole(T),
    /// The file is not what it should be, and in which way.
    Bad(String),
    /// There is no such file.
    Gone,
}

/// A file's content that carries its version.
pub(super) trait Versioned: DeserializeOwned {
    /// The version.
    fn schema(&self) -> u32;
}

#[derive(Deserialize)]
struct Version {
    schema: Option<serde_json::Value>,
}

/// Reads a JSON file.
///
/// # Errors
/// [`StoreError::UnknownSchema`] for a version other than this program's, [`StoreError::Io`] for a file that the system
/// does not give out.
pub(super) fn read<T: Versioned>(path: &Path) -> Result<Found<T>, StoreError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Found::Gone),
        Err(error) => return Err(StoreError::io("read", path)(error)),
    };
    let unknown = |found: String| {
        Err(StoreError::UnknownSchema {
            path: path.to_owned(),
            found,
            known: SCHEMA,
        })
    };
    let error = match serde_json::from_slice::<T>(&bytes) {
        Ok(whole) if whole.schema() == SCHEMA => return Ok(Found::Whole(whole)),
        Ok(whole) => return unknown(whole.schema().to_string()),
        Err(error) => error,
    };
    // A file of another version need not have the keys of this one, but it is no damaged file.
    match serde_json::from_slice::<Version>(&bytes).map(|version| version.schema) {
        Ok(Some(found)) if found != serde_json::json!(SCHEMA) => unknown(found.to_string()),
        _ => Ok(Found::Bad(error.to_string())),
    }
}

/// `value` as indented JSON with a line's end.
pub(super) fn json(run: &str, value: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    let mut bytes = serde_json::to_vec_pretty(value).map_err(|error| StoreError::Encode {
        run: run.to_owned(),
        detail: error.to_string(),
    })?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// SHA-256 in hexadecimal digits.
pub(super) fn sha256(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    use std::fmt::Write;
    let mut text = String::new();
    for byte in Sha256::digest(bytes) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}
