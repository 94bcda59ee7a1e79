//! Networks and their weights.
pub mod init;
pub mod weights;

pub use crate::train::engine_stub::{ModelError, Network, ParameterKind, ParameterSpec, presets};
