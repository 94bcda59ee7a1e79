//! Max pooling, and the global average pool.

mod max;
mod mean;

pub use max::MaxPool;
pub use mean::{mean_backward, mean_forward};
