//! The one interface behind which every source stands.

use super::figure::{Covers, Method, Scope};
use super::instrument::{Sensor, Unavailable};
use super::options::MeterOptions;
use super::sources;
use super::target::MeteredDevice;

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
    fn rows(&self, options: &MeterOptions, target: Option<&MeteredDevice>) -> Vec<Row>;
}

/// One row of a meter: what it covers, and the instrument or the refusal.
pub(crate) struct Row {
    /// The source's name, or that name, a colon and a part: `nvml:0`, `rapl:package-0`.
    pub source: String,
    pub scope: Scope,
    pub method: Method,
    pub covers: Option<Covers>,
    /// Why the figure is not this run's own, where the instrument counts others' work too.
    pub shared: Option<String>,
    /// What else has to be said of its figures: why power has to stand in for a counter.
    pub note: Option<String>,
    pub instrument: Result<Box<dyn Sensor>, Unavailable>,
    /// What the instrument is, over restarts and exchanged cards: device and driver. Calibrations are kept under it.
    pub identity: String,
    /// The same thing seen through another instrument: what an energy counter is compared with, and what stands in for
    /// it, as a row of its own, where it lies. Boxed: most rows have none.
    pub companion: Option<Box<Row>>,
}

impl Row {
    /// A row read by `method`.
    pub(crate) fn new(
        source: impl Into<String>,
        scope: Scope,
        method: Method,
        covers: Option<Covers>,
        instrument: Result<Box<dyn Sensor>, Unavailable>,
    ) -> Self {
        let source = source.into();
        Self {
            identity: source.clone(),
            source,
            scope,
            method,
            covers,
            shared: None,
            note: None,
            instrument,
            companion: None,
        }
    }

    /// An energy counter's row.
    pub(crate) fn counter(
        source: impl Into<String>,
        scope: Scope,
        covers: Option<Covers>,
        instrument: Result<Box<dyn Sensor>, Unavailable>,
    ) -> Self {
        Self::new(source, scope, Method::Counter, covers, instrument)
    }

    /// A power sensor's row.
    pub(crate) fn power(
        source: impl Into<String>,
        scope: Scope,
        covers: Option<Covers>,
        instrument: Result<Box<dyn Sensor>, Unavailable>,
    ) -> Self {
        Self::new(source, scope, Method::IntegratedPower, covers, instrument)
    }
}
