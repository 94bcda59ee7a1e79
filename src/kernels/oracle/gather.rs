//! Gathers the samples of a batch from a dataset, normalised.

use crate::data::{Augmentation, Changes, Normalisation};
use crate::kernels::Shape;

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

/// One normalised sample after `changes`: a crop of the padded sample, then its mirror image, then the hole. `raw` is the
/// sample as stored.
pub fn augment<T: Copy + Into<f64>>(
    raw: &[T],
    shape: Shape,
    normalisation: &Normalisation,
    augmentation: Augmentation,
    changes: Changes,
) -> Vec<f64> {
    let (width, height) = (shape.width as i32, shape.height as i32);
    let pixel = |channel: i32, row: i32, column: i32| -> f64 {
        let inside = (0..height).contains(&row) && (0..width).contains(&column);
        if !inside && !augmentation.edge {
            return 0.0;
        }
        let (row, column) = (row.clamp(0, height - 1), column.clamp(0, width - 1));
        raw[((channel * height + row) * width + column) as usize].into()
    };
    let half = (augmentation.cutout / 2) as i32;
    let [x, y] = changes.centre.map(|centre| centre as i32);
    let hole = |at: i32, centre: i32| {
        (centre - half..centre - half + augmentation.cutout as i32).contains(&at)
    };
    let mut out = vec![];
    for channel in 0..shape.channels as i32 {
        let of = |values: &[f64]| values[channel as usize % values.len()];
        let (mean, std) = (of(&normalisation.mean), of(&normalisation.std));
        for row in 0..height {
            for column in 0..width {
                if hole(column, x) && hole(row, y) {
                    out.push(0.0);
                    continue;
                }
                let cropped = match changes.mirrored {
                    true => width - 1 - column,
                    false => column,
                };
                let value = pixel(channel, row + changes.down, cropped + changes.right);
                out.push((value / normalisation.scale - mean) / std);
            }
        }
    }
    out
}
