//! Picking a batch's rows out of a data set, and normalising them.

/// `(value / scale - mean) / std`, the way from a stored value to a network's input.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Normalise {
    /// Divides the stored value: 255 for bytes, 1 for floats.
    pub scale: f64,
    /// Subtracted from the scaled value.
    pub mean: f64,
    /// Divides what is left.
    pub std: f64,
}

impl Normalise {
    /// One value, normalised.
    pub fn apply(&self, value: f64) -> f64 {
        (value / self.scale - self.mean) / self.std
    }
}

/// The rows `indices` of `data` \[rows, row_length\], normalised, as \[indices, row_length\]. Bytes and f32 both convert to
/// f64 without loss.
pub fn gather<T: Copy + Into<f64>>(
    data: &[T],
    row_length: usize,
    indices: &[usize],
    normalise: Normalise,
) -> Vec<f64> {
    let mut batch = Vec::with_capacity(indices.len() * row_length);
    for &row in indices {
        for &value in &data[row * row_length..(row + 1) * row_length] {
            batch.push(normalise.apply(value.into()));
        }
    }
    batch
}
