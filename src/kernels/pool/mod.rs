//! Max and average pooling, and the global average pool.

mod average;
mod max;
mod mean;

pub use average::AveragePool;
pub use max::MaxPool;
pub use mean::{mean_backward, mean_forward};
