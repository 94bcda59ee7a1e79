//! The graphics device: which adapters exist, which one is used, what it can do, and how kernels become pipelines.
//!
//! Code above this floor says what it needs (a storage binding, a linear image, a pipeline) and leaves drivers,
//! backends, features and limits to this module.

pub mod adapter;
pub mod commands;
pub mod error;
pub mod gpu;
pub mod memory;
pub mod pipeline;
pub mod stopwatch;

pub use adapter::{AdapterKind, AdapterSummary, Backend, ListOptions, list, select};
pub use commands::{Bound, Command, Recording, Step};
pub use error::DeviceError;
pub use gpu::{Gpu, GpuOptions};
pub use memory::{IMAGE_ROW, Memory, Readback, Submission};
pub use pipeline::{BindingKind, Pipeline, PipelineCache, PipelineStats};
pub use stopwatch::Stopwatch;
