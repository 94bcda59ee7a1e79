//! The cache of decoded images: a header of one page, then the pixels. It is keyed by the files' names, sizes and times, by
//! the size of the images and by the targets; a file of another key is ignored.
use std::fs::{self, File};
use std::io::{BufWriter, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::ImageSet;
use crate::data::{Bytes, DataError};
use crate::files::cache_folder;

/// The folder of caches beside the data.
const FOLDER: &str = ".wattgrad-cache";
/// Bytes of the header, a page.
const HEADER_BYTES: usize = 4096;
/// Changes when decoding or scaling changes.
const VERSION: &str = "wattgrad images 1";

/// Identifies the contents of a cache.
pub(super) struct Key(String);

impl Key {
    /// The key of a set whose images are `files`.
    pub fn new(set: &ImageSet, files: &[PathBuf]) -> Result<Key, DataError> {
        let mut hash = Sha256::new();
        let mut add = |bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        };
        add(VERSION.as_bytes());
        add(&set.size.unwrap_or(0).to_le_bytes());
        add(&(set.train.len() as u64).to_le_bytes());
        for column in set.train_targets.iter().chain(&set.test_targets) {
            add(column.spec.to_string().as_bytes());
            add(&column.bytes);
        }
        for file in files {
            let path = set.root.join(file);
            let metadata = fs::metadata(&path).map_err(|source| DataError::Io {
                path: path.clone(),
                source,
            })?;
            let modified = metadata.modified().ok();
            let modified = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
            add(file.to_string_lossy().as_bytes());
            add(&metadata.len().to_le_bytes());
            add(&modified.map_or(0, |time| time.as_nanos()).to_le_bytes());
        }
        let text = hash.finalize().iter().map(|b| format!("{b:02x}")).collect();
        Ok(Key(text))
    }

    pub fn text(&self) -> String {
        self.0.clone()
    }
}

/// What a cache holds.
#[derive(Serialize, Deserialize)]
pub(super) struct Header {
    pub key: String,
    /// Channels, height and width of an image.
    pub shape: [usize; 3],
    /// Bytes of all pixels.
    pub bytes: usize,
    pub mean: Vec<f64>,
    pub std: Vec<f64>,
    /// Checksum of the dataset.
    pub sha256: String,
    pub grey: usize,
}

/// A place for the cache of a set.
pub(super) struct Cache(PathBuf);

impl Cache {
    /// The places for a cache: beside the data, then in the user's cache folder.
    pub fn candidates(root: &Path, key: &Key) -> Vec<Cache> {
        let name = format!("{}.images", &key.0[..16]);
        let user = cache_folder().map(|folder| folder.join("data"));
        let folders = std::iter::once(root.join(FOLDER)).chain(user);
        folders.map(|folder| Cache(folder.join(&name))).collect()
    }

    /// The pixels and header of an existing cache; `None` where there is none, or it is incomplete or of other data.
    pub fn open(&self, key: &Key) -> Option<(Bytes, Header)> {
        let mut page = vec![0; HEADER_BYTES];
        let mut file = File::open(&self.0).ok()?;
        file.read_exact(&mut page).ok()?;
        let end = page.iter().position(|b| *b == 0)?;
        let header: Header = serde_json::from_slice(&page[..end]).ok()?;
        let complete = header.key == key.0
            && file.metadata().ok()?.len() == (HEADER_BYTES + header.bytes) as u64;
        if !complete {
            return None;
        }
        let all = Bytes::map(&self.0).ok()?;
        Some((all.part(HEADER_BYTES..all.len()), header))
    }

    /// Starts to write the cache; `None` where the place is not writable.
    pub fn begin(&self) -> Option<Draft> {
        fs::create_dir_all(self.0.parent()?).ok()?;
        let path = self
            .0
            .with_extension(format!("{}.part", std::process::id()));
        let file = File::create(&path).ok()?;
        let mut draft = Draft {
            path,
            file: BufWriter::new(file),
        };
        draft.file.write_all(&[0; HEADER_BYTES]).ok()?;
        Some(draft)
    }
}

/// A cache being written; without [`Draft::keep`] its file is removed.
pub(super) struct Draft {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Draft {
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), DataError> {
        let written = self.file.write_all(bytes);
        written.map_err(|source| self.error(source))
    }

    /// The pixels written so far.
    pub fn pixels(&mut self) -> Result<Bytes, DataError> {
        let flushed = self.file.flush();
        flushed.map_err(|source| self.error(source))?;
        let all = Bytes::map(&self.path)?;
        Ok(all.part(HEADER_BYTES..all.len()))
    }

    /// Writes the header, moves the file to its place and opens it there.
    pub fn keep(mut self, cache: &Cache, header: &Header) -> Result<Bytes, DataError> {
        let text = serde_json::to_vec(header).unwrap_or_default();
        let written = (|| {
            self.file.seek(SeekFrom::Start(0))?;
            self.file.write_all(&text)?;
            self.file.flush()?;
            self.file.get_ref().sync_all()?;
            fs::rename(&self.path, &cache.0)
        })();
        written.map_err(|source| self.error(source))?;
        let all = Bytes::map(&cache.0)?;
        Ok(all.part(HEADER_BYTES..all.len()))
    }

    fn error(&self, source: std::io::Error) -> DataError {
        DataError::Cache {
            path: self.path.clone(),
            source,
        }
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // After `keep` nothing is at this path.
        let _ = fs::remove_file(&self.path);
    }
}
