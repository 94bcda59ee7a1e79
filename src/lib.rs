//! An energy laboratory for neural-network training: an engine whose every kernel is hand-written WGSL run through
//! wgpu on any vendor's GPU, and a meter that says what a step or a run costs in joules, and through which instrument.
#![warn(missing_docs)]

#[cfg(feature = "criterion")]
pub mod criterion;
#[cfg(feature = "gpu")]
pub mod data;
#[cfg(feature = "gpu")]
pub mod device;
pub mod energy;
#[cfg(feature = "gpu")]
pub mod kernels;
#[cfg(feature = "gpu")]
pub mod lab;
#[cfg(feature = "gpu")]
pub mod model;
#[cfg(feature = "gpu")]
pub mod optim;
#[cfg(feature = "gpu")]
pub mod program;
#[cfg(feature = "gpu")]
pub mod report;
#[cfg(feature = "gpu")]
pub mod study;
#[cfg(feature = "gpu")]
pub mod train;

#[cfg(feature = "gpu")]
pub use device::Gpu;
pub use energy::{Energy, Meter};
#[cfg(feature = "gpu")]
pub use lab::Kernel;
#[cfg(feature = "gpu")]
pub use model::Network;
#[cfg(feature = "gpu")]
pub use train::{Record, Regime, Trainer};

/// The examples of README.md, which `cargo test --doc` compiles as they stand.
#[cfg(all(doctest, feature = "gpu"))]
#[doc = include_str!("../README.md")]
struct Readme;
