//! ReLU and addition.

use super::check;

/// `max(x, 0)`; a NaN stays a NaN.
pub fn relu(x: &[f64]) -> Vec<f64> {
    x.iter().map(|&x| if x < 0.0 { 0.0 } else { x }).collect()
}

/// The gradient of [`relu`]'s input from `y`, its output (or its input, which has the same sign), and `dy`; 0 where `y`
/// is at most 0. A NaN in `y` lets `dy` pass, as PyTorch does.
pub fn relu_backward(y: &[f64], dy: &[f64]) -> Vec<f64> {
    check("upstream gradient", dy.len(), y.len());
    y.iter()
        .zip(dy)
        .map(|(&y, &dy)| if y <= 0.0 { 0.0 } else { dy })
        .collect()
}

/// `a + b`, whose gradient is the upstream gradient for both.
pub fn add(a: &[f64], b: &[f64]) -> Vec<f64> {
    check("second term", b.len(), a.len());
    a.iter().zip(b).map(|(a, b)| a + b).collect()
}
