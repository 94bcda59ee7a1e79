//! Errors of weights: what failed and where, then what to do.

use std::io;
use std::path::PathBuf;

/// Why weights could not be read, written or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WeightsError {
    /// The file cannot be read.
    #[error("cannot read the weights {path:?} ({source}): check the path and its permissions")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file cannot be written.
    #[error(
        "cannot write the weights {path:?} ({source}): choose an existing, writable folder with enough space"
    )]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Not a valid safetensors file.
    #[error("{path:?} is not a valid safetensors file ({detail}): save it again with safetensors")]
    Corrupt {
        /// The file, or `memory`.
        path: PathBuf,
        /// The reader's reason.
        detail: String,
    },
    /// A tensor of an unsupported element type.
    #[error(
        "tensor {name:?} of the weights has type {found}, but {expected} is needed: convert it before saving"
    )]
    Dtype {
        /// The tensor's name.
        name: String,
        /// Its element type.
        found: String,
        /// The supported type.
        expected: &'static str,
    },
    /// A parameter of the network is missing in the weights.
    #[error(
        "the weights have no tensor {name:?} of shape {expected:?} ({found}): use weights of the same network"
    )]
    Missing {
        /// The tensor's name.
        name: String,
        /// Its shape in the network.
        expected: Vec<usize>,
        /// A tensor that the weights have instead, in words.
        found: String,
    },
    /// None of the weights has the name and shape of a parameter that was to be taken.
    #[error(
        "no tensor of {path:?} has the name and shape of a parameter to take, such as {example}: choose weights of the same \
         layers, or other patterns for --only"
    )]
    NothingTaken {
        /// The file.
        path: PathBuf,
        /// A parameter.
        example: String,
    },
    /// The weights belong to another built-in network.
    #[error("the weights {path:?} belong to model {fits}, not {model}: use --model {fits}")]
    OtherModel {
        /// The file.
        path: PathBuf,
        /// The model of the regime.
        model: String,
        /// The model that the weights fit.
        fits: &'static str,
    },
    /// A value that is NaN or infinite.
    #[error(
        "tensor {name:?} of the weights has the value {value} at index {index:?}, so every result would be NaN or \
         infinite: use finite weights, or load them anyway with --allow-non-finite"
    )]
    NonFinite {
        /// The tensor's name.
        name: String,
        /// The index along each dimension, from 0.
        index: Vec<usize>,
        /// The value.
        value: f32,
    },
    /// An f64 value beyond the range of f32.
    #[error(
        "tensor {name:?} of the weights has the value {value:e} at index {index:?}, which is outside the range of f32 \
         (3.4e38): scale the weights, or correct the value"
    )]
    Range {
        /// The tensor's name.
        name: String,
        /// The index along each dimension, from 0.
        index: Vec<usize>,
        /// The value.
        value: f64,
    },
    /// A tensor of the weights is not a parameter of the network.
    #[error(
        "tensor {name:?} of the weights is not a parameter of the network: use weights of the same network"
    )]
    Extra {
        /// The tensor's name.
        name: String,
    },
    /// A tensor of another shape than the network's parameter.
    #[error(
        "tensor {name:?} of the weights has shape {found:?}, but the network expects {expected:?}: use weights of the \
         same network"
    )]
    Shape {
        /// The tensor's name.
        name: String,
        /// Its shape in the network.
        expected: Vec<usize>,
        /// Its shape in the weights.
        found: Vec<usize>,
    },
    /// A number of values that does not match the shape.
    #[error(
        "tensor {name:?} has shape {shape:?}, but got {found} values: give one value per element"
    )]
    Count {
        /// The tensor's name.
        name: String,
        /// Its shape.
        shape: Vec<usize>,
        /// Number of values.
        found: usize,
    },
}
