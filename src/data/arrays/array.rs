//! An array of a file, with an element type of a column.
use crate::data::reader::column;
use crate::data::{Bytes, Column, DataError, Dtype};

/// Numbers as a file stores them, little-endian.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Stored {
    /// As a column stores them.
    Same(Dtype),
    Bool,
    U32,
    U64,
    I64,
    F64,
}

impl Stored {
    pub fn size_bytes(self) -> usize {
        match self {
            Stored::Same(dtype) => dtype.size_bytes(),
            Stored::Bool => 1,
            Stored::U32 => 4,
            Stored::U64 | Stored::I64 | Stored::F64 => 8,
        }
    }
}

/// An array whose first dimension counts samples.
#[derive(Debug)]
pub(super) struct Array {
    /// File and name, for errors.
    pub place: String,
    pub dtype: Dtype,
    pub dims: Vec<usize>,
    pub bytes: Bytes,
    /// Whether the channels came last.
    pub moved_channels: bool,
}

impl Default for Array {
    fn default() -> Array {
        Array {
            place: String::new(),
            dtype: Dtype::U8,
            dims: vec![],
            bytes: Bytes::from(vec![]),
            moved_channels: false,
        }
    }
}

impl Array {
    /// An array of `stored` numbers, which are converted to a type of columns. `bytes` has exactly the size that type and
    /// `dims` say.
    pub fn new(
        place: String,
        stored: Stored,
        dims: Vec<usize>,
        bytes: Bytes,
    ) -> Result<Array, DataError> {
        let per_sample = dims.iter().skip(1).product::<usize>().max(1);
        let outside = |at: usize| DataError::NonFinite {
            place: place.clone(),
            sample: at / per_sample,
        };
        // Whole numbers become i32, others f32.
        let (dtype, bytes) = match stored {
            Stored::Same(dtype) => (dtype, bytes),
            Stored::Bool => (Dtype::U8, bytes),
            Stored::U32 => {
                let values = bytes
                    .as_chunks::<4>()
                    .0
                    .iter()
                    .map(|b| i64::from(u32::from_le_bytes(*b)));
                (Dtype::I32, whole(values, outside)?)
            }
            Stored::I64 => {
                let values = bytes
                    .as_chunks::<8>()
                    .0
                    .iter()
                    .map(|b| i64::from_le_bytes(*b));
                (Dtype::I32, whole(values, outside)?)
            }
            Stored::U64 => {
                let values = bytes.as_chunks::<8>().0.iter();
                let values =
                    values.map(|b| i64::try_from(u64::from_le_bytes(*b)).unwrap_or(i64::MAX));
                (Dtype::I32, whole(values, outside)?)
            }
            Stored::F64 => {
                let mut narrow = Vec::with_capacity(bytes.len() / 2);
                for (at, b) in bytes.as_chunks::<8>().0.iter().enumerate() {
                    let value = f64::from_le_bytes(*b) as f32;
                    if !value.is_finite() {
                        return Err(outside(at));
                    }
                    narrow.extend(value.to_le_bytes());
                }
                (Dtype::F32, narrow.into())
            }
        };
        Ok(Array {
            place,
            dtype,
            dims,
            bytes,
            moved_channels: false,
        })
    }

    pub fn values_per_sample(&self) -> usize {
        self.dims.iter().skip(1).product()
    }

    /// As inputs: bytes of `[samples, height, width]` are images of one channel, and images whose one, three or four
    /// channels come last get them first.
    pub fn inputs(mut self) -> Array {
        match *self.dims.as_slice() {
            [samples, height, width] if self.dtype == Dtype::U8 => {
                self.dims = vec![samples, 1, height, width];
            }
            [samples, height, width, channels @ (1 | 3 | 4)] if !matches!(height, 1 | 3 | 4) => {
                self.dims = vec![samples, channels, height, width];
                if channels > 1 {
                    self.bytes = channels_first(
                        &self.bytes,
                        self.dtype.size_bytes(),
                        height * width,
                        channels,
                    );
                    self.moved_channels = true;
                }
            }
            _ => {}
        }
        self
    }

    /// As targets: a column of one number per sample loses its second dimension.
    pub fn targets(mut self) -> Result<Array, DataError> {
        match self.dims.as_slice() {
            [_] => {}
            [samples, 1] => self.dims = vec![*samples],
            [_, _] => {}
            _ => {
                return Err(DataError::BadShape {
                    place: self.place,
                    shape: self.dims,
                    wanted: "one or two dimensions of targets",
                });
            }
        }
        Ok(self)
    }

    pub fn column(&self, name: &str) -> Column {
        let shape = self.dims.get(1..).unwrap_or_default();
        column(name, self.dtype, shape, self.bytes.clone())
    }
}

fn whole(
    values: impl Iterator<Item = i64>,
    outside: impl Fn(usize) -> DataError,
) -> Result<Bytes, DataError> {
    let mut bytes = vec![];
    for (at, value) in values.enumerate() {
        let value = i32::try_from(value).map_err(|_| outside(at))?;
        bytes.extend(value.to_le_bytes());
    }
    Ok(bytes.into())
}

/// Moves the last dimension of every image to the front.
fn channels_first(bytes: &[u8], size: usize, pixels: usize, channels: usize) -> Bytes {
    let mut out = Vec::with_capacity(bytes.len());
    for image in bytes.chunks_exact((pixels * channels * size).max(1)) {
        for channel in 0..channels {
            for pixel in 0..pixels {
                let at = (pixel * channels + channel) * size;
                out.extend_from_slice(&image[at..at + size]);
            }
        }
    }
    out.into()
}
