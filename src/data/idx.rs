//! IDX files, plain or gzip: the format of MNIST and its relatives. Two zero bytes, an element type, a number of
//! dimensions, the dimensions as big-endian u32, then the elements, big-endian.
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use super::{DataError, Dtype};

/// The array of an IDX file.
#[derive(Clone, PartialEq, Eq)]
pub struct IdxArray {
    /// Element type; f64 becomes [`Dtype::F32`].
    pub dtype: Dtype,
    /// All dimensions, outermost (the samples) first.
    pub dims: Vec<usize>,
    /// Elements in order, little-endian.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for IdxArray {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "IdxArray {{ {} {:?}, {} bytes }}",
            self.dtype,
            self.dims,
            self.bytes.len()
        )
    }
}

/// Reads an IDX file, plain or gzip by its first bytes.
///
/// # Errors
/// [`DataError::Io`], [`DataError::BadMagic`], [`DataError::TruncatedGz`], [`DataError::CorruptGz`],
/// [`DataError::Truncated`], [`DataError::TrailingBytes`], [`DataError::BadShape`] when the dimensions overflow, and
/// [`DataError::NonFinite`] when an f64 does not fit f32.
pub fn read_idx(path: &Path) -> Result<IdxArray, DataError> {
    let io_error = |source| DataError::Io {
        path: path.to_owned(),
        source,
    };
    let mut file = BufReader::with_capacity(1 << 16, File::open(path).map_err(io_error)?);
    let zipped = file
        .fill_buf()
        .map_err(io_error)?
        .starts_with(&[0x1f, 0x8b]);
    if zipped {
        parse(MultiGzDecoder::new(file), path, true)
    } else {
        parse(file, path, false)
    }
}

fn parse(mut reader: impl Read, path: &Path, zipped: bool) -> Result<IdxArray, DataError> {
    let magic = take(&mut reader, 4, path, zipped)?;
    let (code, dtype, width) = match magic.as_slice() {
        [0, 0, code @ 0x08, 1..=8] => (*code, Dtype::U8, 1u64),
        [0, 0, code @ 0x09, 1..=8] => (*code, Dtype::I8, 1),
        [0, 0, code @ 0x0b, 1..=8] => (*code, Dtype::I16, 2),
        [0, 0, code @ 0x0c, 1..=8] => (*code, Dtype::I32, 4),
        [0, 0, code @ 0x0d, 1..=8] => (*code, Dtype::F32, 4),
        [0, 0, code @ 0x0e, 1..=8] => (*code, Dtype::F32, 8),
        _ => {
            return Err(DataError::BadMagic {
                path: path.to_owned(),
                found: magic,
            });
        }
    };
    let rank = usize::from(magic[3]);
    let header = 4 + 4 * rank as u64;

    let raw_dims = take(&mut reader, 4 * rank as u64, path, zipped)?;
    if raw_dims.len() < 4 * rank {
        let found = 4 + raw_dims.len() as u64;
        return Err(DataError::Truncated {
            path: path.to_owned(),
            expected: header,
            found,
        });
    }
    let dims: Vec<usize> = raw_dims
        .as_chunks::<4>()
        .0
        .iter()
        .map(|b| u32::from_be_bytes(*b) as usize)
        .collect();
    let payload = dims
        .iter()
        .try_fold(width, |product, &n| product.checked_mul(n as u64))
        .filter(|&n| n <= isize::MAX as u64 - header)
        .ok_or_else(|| DataError::BadShape {
            place: path.display().to_string(),
            shape: dims.clone(),
            wanted: "dimensions that fit in memory",
        })?;

    // One byte more than the header says reveals trailing bytes; reading to the end verifies the checksum of gzip.
    let mut bytes = take(&mut reader, payload + 1, path, zipped)?;
    let expected = header + payload;
    let found = bytes.len() as u64;
    if found < payload {
        return Err(DataError::Truncated {
            path: path.to_owned(),
            expected,
            found: header + found,
        });
    }
    if found > payload {
        return Err(DataError::TrailingBytes {
            path: path.to_owned(),
            expected,
        });
    }

    match code {
        0x0b => bytes
            .as_chunks_mut::<2>()
            .0
            .iter_mut()
            .for_each(|b| b.reverse()),
        0x0c | 0x0d => bytes
            .as_chunks_mut::<4>()
            .0
            .iter_mut()
            .for_each(|b| b.reverse()),
        0x0e => bytes = narrow(&bytes, &dims, path)?,
        _ => {}
    }
    Ok(IdxArray { dtype, dims, bytes })
}

/// Big-endian f64 to little-endian f32. Rejects a value that is finite only as f64; the dataset checks for others that are
/// not finite.
fn narrow(bytes: &[u8], dims: &[usize], path: &Path) -> Result<Vec<u8>, DataError> {
    let per_sample: usize = dims.iter().skip(1).product::<usize>().max(1);
    let mut out = Vec::with_capacity(bytes.len() / 2);
    for (i, b) in bytes.as_chunks::<8>().0.iter().enumerate() {
        let wide = f64::from_be_bytes(*b);
        let value = wide as f32;
        if wide.is_finite() && !value.is_finite() {
            return Err(DataError::NonFinite {
                place: path.display().to_string(),
                sample: i / per_sample,
            });
        }
        out.extend_from_slice(&value.to_le_bytes());
    }
    Ok(out)
}

/// At most `count` bytes: fewer only at the end of the file.
fn take(
    reader: &mut impl Read,
    count: u64,
    path: &Path,
    zipped: bool,
) -> Result<Vec<u8>, DataError> {
    // A damaged header must not reserve all memory.
    let mut bytes = Vec::with_capacity(count.min(1 << 26) as usize);
    match reader.by_ref().take(count).read_to_end(&mut bytes) {
        Ok(_) => Ok(bytes),
        Err(source) if zipped => Err(match source.kind() {
            io::ErrorKind::UnexpectedEof => DataError::TruncatedGz {
                path: path.to_owned(),
            },
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => DataError::CorruptGz {
                path: path.to_owned(),
                source,
            },
            _ => DataError::Io {
                path: path.to_owned(),
                source,
            },
        }),
        Err(source) => Err(DataError::Io {
            path: path.to_owned(),
            source,
        }),
    }
}
