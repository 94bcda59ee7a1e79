//! kernels

pub mod emit;
