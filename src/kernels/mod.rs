//! kernels

pub mod oracle;
