//! kernels

pub mod count;
pub mod emit;
