//! Gathers the samples of a batch from a dataset, normalised.

use crate::data::Normalisation;

/// The samples `indices` of `data` \[samples, sample_length\], normalised, as \[indices, sample_length\]. Bytes and f32 both
/// convert to f64 without loss.
pub fn gather<T: Copy + Into<f64>>(
    data: &[T],
    sample_length: usize,
    indices: &[usize],
    normalisation: &Normalisation,
) -> Vec<f64> {
    let plane = sample_length / normalisation.mean.len();
    let mut batch = Vec::with_capacity(indices.len() * sample_length);
    for &sample in indices {
        let values = &data[sample * sample_length..(sample + 1) * sample_length];
        for (at, &value) in values.iter().enumerate() {
            let (mean, std) = (
                normalisation.mean[at / plane],
                normalisation.std[at / plane],
            );
            batch.push((value.into() / normalisation.scale - mean) / std);
        }
    }
    batch
}
