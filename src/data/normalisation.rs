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
        let channels = channels(&column.spec);
        let moments = (0..channels).map(|channel| match column.spec.dtype {
            Dtype::U8 => moments_of_bytes(column, channel, channels, scale),
            _ => moments(column, channel, channels, scale),
        });
        let (mean, std) = moments
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

fn moments_of_bytes(column: &Column, channel: usize, channels: usize, scale: f64) -> (f64, f64) {
    let plane = (column.spec.elements() / channels).max(1);
    let mut counts = [0u64; 256];
    for values in column
        .bytes
        .chunks_exact(plane)
        .skip(channel)
        .step_by(channels)
    {
        values.iter().for_each(|&b| counts[usize::from(b)] += 1);
    }
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
}

fn moments(column: &Column, channel: usize, channels: usize, scale: f64) -> (f64, f64) {
    let plane = (column.spec.elements() / channels).max(1);
    let values = || {
        let all = column.values().enumerate();
        all.filter(move |(at, _)| at / plane % channels == channel)
            .map(move |(_, x)| x / scale)
    };
    let total = values().count().max(1) as f64;
    let mean = values().sum::<f64>() / total;
    let square = values().map(|x| (x - mean).powi(2)).sum::<f64>() / total;
    (mean, square.sqrt())
}
