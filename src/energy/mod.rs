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
//! A new source is a file in `sources/`: it implements `Source` (which rows there are) and [`Sensor`] (how one is
//! read) and is named in `source::ALL`.

mod basis;
mod calibrate;
mod clock;
mod collect;
mod counter;
mod essential;
mod estimate;
mod extent;
mod figure;
mod instrument;
mod known;
mod live;
mod meter;
mod options;
mod phase;
mod recording;
mod schedule;
mod series;
mod settle;
mod source;
mod sources;
mod target;
mod window;

pub use basis::Basis;
pub use calibrate::{Activity, Calibration, CalibrationResult, Response, Workload, calibrate_sensor};
pub use clock::Moment;
pub use estimate::{Edge, Estimate, Stamp};
pub use extent::WindowLength;
pub use figure::{
    Assumed, Covers, SourceResult, Grade, Interval, Measured, Method, Reading, Scope, Status, RawUnit,
};
pub use instrument::{Conditions, Sensor, Quantity, Unavailable, SensorSpec};
pub use known::{IdlePower, SensorModel};
pub use live::{Live, LiveReading};
pub use meter::{Meter, SourceReport, survey};
pub use options::{MeterError, MeterOptions, MeterUnit, Selection};
pub use recording::{SystemClock, Recording, Clock};
pub use schedule::PollSchedule;
pub use settle::{PartResult, EnergyPerUnit, WindowResult, PerUnitUnavailable};
pub use target::{MeteredDevice, DeviceKind};
pub use window::Window;
