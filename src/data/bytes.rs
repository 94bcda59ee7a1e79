//! The bytes of a column: in memory, or a range of a file that is mapped into memory and read when it is needed.
use std::fmt;
use std::fs::File;
use std::ops::{Deref, Range};
use std::path::Path;
use std::sync::Arc;

use memmap2::Mmap;

use super::DataError;

/// Bytes of a pass over a column after which the pages of a mapped file are given back.
const PASS_BYTES: usize = 1 << 22;

/// Shared bytes, which read as a slice. Clones share them.
#[derive(Clone)]
pub struct Bytes(Source);

#[derive(Clone)]
enum Source {
    Memory(Arc<[u8]>),
    File(Arc<Mmap>, Range<usize>),
}

impl Bytes {
    /// Maps a file. It must not be shortened while it is mapped.
    ///
    /// # Errors
    /// [`DataError::Io`].
    pub fn map(path: &Path) -> Result<Bytes, DataError> {
        let io_error = |source| DataError::Io {
            path: path.to_owned(),
            source,
        };
        let file = File::open(path).map_err(io_error)?;
        if file.metadata().map_err(io_error)?.len() == 0 {
            return Ok(Bytes::from(vec![]));
        }
        // SAFETY: the map is only read. Another process that shortens the file ends this one, as documented.
        let map = unsafe { Mmap::map(&file) }.map_err(io_error)?;
        let all = 0..map.len();
        Ok(Bytes(Source::File(Arc::new(map), all)))
    }

    /// A range of these bytes, which is cut off at their end. It shares a mapped file and copies memory.
    #[must_use]
    pub fn part(&self, range: Range<usize>) -> Bytes {
        let range = range.start.min(self.len())..range.end.min(self.len());
        match &self.0 {
            Source::Memory(bytes) => Bytes(Source::Memory(bytes[range].into())),
            Source::File(map, all) => {
                let range = all.start + range.start..all.start + range.end;
                Bytes(Source::File(map.clone(), range))
            }
        }
    }

    /// Whether the bytes stay in a file.
    pub fn is_mapped(&self) -> bool {
        matches!(self.0, Source::File(..))
    }

    /// Gives the pages of a mapped file in `range` back to the system; they are read again when they are needed.
    pub fn release(&self, range: Range<usize>) {
        #[cfg(unix)]
        if let Source::File(map, all) = &self.0 {
            let end = (all.start + range.end).min(all.end);
            let start = (all.start + range.start).min(end);
            // SAFETY: the map is of a file and never written, so a page that is read again has the same contents.
            let _ = unsafe {
                map.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, start, end - start)
            };
        }
        #[cfg(not(unix))]
        let _ = range;
    }

    /// Passes the bytes to `each` in order, in pieces of whole units of `unit` bytes, and releases each piece after it.
    pub(super) fn pass(&self, unit: usize, mut each: impl FnMut(&[u8])) {
        let piece = (PASS_BYTES / unit.max(1)).max(1) * unit.max(1);
        let mut at = 0;
        while at < self.len() {
            let end = (at + piece).min(self.len());
            each(&self[at..end]);
            self.release(at..end);
            at = end;
        }
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Source::Memory(bytes) => bytes,
            Source::File(map, range) => &map[range.clone()],
        }
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Bytes {
        Bytes(Source::Memory(bytes.into()))
    }
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Bytes {
        Bytes(Source::Memory(bytes.into()))
    }
}

impl FromIterator<u8> for Bytes {
    fn from_iter<I: IntoIterator<Item = u8>>(bytes: I) -> Bytes {
        Bytes(Source::Memory(bytes.into_iter().collect()))
    }
}

impl PartialEq for Bytes {
    fn eq(&self, other: &Bytes) -> bool {
        **self == **other
    }
}

impl Eq for Bytes {}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match self.is_mapped() {
            true => "in a file",
            false => "in memory",
        };
        write!(f, "{} bytes {place}", self.len())
    }
}
