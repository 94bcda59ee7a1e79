//! Files that appear complete or not at all, and never replace another file.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::error::StoreError;
use super::lock;

/// A file that is being written, `NAME.part`. It is locked as long as its process lives, so that no two processes write
/// the same file, and removed when it is dropped.
pub(super) struct Draft {
    part: PathBuf,
    path: PathBuf,
    file: File,
}

impl Draft {
    /// Begins the file `path`; `None` while another process writes it. A part that a dead process left is discarded.
    pub(super) fn begin(path: &Path) -> Result<Option<Self>, StoreError> {
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        let mut new = File::options();
        new.write(true).create_new(true);
        loop {
            let file = match new.open(&part) {
                Ok(file) => file,
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    match File::options().write(true).open(&part) {
                        Ok(left) if !try_lock(&left, &part)? => return Ok(None),
                        Ok(left) if lock::is_named(&left, &part) => {
                            fs::remove_file(&part).map_err(StoreError::io("remove", &part))?;
                        }
                        Ok(_) => {}
                        Err(error) if error.kind() == ErrorKind::NotFound => {}
                        Err(error) => return Err(StoreError::io("open", &part)(error)),
                    }
                    continue;
                }
                Err(error) => return Err(StoreError::io("write", path)(error)),
            };
            // Until it was locked, another process could take it for a dead process's and remove it.
            if try_lock(&file, &part)? && lock::is_named(&file, &part) {
                let path = path.to_owned();
                return Ok(Some(Self { part, path, file }));
            }
        }
    }

    /// Takes `bytes` of the disk for what is written later.
    pub(super) fn reserve(&mut self, bytes: u64) -> Result<(), StoreError> {
        io::copy(&mut io::repeat(0).take(bytes), &mut self.file)
            .and_then(|_| self.file.sync_data())
            .map_err(StoreError::io("reserve space for", &self.path))
    }

    /// Writes the whole content, over what is reserved, and syncs it.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.file
            .seek(SeekFrom::Start(0))
            .and_then(|_| self.file.write_all(bytes))
            .and_then(|()| self.file.set_len(bytes.len() as u64))
            .and_then(|()| self.file.sync_all())
            .map_err(StoreError::io("write", &self.path))
    }

    /// Gives the file its name; false if another file has it.
    pub(super) fn publish(&self) -> Result<bool, StoreError> {
        link(&self.part, &self.path)
    }

    /// Gives the file the first free name of `folder/NAME.NUMBER.json`.
    pub(super) fn publish_numbered(
        &self,
        folder: &Path,
        name: &str,
    ) -> Result<PathBuf, StoreError> {
        link_numbered(&self.part, folder, name)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.part);
    }
}

fn try_lock(file: &File, path: &Path) -> Result<bool, StoreError> {
    lock::try_lock(file).map_err(StoreError::io("lock", path))
}

/// Gives `file` the first free name of `folder/NAME.NUMBER.json` too.
pub(super) fn link_numbered(file: &Path, folder: &Path, name: &str) -> Result<PathBuf, StoreError> {
    let mut number = 1;
    loop {
        let path = folder.join(format!("{name}.{number}.json"));
        if link(file, &path)? {
            return Ok(path);
        }
        number += 1;
    }
}

/// Gives `file` the name `path` too; false if another file has it. The name survives a power cut.
fn link(file: &Path, path: &Path) -> Result<bool, StoreError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    match fs::hard_link(file, path) {
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

/// Whether the file system refuses hard links, and not the folder (EACCES) this user.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_written_by_one_and_published_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        let part = folder.path().join("a.json.part");
        fs::write(&part, "left by a dead process").unwrap();
        let mut draft = Draft::begin(&path).unwrap().unwrap();
        assert!(Draft::begin(&path).unwrap().is_none());
        draft.reserve(1000).unwrap();
        draft.write(b"whole").unwrap();
        assert!(!path.exists());
        assert!(draft.publish().unwrap());
        drop(draft);
        assert!(!part.exists());
        let mut second = Draft::begin(&path).unwrap().unwrap();
        second.write(b"other").unwrap();
        assert!(!second.publish().unwrap());
        let numbered = second.publish_numbered(folder.path(), "a").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(fs::read(numbered).unwrap(), b"other");
    }
}
