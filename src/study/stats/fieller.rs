//! Means of costs and their ratios, on the scale of the costs: sums of joules add up there, and their logarithms do not.

use serde::Serialize;

use super::interval::{Interval, t_reach};
use super::log_cost::{mean_log, squares};

/// An arithmetic mean with its 95 % t interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Mean {
    pub mean: f64,
    /// `None` for fewer than two values, and for equal ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
}

impl Mean {
    /// `None` without values.
    pub fn of(values: &[f64]) -> Option<Self> {
        let count = values.len() as f64;
        let error = (squares(values) / (count - 1.0) / count).sqrt();
        (!values.is_empty()).then(|| Self {
            mean: mean_log(values),
            interval: (error > 0.0).then(|| {
                let reach = t_reach(count - 1.0) * error;
                Interval {
                    low: mean_log(values) - reach,
                    high: mean_log(values) + reach,
                }
            }),
        })
    }
}

/// What the data allow for a ratio of two means (Fieller, J. R. Stat. Soc. B 16, 1954).
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fieller {
    /// 95 % interval.
    Between(Interval),
    /// The denominator is not significantly different from zero: every ratio is possible but those between the two ends.
    Outside(Interval),
    /// Every ratio is possible.
    Any,
    /// A single pair, or no spread at all.
    Unknown,
}

/// The ratio of two means with its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct MeanRatio {
    pub ratio: f64,
    pub interval: Fieller,
}

impl MeanRatio {
    /// The mean of the first values over that of the second; the two of a pair belong to one seed, so their covariance counts.
    /// `None` without pairs, and if the second mean is zero.
    pub fn paired(pairs: &[(f64, f64)]) -> Option<Self> {
        let (x, y): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
        let (mean_x, mean_y) = (mean_log(&x), mean_log(&y));
        if pairs.is_empty() || mean_y == 0.0 {
            return None;
        }
        let ratio = mean_x / mean_y;
        let count = pairs.len() as f64;
        let of_mean = (count - 1.0) * count;
        let products = pairs.iter().map(|(a, b)| (a - mean_x) * (b - mean_y));
        let [xx, yy, xy] = [squares(&x), squares(&y), products.sum()].map(|sum| sum / of_mean);
        if pairs.len() < 2 || (xx == 0.0 && yy == 0.0) {
            let interval = Fieller::Unknown;
            return Some(Self { ratio, interval });
        }
        let t = t_reach(count - 1.0).powi(2);
        // The ratios r with (x - r y)^2 <= t^2 var(x - r y).
        let (a, b, c) = (
            mean_y * mean_y - t * yy,
            mean_x * mean_y - t * xy,
            mean_x * mean_x - t * xx,
        );
        let root = b * b - a * c;
        let ends = || {
            let ends = [(b - root.sqrt()) / a, (b + root.sqrt()) / a];
            Interval {
                low: ends[0].min(ends[1]),
                high: ends[0].max(ends[1]),
            }
        };
        let interval = match (a > 0.0, root >= 0.0) {
            (true, true) => Fieller::Between(ends()),
            (false, true) if a < 0.0 => Fieller::Outside(ends()),
            _ => Fieller::Any,
        };
        Some(Self { ratio, interval })
    }
}

/// The geometric mean of positive ratios with its 95 % t interval on their logarithms.
pub fn log_mean(ratios: &[f64]) -> Option<Mean> {
    let logs: Vec<f64> = ratios.iter().map(|ratio| ratio.ln()).collect();
    let of = Mean::of(&logs)?;
    Some(Mean {
        mean: of.mean.exp(),
        interval: of.interval.map(|i| Interval {
            low: i.low.exp(),
            high: i.high.exp(),
        }),
    })
}
