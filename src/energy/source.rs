//! The interface of a source.

use super::device::MeteredDevice;
use super::open_sensor::OpenSensor;
use super::options::MeterOptions;

/// A way to read energy or power, selected with `--meter NAME`.
pub(crate) struct Source {
    /// The name that selects it. The names of its sensors begin with it.
    pub name: &'static str,
    /// Finds its sensors: those that concern the device, or all of the machine without a device. A source that finds
    /// none returns one unavailable sensor with the reason. Only external meters return nothing until one is named.
    pub sensors: fn(&MeterOptions, Option<&MeteredDevice>) -> Vec<OpenSensor>,
}
