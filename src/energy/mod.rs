//! The meter: joules of a stretch of time, and the instrument they were read through.
//!
//! A [`Meter`] opens every source it knows. [`Meter::start`] opens a [`Window`], [`Window::stop`] closes it and gives one
//! [`Energy`] per source: joules with two intervals, or the reason there are none. Nothing here knows of GPUs, networks
//! or programs; what has to be known of the chosen adapter is plain data, a [`Target`].
//!
//! A joule's way: an [`Instrument`] is read by a collector at the times a [`Schedule`] says; the readings are checked
//! and turned into energy over time (`series`), of which a window is settled (`estimate`) by what is [`Known`] of the
//! instrument, from its calibration or without one.
//!
//! A new source is a file in `sources/`: it implements `Source` (which rows there are) and [`Instrument`] (how one is
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
pub use calibrate::{Activity, Calibration, Examination, Response, Workload, examine};
pub use clock::Moment;
pub use estimate::{Edges, Estimate, Stamp};
pub use extent::Extent;
pub use figure::{
    Assumed, Covers, Energy, Grade, Interval, Measured, Method, Reading, Scope, Status, Unit,
};
pub use instrument::{Conditions, Instrument, Quantity, Refusal, Spec};
pub use known::{Idle, Known};
pub use live::{Live, LiveRow};
pub use meter::{Meter, SourceReport, survey};
pub use options::{MeterError, MeterOptions, MeterUnit, Selection};
pub use recording::{Present, Recording, Timeline};
pub use schedule::Schedule;
pub use settle::{Part, PerUnit, Settled, Untold};
pub use target::{Target, TargetKind};
pub use window::Window;
