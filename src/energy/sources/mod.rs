//! The sources, a file each.

pub(super) mod apple;
pub(super) mod cpu_time;
pub(super) mod external;
pub(super) mod nvml;
pub(super) mod rapl;
