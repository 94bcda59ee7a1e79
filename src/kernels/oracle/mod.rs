//! The reference for every kernel: plain f64 loops over logical shapes, forward and backward.
//!
//! Nothing here is fast, tiled, padded or fused, and no code is shared with the shaders. Values are row-major slices of
//! `f64`, images are NCHW. Gradients are those of `sum(output * upstream)`, as in PyTorch.
//!
//! The `*_magnitude` companions evaluate the same sum over absolute values: an f32 kernel that adds `k` terms in any
//! order is within about `k * f32::EPSILON` times that figure of the exact result, whatever cancels.
//!
//! # Panics
//! A slice whose length differs from the given shape panics, and so does a label or row index out of range.

pub mod activation;
pub mod conv;
pub mod elementwise;
pub mod gather;
pub mod gemm;
pub mod layer_norm;
pub mod loss;
pub mod norm;
pub mod optim;
pub mod pool;
pub mod sgd;

pub use activation::Activation;
pub use conv::Conv;
pub use gather::{augment, gather};
pub use gemm::{Form, Gemm, column_sums, column_sums_magnitude};
pub use layer_norm::{LayerNormGradients, layer_norm, layer_norm_backward};
pub use loss::{
    CrossEntropy, RowLosses, binary_cross_entropy, cross_entropy, squared_error,
    weighted_cross_entropy,
};
pub use norm::{BatchNorm, BatchNormGradients, BatchNormTraining};
pub use pool::{AveragePool, MaxPool, MaxPooled, mean_pool, mean_pool_backward};
pub use sgd::Sgd;

/// The absolute value of every element.
pub fn magnitudes(values: &[f64]) -> Vec<f64> {
    values.iter().map(|v| v.abs()).collect()
}

/// f32 values widened to f64, without loss.
pub fn widen(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&v| f64::from(v)).collect()
}

fn check(what: &str, len: usize, expected: usize) {
    assert_eq!(
        len, expected,
        "the oracle's {what} has {len} elements, its shape has {expected}"
    );
}
