//! Normalisation of an input: a scale for all elements, a mean and a standard deviation for each channel.
use super::{Column, ColumnSpec, Dtype};

/// Constants that normalise an input: an element `x` of channel `c` becomes `(x / scale - mean[c]) / std[c]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Normalisation {
    /// Divides every element: 255 for u8 images, 16 for the digits, else 1.
    pub scale: f64,
    /// Mean of `x / scale`, one per channel.
    pub mean: Vec<f64>,
    /// Standard deviation of `x / scale` (divided by the count, not the count less one), one per channel.
    pub std: Vec<f64>,
}

impl Normalisation {
    /// Leaves every element of a sample of `channels` channels as it is.
    pub fn identity(channels: usize) -> Normalisation {
        Normalisation {
            scale: 1.0,
            mean: vec![0.0; channels],
            std: vec![1.0; channels],
        }
    }

    /// The moments of each channel of `column` divided by `scale`. Those of u8 elements are rounded to four decimals, the
    /// precision in which such constants are published. A deviation of 0 (all elements equal) becomes 1.
    pub(super) fn of(column: &Column, scale: f64) -> Normalisation {
        let moments = match column.spec.dtype {
            Dtype::U8 => moments_of_bytes(column, scale),
            _ => moments(column, scale),
        };
        let (mean, std) = moments
            .into_iter()
            .map(|(mean, std)| match std > 0.0 && std.is_finite() {
                true => (mean, std),
                false => (mean, 1.0),
            })
            .unzip();
        Normalisation { scale, mean, std }
    }
}

/// Channels of a sample: the first of two or more dimensions, else 1.
fn channels(spec: &ColumnSpec) -> usize {
    match spec.shape.as_slice() {
        [channels, _, ..] => *channels,
        _ => 1,
    }
}

/// Mean and deviation of each channel.
fn moments_of_bytes(column: &Column, scale: f64) -> Vec<(f64, f64)> {
    let channels = channels(&column.spec);
    let plane = (column.spec.elements() / channels).max(1);
    let mut counts = vec![[0u64; 256]; channels];
    column.bytes.pass(plane * channels, |samples| {
        for (at, values) in samples.chunks_exact(plane).enumerate() {
            let counts = &mut counts[at % channels];
            values.iter().for_each(|&b| counts[usize::from(b)] += 1);
        }
    });
    let of = |counts: [u64; 256]| {
        let total = counts.iter().sum::<u64>() as f64;
        let weighted = |f: &dyn Fn(f64) -> f64| {
            counts
                .iter()
                .enumerate()
                .map(|(value, &count)| count as f64 * f(value as f64 / scale))
                .sum::<f64>()
                / total
        };
        let mean = weighted(&|x| x);
        let std = weighted(&|x| (x - mean) * (x - mean)).sqrt();
        let round = |x: f64| (x * 1e4).round() / 1e4;
        (round(mean), round(std))
    };
    counts.into_iter().map(of).collect()
}

/// Mean and deviation of each channel, in one pass for all means and one for all deviations.
fn moments(column: &Column, scale: f64) -> Vec<(f64, f64)> {
    let channels = channels(&column.spec);
    let plane = (column.spec.elements() / channels).max(1);
    let total = (column.len() * plane).max(1) as f64;
    let mean_of = |term: &dyn Fn(usize, f64) -> f64| -> Vec<f64> {
        let mut sums = vec![0.0; channels];
        for (at, x) in column.values().enumerate() {
            let channel = at / plane % channels;
            sums[channel] += term(channel, x / scale);
        }
        sums.iter().map(|sum| sum / total).collect()
    };
    let means = mean_of(&|_, x| x);
    let squares = mean_of(&|channel, x| (x - means[channel]).powi(2));
    column.bytes.release(0..column.bytes.len());
    let deviations = squares.into_iter().map(f64::sqrt);
    means.iter().copied().zip(deviations).collect()
}
