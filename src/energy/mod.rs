//! The meter: the joules of a window, and the sensor they were read through.
//!
//! A [`Meter`] opens every known source. [`Meter::start`] starts a [`Window`], [`Window::stop`] ends it and gives one
//! [`SourceResult`] per source: joules with two intervals, or the reason for having none. Nothing here depends on GPUs,
//! networks or programs; what has to be known of the metered device is plain data, a [`MeteredDevice`].
//!
//! The path of a joule: a collector polls a [`Sensor`] when its poll schedule says so; the readings are checked and turned
//! into energy over time (`series`), from which the joules of a window are estimated (`estimate`) by the [`SensorModel`],
//! calibrated or not.
//!
//! A new source is a file in `sources/`: a `Source` (which finds its sensors) and a [`Sensor`] (how one is read). It is
//! listed in `sources::ALL`.

mod basis;
mod calibrate;
mod cell;
mod clock;
mod collector;
mod counter;
#[cfg(feature = "gpu")]
mod cumulative;
mod device;
mod downsample;
mod estimate;
#[cfg(any(feature = "gpu", feature = "criterion"))]
mod explain;
mod figure;
mod frozen;
mod holes;
#[cfg(feature = "cli")]
mod live;
#[cfg(feature = "cli")]
pub mod log;
mod meter;
mod open_sensor;
mod options;
mod phase;
mod poll_schedule;
mod recording;
mod selection;
mod sensor;
mod sensor_model;
mod series;
mod source;
mod source_result;
mod sources;
mod window;
mod window_length;
mod window_result;

#[cfg(feature = "cli")]
pub(crate) use calibrate::CalibrationResult;
pub use calibrate::{Activity, Calibration, Workload, calibrate_sensor};
pub use cell::unit::Unit as MeterUnit;
pub use clock::{Clock, Moment};
#[cfg(feature = "gpu")]
pub(crate) use cumulative::Cumulative;
pub use device::{DeviceKind, MeteredDevice};
pub use estimate::{Edge, Estimate};
#[cfg(any(feature = "gpu", feature = "criterion"))]
pub(crate) use explain::{explain, missing_sources};
pub use figure::{Covers, Grade, Interval, Method, RawUnit, Reading, Scope, Stamp, Status};
#[cfg(feature = "cli")]
pub(crate) use live::{Live, LiveReading};
pub use meter::{Meter, SourceReport};
pub use options::MeterOptions;
pub use recording::Recording;
pub use selection::{MeterError, Selection};
pub use sensor::{Conditions, Quantity, Sensor, SensorSpec, Unavailable};
pub use sensor_model::{IdlePower, SensorModel};
pub use source_result::{Assumed, Measured, SourceResult};
pub use window::Window;
pub use window_length::WindowLength;
pub use window_result::{EnergyPerUnit, PartResult, PerUnitUnavailable, WindowResult};
