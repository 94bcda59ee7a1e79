//! The one interface behind which every source stands.

use super::device::MeteredDevice;
use super::open_sensor::OpenSensor;
use super::options::MeterOptions;
use super::sources;

/// Every source there is, in the order their rows are shown: first what an ordinary user may read.
pub(crate) static ALL: &[&dyn Source] = &[
    &sources::nvml::Nvml,
    &sources::hwmon::Hwmon,
    &sources::pm_counters::PmCounters,
    &sources::battery::Battery,
    &sources::perf::Perf,
    &sources::rapl::Rapl,
    &sources::apple::Apple,
    &sources::external::File,
    &sources::external::Command,
    &sources::cpu_time::CpuTime,
];

/// A kind of instrument. It always answers with one row at least: an instrument, or the reason there is none. Only the
/// outside meters, which no machine has of its own, answer with none until one is named.
pub(crate) trait Source: Sync {
    /// The name by which it is chosen, and with which the names of its rows begin.
    fn name(&self) -> &'static str;

    /// Its rows for the chosen adapter, or, without one, for the whole machine (every card and package a row of its
    /// own).
    fn rows(&self, options: &MeterOptions, target: Option<&MeteredDevice>) -> Vec<OpenSensor>;
}
