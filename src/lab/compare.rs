//! A kernel's output compared with its oracle.

use std::fmt;

use super::error::KernelError;

/// The errors of an output against its oracle.
///
/// ```
/// use wattgrad::KernelComparison;
///
/// let near = KernelComparison::new("y", &[1.0, 2.0, 3.5], |i| i as f64 + 1.0);
/// assert_eq!((near.largest_error, near.at), (0.5, 2));
/// assert!(near.within(0.4).is_err());
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct KernelComparison {
    /// Name of the output.
    pub output: String,
    /// Elements compared.
    pub elements: usize,
    /// The largest absolute error; infinite where exactly one side is NaN, or infinities differ.
    pub largest_error: f64,
    /// The element with the largest error.
    pub at: usize,
    /// The kernel's value there.
    pub got: f64,
    /// The oracle's value there.
    pub expected: f64,
}

impl KernelComparison {
    /// Compares `got` with `oracle(i)` at every element `i`.
    pub fn new(output: &str, got: &[f64], oracle: impl Fn(usize) -> f64) -> Self {
        let mut worst = Self {
            output: output.to_owned(),
            elements: got.len(),
            largest_error: 0.0,
            at: 0,
            got: f64::NAN,
            expected: f64::NAN,
        };
        for (at, &got) in got.iter().enumerate() {
            let expected = oracle(at);
            let error = error(got, expected);
            if at == 0 || error > worst.largest_error {
                worst = Self {
                    largest_error: error,
                    at,
                    got,
                    expected,
                    ..worst
                };
            }
        }
        worst
    }

    /// Returns the comparison if no error exceeds `bound`.
    ///
    /// # Errors
    /// [`KernelError::Differs`] otherwise.
    pub fn within(self, bound: f64) -> Result<Self, KernelError> {
        if self.largest_error <= bound {
            return Ok(self);
        }
        Err(KernelError::Differs {
            binding: self.output,
            error: self.largest_error,
            at: self.at,
            got: self.got,
            expected: self.expected,
            bound,
        })
    }
}

fn error(got: f64, expected: f64) -> f64 {
    let same = got == expected || (got.is_nan() && expected.is_nan());
    let difference = (got - expected).abs();
    match (same, difference.is_nan()) {
        (true, _) => 0.0,
        (false, true) => f64::INFINITY,
        (false, false) => difference,
    }
}

impl fmt::Display for KernelComparison {
    /// One line: `y: 4096 elements, largest error 1.2e-7 at 17`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} elements, largest error {:.1e} at {}",
            self.output, self.elements, self.largest_error, self.at
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nan_and_infinity_are_infinite_errors() {
        let nan = KernelComparison::new("y", &[0.0, f64::NAN, 9.0], |_| 0.0);
        assert_eq!((nan.largest_error, nan.at), (f64::INFINITY, 1));
        assert!(nan.within(f64::MAX).is_err());
        let infinite = KernelComparison::new("y", &[f64::INFINITY], |_| f64::NEG_INFINITY);
        assert_eq!(infinite.largest_error, f64::INFINITY);
        let alike = KernelComparison::new("y", &[f64::NAN, f64::INFINITY], |i| {
            [f64::NAN, f64::INFINITY][i]
        });
        assert_eq!(alike.largest_error, 0.0);
    }
}
