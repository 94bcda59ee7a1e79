//! The meter: joules of a stretch of time, and the instrument they were read through.
//!
//! A [`Meter`] opens every source it knows. [`Meter::start`] opens a [`Window`], [`Window::stop`] closes it and gives one
//! [`SourceResult`] per source: joules with two intervals, or the reason there are none. Nothing here knows of GPUs, networks
//! or programs; what has to be known of the chosen adapter is plain data, a [`MeteredDevice`].
//!
//! A joule's way: an [`Sensor`] is read by a collector at the times a [`PollSchedule`] says; the readings are checked
//! and turned into energy over time (`series`), of which a window is settled (`estimate`) by what is [`SensorModel`] of the
//! instrument, from its calibration or without one.
//!
//! A new source is a file in `sources/`: it is a `Source` (which finds sensors) and [`Sensor`] (how one is
//! read) and is named in `sources::ALL`.

mod basis;
mod calibrate;
mod clock;
mod collector;
mod counter;
mod device;
mod downsample;
mod estimate;
mod explain;
mod figure;
mod live;
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
mod settle;
mod source;
mod sources;
mod window;
mod window_length;

pub use basis::Basis;
pub use calibrate::{
    Activity, Calibration, CalibrationResult, Response, Workload, calibrate_sensor,
};
pub use clock::Moment;
pub use device::{DeviceKind, MeteredDevice};
pub use estimate::{Edge, Estimate, Stamp};
pub(crate) use explain::explain;
pub use figure::{
    Assumed, Covers, Grade, Interval, Measured, Method, RawUnit, Reading, Scope, SourceResult,
    Status,
};
pub use live::{Live, LiveReading};
pub use meter::{Meter, SourceReport, survey};
pub use options::MeterOptions;
pub use poll_schedule::PollSchedule;
pub use recording::{Clock, Recording, SystemClock};
pub use selection::{MeterError, MeterUnit, Selection};
pub use sensor::{Conditions, Quantity, Sensor, SensorSpec, Unavailable};
pub use sensor_model::{IdlePower, SensorModel};
pub use settle::{EnergyPerUnit, PartResult, PerUnitUnavailable, WindowResult};
pub use window::Window;
pub use window_length::WindowLength;
