//! NumPy's `.npy` format, version 1 to 3, and `.npz`, a zip archive of it.
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use super::array::{Array, Stored};
use super::is_wanted;
use crate::data::{Bytes, DataError, Dtype};

/// The header: what the array is, and where its values begin.
struct Header {
    stored: Stored,
    dims: Vec<usize>,
    start: usize,
}

/// Reads a `.npy` file; its values stay in the file.
pub(super) fn read(path: &Path) -> Result<Array, DataError> {
    let place = path.display().to_string();
    let bytes = Bytes::map(path)?;
    let header = Header::parse(&bytes).map_err(|(what, fix)| DataError::File {
        path: path.to_owned(),
        what,
        fix,
    })?;
    let values = bytes.part(header.start..bytes.len());
    Array::new(place, header.stored, header.dims, values)
}

/// Reads the arrays of an `.npz` file whose names are known here; of the others only the names.
pub(super) fn read_npz(path: &Path) -> Result<Vec<(String, Array)>, DataError> {
    let error = |what: String, fix| DataError::File {
        path: path.to_owned(),
        what,
        fix,
    };
    const AGAIN: &str = "write or download it again";
    let damaged = |why: &dyn std::fmt::Display| error(format!("is damaged ({why})"), AGAIN);
    let file = File::open(path).map_err(|source| DataError::Io {
        path: path.to_owned(),
        source,
    })?;
    let mut archive = zip::ZipArchive::new(file).map_err(|why| damaged(&why))?;
    let mut arrays = vec![];
    for at in 0..archive.len() {
        let mut entry = archive.by_index(at).map_err(|why| damaged(&why))?;
        let name = entry.name().to_owned();
        let Some(name) = name.strip_suffix(".npy").map(str::to_owned) else {
            continue;
        };
        if !is_wanted(&name) {
            arrays.push((name, Array::default()));
            continue;
        }
        let mut bytes = vec![];
        entry.read_to_end(&mut bytes).map_err(|why| damaged(&why))?;
        let header = Header::parse(&bytes)
            .map_err(|(what, fix)| error(format!("has an array {name} that {what}"), fix))?;
        bytes.drain(..header.start);
        let place = format!("{} ({name})", path.display());
        arrays.push((
            name,
            Array::new(place, header.stored, header.dims, bytes.into())?,
        ));
    }
    Ok(arrays)
}

impl Header {
    /// Reads the header and checks that as many bytes follow as it says.
    fn parse(bytes: &[u8]) -> Result<Header, (String, &'static str)> {
        const AGAIN: &str = "write it again with numpy.save";
        let start = |at: usize, text: &[u8]| {
            let text = String::from_utf8_lossy(text).into_owned();
            (at + text.len(), text)
        };
        let (start, text) = match bytes {
            [
                0x93,
                b'N',
                b'U',
                b'M',
                b'P',
                b'Y',
                1,
                _,
                low,
                high,
                rest @ ..,
            ] => {
                let len = usize::from(u16::from_le_bytes([*low, *high]));
                start(10, rest.get(..len).unwrap_or(rest))
            }
            [
                0x93,
                b'N',
                b'U',
                b'M',
                b'P',
                b'Y',
                2 | 3,
                _,
                a,
                b,
                c,
                d,
                rest @ ..,
            ] => {
                let len = u32::from_le_bytes([*a, *b, *c, *d]) as usize;
                start(12, rest.get(..len).unwrap_or(rest))
            }
            _ => return Err(("is not a .npy file".into(), AGAIN)),
        };
        // A Python dictionary: {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }.
        let value = |key: &str| {
            let (_, rest) = text.split_once(&format!("'{key}':"))?;
            Some(rest.trim_start())
        };
        let damaged = || ("has a damaged header".to_owned(), AGAIN);
        let quoted = value("descr").and_then(|rest| rest.strip_prefix('\''));
        let descr = quoted.and_then(|rest| Some(rest.split_once('\'')?.0));
        let Some(descr) = descr else {
            let what = "has elements that are not plain numbers".to_owned();
            return Err((what, "save an array of numbers"));
        };
        let Some(stored) = stored(descr) else {
            let what = format!("has elements of type {descr}");
            return Err((what, "convert it to little-endian integers or floats"));
        };
        if value("fortran_order").ok_or_else(damaged)?.starts_with('T') {
            let what = "is stored column by column".to_owned();
            return Err((what, "save numpy.ascontiguousarray of it"));
        }
        let shape = value("shape").and_then(|rest| rest.strip_prefix('('));
        let shape = shape
            .and_then(|rest| rest.split_once(')'))
            .ok_or_else(damaged)?
            .0;
        let words = shape
            .split(',')
            .map(str::trim)
            .filter(|word| !word.is_empty());
        let dims: Vec<usize> = words
            .map(|word| word.parse().map_err(|_| damaged()))
            .collect::<Result<_, _>>()?;
        let size = dims
            .iter()
            .try_fold(stored.size_bytes(), |all, n| all.checked_mul(*n));
        let found = bytes.len() - start.min(bytes.len());
        if size != Some(found) {
            let expected = size.map_or("more".into(), |size| size.to_string());
            return Err((
                format!("has {found} bytes of values, its header states {expected}"),
                "write or download it again",
            ));
        }
        Ok(Header {
            stored,
            dims,
            start,
        })
    }
}

/// The element type of a `descr`.
fn stored(descr: &str) -> Option<Stored> {
    Some(match descr {
        "|u1" | "<u1" => Stored::Same(Dtype::U8),
        "|i1" | "<i1" => Stored::Same(Dtype::I8),
        "<u2" => Stored::Same(Dtype::U16),
        "<i2" => Stored::Same(Dtype::I16),
        "<i4" => Stored::Same(Dtype::I32),
        "<f4" => Stored::Same(Dtype::F32),
        "|b1" => Stored::Bool,
        "<u4" => Stored::U32,
        "<u8" => Stored::U64,
        "<i8" => Stored::I64,
        "<f2" => Stored::Same(Dtype::F16),
        "<f8" => Stored::F64,
        _ => return None,
    })
}
