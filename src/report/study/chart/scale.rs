//! From values to places on an axis, and its ticks.

use super::super::display_unit::digits;

/// A linear or logarithmic axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    from: f64,
    to: f64,
    log: bool,
}

impl Scale {
    /// From 0, or below where `values` are negative, to a little above the largest.
    pub fn from_zero(values: impl IntoIterator<Item = f64>) -> Self {
        let (low, high) = extent(values).unwrap_or((0.0, 1.0));
        let (low, high) = (low.min(0.0), high.max(0.0));
        let high = if high > low { high } else { low + 1.0 };
        let room = 0.04 * (high - low);
        Self {
            from: if low < 0.0 { low - room } else { low },
            to: high + room,
            log: false,
        }
    }

    /// Around `values`; logarithmic if all are positive and the largest is more than four times the smallest.
    pub fn around(values: impl IntoIterator<Item = f64>) -> Self {
        let (low, high) = extent(values).unwrap_or((0.0, 1.0));
        if low > 0.0 && high > 4.0 * low {
            let room = (high / low).powf(0.06);
            return Self {
                from: low / room,
                to: high * room,
                log: true,
            };
        }
        let width = if high > low {
            high - low
        } else {
            low.abs().max(1e-9)
        };
        Self {
            from: low - 0.1 * width,
            to: high + 0.1 * width,
            log: false,
        }
    }

    /// Between two ends.
    pub fn between(from: f64, to: f64) -> Self {
        Self {
            from,
            to,
            log: false,
        }
    }

    /// The place of `value`: 0 at the start of the axis, 1 at its end.
    pub fn share(self, value: f64) -> f64 {
        match self.log {
            true => (value / self.from).ln() / (self.to / self.from).ln(),
            false => (value - self.from) / (self.to - self.from),
        }
    }

    /// About `most` round numbers on the axis, with their text.
    pub fn ticks(self, most: usize) -> Vec<(f64, String)> {
        if self.log {
            return self.log_ticks(most);
        }
        let step = round_step((self.to - self.from) / most.max(1) as f64);
        let places = (-step.log10().floor()).clamp(0.0, 9.0) as usize;
        let first = (self.from / step - 1e-9).ceil() as i64;
        let last = (self.to / step + 1e-9).floor() as i64;
        (first..=last)
            .map(|at| {
                let value = at as f64 * step;
                (value, format!("{value:.places$}"))
            })
            .collect()
    }

    fn log_ticks(self, most: usize) -> Vec<(f64, String)> {
        let decades = self.from.log10().floor() as i32..=self.to.log10().ceil() as i32;
        let with = |marks: &[f64]| -> Vec<f64> {
            decades
                .clone()
                .flat_map(|decade| marks.iter().map(move |mark| mark * 10f64.powi(decade)))
                .filter(|value| (self.from..=self.to).contains(value))
                .collect()
        };
        let choices: [&[f64]; 4] = [
            &[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0],
            &[1.0, 2.0, 3.0, 5.0],
            &[1.0, 3.0],
            &[1.0],
        ];
        let fits = |marks: &&[f64]| with(marks).len() <= most;
        let marks = choices.into_iter().find(fits).unwrap_or(&[1.0]);
        with(marks)
            .into_iter()
            .map(|value| {
                let text = digits(value);
                let plain = match text.contains('.') {
                    true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
                    false => text,
                };
                (value, plain)
            })
            .collect()
    }
}

/// The lowest and the highest of the finite values.
pub fn extent(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    values
        .into_iter()
        .filter(|value| value.is_finite())
        .fold(None, |extent, value| match extent {
            None => Some((value, value)),
            Some((low, high)) => Some((low.min(value), high.max(value))),
        })
}

/// 1, 2 or 5 times a power of ten, not below `least`.
fn round_step(least: f64) -> f64 {
    let decade = 10f64.powf(least.log10().floor());
    let times = [1.0, 2.0, 5.0, 10.0];
    let step = times
        .into_iter()
        .find(|times| times * decade >= least * (1.0 - 1e-9))
        .unwrap_or(10.0);
    step * decade
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(scale: Scale, most: usize) -> Vec<String> {
        scale.ticks(most).into_iter().map(|tick| tick.1).collect()
    }

    #[test]
    fn ticks_are_round_numbers_within_the_axis() {
        let scale = Scale::between(0.7, 0.9);
        assert_eq!(texts(scale, 5), ["0.70", "0.75", "0.80", "0.85", "0.90"]);
        assert_eq!(texts(Scale::between(0.0, 1234.0), 4), ["0", "500", "1000"]);
        assert_eq!(
            texts(Scale::between(-1.0, 3.0), 4),
            ["-1", "0", "1", "2", "3"]
        );
    }

    #[test]
    fn is_logarithmic_over_a_wide_range() {
        let scale = Scale::around([1.0, 100.0]);
        assert_eq!(texts(scale, 6), ["1", "3", "10", "30", "100"]);
        assert!((scale.share(10.0) - 0.5).abs() < 1e-12);
        assert!(scale.share(1.0) > 0.0 && scale.share(100.0) < 1.0);
    }

    #[test]
    fn has_an_axis_for_one_value_or_none() {
        for scale in [
            Scale::around([5.0]),
            Scale::around([0.0]),
            Scale::around([]),
            Scale::from_zero([f64::NAN]),
            Scale::from_zero([-2.0]),
        ] {
            assert!(scale.share(5.0).is_finite(), "{scale:?}");
            assert!(!scale.ticks(5).is_empty(), "{scale:?}");
        }
    }
}
