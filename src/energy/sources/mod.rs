//! The sources, a file each.

pub(super) mod cpu_time;
pub(super) mod nvml;
pub(super) mod rapl;
