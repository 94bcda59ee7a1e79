//! The sources, a file each.

pub(super) mod apple;
pub(super) mod battery;
pub(super) mod cpu_time;
pub(super) mod external;
mod files;
pub(super) mod hwmon;
pub(super) mod nvml;
pub(super) mod perf;
pub(super) mod pm_counters;
pub(super) mod rapl;
