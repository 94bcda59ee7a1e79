//! The graphics device: adapters, limits, memory, pipelines and commands.
//!
//! Code outside this module uses no wgpu type; [`Gpu::wgpu`] is the only way to one.

mod adapter;
mod commands;
mod error;
mod gpu;
mod memory;
mod pipeline;
mod stopwatch;

pub use adapter::{AdapterKind, AdapterSummary, Backend, ListOptions, list, select};
pub use commands::{Bound, Command, Recording, Step};
pub use error::DeviceError;
pub use gpu::{Gpu, GpuOptions, Limits};
pub use memory::{IMAGE_ROW, Memory, Readback, Submission, Texel};
pub use pipeline::{BindingKind, Pipeline, PipelineCache, PipelineStats};
pub use stopwatch::Stopwatch;
