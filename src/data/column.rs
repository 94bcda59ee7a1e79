//! Columns: one kind of value for every sample, as bytes in the layout that a device reads, and their shards.
use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use super::{Bytes, DataError};

/// Element type of a column, stored little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dtype {
    /// Unsigned, 8 bits.
    U8,
    /// Signed, 8 bits.
    I8,
    /// Unsigned, 16 bits.
    U16,
    /// Signed, 16 bits.
    I16,
    /// Signed, 32 bits.
    I32,
    /// IEEE half precision.
    F16,
    /// IEEE single precision.
    F32,
}

impl Dtype {
    /// Bytes of one element.
    pub const fn size_bytes(self) -> usize {
        match self {
            Dtype::U8 | Dtype::I8 => 1,
            Dtype::U16 | Dtype::I16 | Dtype::F16 => 2,
            Dtype::I32 | Dtype::F32 => 4,
        }
    }

    /// Bytes of four elements, the unit in which tensors are laid out on the device.
    pub(crate) const fn quad_bytes(self) -> u64 {
        4 * self.size_bytes() as u64
    }

    /// Whether elements are integers.
    pub const fn is_integer(self) -> bool {
        !matches!(self, Dtype::F16 | Dtype::F32)
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Dtype::U8 => "u8",
            Dtype::I8 => "i8",
            Dtype::U16 => "u16",
            Dtype::I16 => "i16",
            Dtype::I32 => "i32",
            Dtype::F16 => "f16",
            Dtype::F32 => "f32",
        })
    }
}

/// Name, element type and sample shape of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnSpec {
    /// The name, such as `image` or `label`.
    pub name: String,
    /// The element type.
    pub dtype: Dtype,
    /// Shape of one sample: `[channels, height, width]`, `[channels, length]`, `[features]`, or empty for one number.
    pub shape: Vec<usize>,
}

impl ColumnSpec {
    /// Elements of one sample.
    pub fn elements(&self) -> usize {
        self.shape
            .iter()
            .fold(1usize, |product, &n| product.saturating_mul(n))
    }

    /// Bytes of one sample.
    pub fn sample_bytes(&self) -> usize {
        self.elements().saturating_mul(self.dtype.size_bytes())
    }
}

impl fmt::Display for ColumnSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\" ({} {:?})", self.name, self.dtype, self.shape)
    }
}

/// One kind of value for every sample of a split.
#[derive(Clone, PartialEq, Eq)]
pub struct Column {
    /// Name, element type and sample shape.
    pub spec: ColumnSpec,
    /// The samples one after another, without padding, elements little-endian; clones share them.
    pub bytes: Bytes,
}

impl fmt::Debug for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Column {{ {}, {} bytes }}", self.spec, self.bytes.len())
    }
}

/// The training or the test part of a dataset. Every column holds [`Split::len`] samples, in the same order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// Number of samples.
    pub len: usize,
    /// Inputs of a network.
    pub inputs: Vec<Column>,
    /// Label columns, which losses and metrics compare outputs with.
    pub targets: Vec<Column>,
}

impl Split {
    /// All columns, inputs first.
    pub fn columns(&self) -> impl Iterator<Item = &Column> {
        self.inputs.iter().chain(&self.targets)
    }
}

/// Consecutive samples of a column that fit one binding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Index of the first sample.
    pub first: usize,
    /// Number of samples, at least 1.
    pub len: usize,
    /// Range of the bytes in the column.
    pub bytes: Range<usize>,
}

impl Column {
    /// Number of samples.
    pub fn len(&self) -> usize {
        self.bytes.len() / self.spec.sample_bytes().max(1)
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Every element in order; f64 holds each element type exactly.
    pub fn values(&self) -> Box<dyn Iterator<Item = f64> + '_> {
        let bytes = &self.bytes;
        match self.spec.dtype {
            Dtype::U8 => Box::new(bytes.iter().map(|&b| f64::from(b))),
            Dtype::I8 => Box::new(bytes.iter().map(|&b| f64::from(b as i8))),
            Dtype::U16 => Box::new(
                bytes
                    .as_chunks::<2>()
                    .0
                    .iter()
                    .map(|b| f64::from(u16::from_le_bytes(*b))),
            ),
            Dtype::I16 => Box::new(
                bytes
                    .as_chunks::<2>()
                    .0
                    .iter()
                    .map(|b| f64::from(i16::from_le_bytes(*b))),
            ),
            Dtype::I32 => Box::new(
                bytes
                    .as_chunks::<4>()
                    .0
                    .iter()
                    .map(|b| f64::from(i32::from_le_bytes(*b))),
            ),
            Dtype::F16 => Box::new(
                bytes
                    .as_chunks::<2>()
                    .0
                    .iter()
                    .map(|b| half::f16::from_le_bytes(*b).to_f64()),
            ),
            Dtype::F32 => Box::new(
                bytes
                    .as_chunks::<4>()
                    .0
                    .iter()
                    .map(|b| f64::from(f32::from_le_bytes(*b))),
            ),
        }
    }

    /// Divides the column into shards of at most `limit_bytes` each, padding to a multiple of 4 bytes included. All shards
    /// but the last hold the same number of samples, so that sample `i` is in shard `i / shards[0].len`.
    ///
    /// # Errors
    /// [`DataError::SampleAboveLimit`] where one sample is larger than the limit.
    pub fn shards(&self, limit_bytes: u64) -> Result<Vec<Shard>, DataError> {
        let sample = self.spec.sample_bytes().max(1);
        // Bindings consist of 4-byte words: counting in words keeps a padded shard below the limit too.
        let usable = usize::try_from(limit_bytes / 4 * 4).unwrap_or(usize::MAX);
        let per_shard = usable / sample;
        if per_shard == 0 {
            return Err(DataError::SampleAboveLimit {
                column: self.spec.name.clone(),
                bytes: (sample as u64).next_multiple_of(4),
                limit: limit_bytes,
            });
        }
        let total = self.len();
        let mut shards = Vec::with_capacity(total.div_ceil(per_shard));
        let mut first = 0;
        while first < total {
            let len = per_shard.min(total - first);
            shards.push(Shard {
                first,
                len,
                bytes: first * sample..(first + len) * sample,
            });
            first += len;
        }
        Ok(shards)
    }

    /// The bytes of a shard, padded with zeros to a multiple of 4; borrowed where no padding is needed.
    ///
    /// # Errors
    /// [`DataError::ForeignShard`] where the shard is outside this column.
    pub fn shard_bytes(&self, shard: &Shard) -> Result<Cow<'_, [u8]>, DataError> {
        let Some(bytes) = self.bytes.get(shard.bytes.clone()) else {
            return Err(DataError::ForeignShard {
                column: self.spec.name.clone(),
                start: shard.bytes.start,
                end: shard.bytes.end,
                len: self.bytes.len(),
            });
        };
        if bytes.len().is_multiple_of(4) {
            return Ok(Cow::Borrowed(bytes));
        }
        let mut padded = Vec::with_capacity(bytes.len().next_multiple_of(4));
        padded.extend_from_slice(bytes);
        padded.resize(bytes.len().next_multiple_of(4), 0);
        Ok(Cow::Owned(padded))
    }
}
