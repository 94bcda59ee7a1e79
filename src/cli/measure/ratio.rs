//! The ratio of paired runs and its confidence interval.

use statrs::distribution::{ContinuousCDF as _, StudentsT};

use crate::energy::Interval;

/// The geometric mean of ratios.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio {
    pub ratio: f64,
    /// 95 % confidence interval; `None` for a single pair.
    pub interval: Option<Interval>,
}

impl Ratio {
    /// The ratios of `of` to `to`, run in pairs. `floor` is the smallest half-width of the logarithm's interval, given by
    /// the repeatability of the sensor.
    pub fn of_pairs(of: &[f64], to: &[f64], floor: f64) -> Self {
        let logs: Vec<f64> = of.iter().zip(to).map(|(a, b)| (a / b).ln()).collect();
        let mean = logs.iter().sum::<f64>() / logs.len() as f64;
        Self {
            ratio: mean.exp(),
            interval: half_of_mean(&logs).map(|half| Interval {
                low: (mean - half.max(floor)).exp(),
                high: (mean + half.max(floor)).exp(),
            }),
        }
    }

    /// Whether it differs significantly from 1.
    pub fn is_significant(self) -> bool {
        self.interval.is_some_and(|interval| !interval.holds(1.0))
    }
}

/// Half of the 95 % confidence interval of the mean, by Student's t; `None` for fewer than two values.
pub fn half_of_mean(values: &[f64]) -> Option<f64> {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let t = StudentsT::new(0.0, 1.0, count - 1.0).ok()?;
    Some(t.inverse_cdf(0.975) * (squares / (count - 1.0) / count).sqrt())
}

/// Half of the interval of the logarithm of a mean of figures, each with half of its interval.
pub fn relative_error_of_mean(figures: &[(f64, Option<f64>)]) -> f64 {
    let squares: f64 = figures
        .iter()
        .map(|&(figure, half)| (half.unwrap_or(0.0) / figure).powi(2))
        .sum();
    squares.sqrt() / figures.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interval_uses_students_t() {
        // t of 0.975 at 4 degrees of freedom is 2.776445 in any table; the standard deviation of 1..5 is sqrt(2.5).
        let half = half_of_mean(&[1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
        assert!((half - 2.776_445 * 0.5f64.sqrt()).abs() < 1e-5, "{half}");
        assert_eq!(half_of_mean(&[1.0]), None);
    }

    #[test]
    fn ratios_of_pairs_are_invertible() {
        let a = [10.0, 20.0, 40.0];
        let b = [5.1, 9.9, 20.2];
        let there = Ratio::of_pairs(&a, &b, 0.0);
        let back = Ratio::of_pairs(&b, &a, 0.0);
        assert!((there.ratio * back.ratio - 1.0).abs() < 1e-12);
        assert!((1.9..2.1).contains(&there.ratio) && there.is_significant());
        let (there, back) = (there.interval.unwrap(), back.interval.unwrap());
        assert!((there.low * back.high - 1.0).abs() < 1e-12);
        // A drift shared by both is no difference.
        assert!(!Ratio::of_pairs(&a, &[10.2, 19.7, 40.1], 0.0).is_significant());
    }

    #[test]
    fn interval_is_at_least_the_repeatability_of_the_sensor() {
        let same = Ratio::of_pairs(&[2.0, 2.0], &[1.0, 1.0], 0.1);
        let interval = same.interval.unwrap();
        assert!((interval.high / 2.0 - 0.1f64.exp()).abs() < 1e-12);
        assert_eq!(Ratio::of_pairs(&[2.0], &[1.0], 0.1).interval, None);
    }
}
