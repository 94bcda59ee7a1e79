//! The meter: joules of a stretch of time, and the instrument they were read through.
//!
//! A [`Meter`] opens every source it knows: NVML's energy counter, RAPL (package and memory), and, only where the
//! user says how many watts a busy core draws, this process's CPU time. [`Meter::start`] opens a [`Window`],
//! [`Window::stop`] closes it and gives one [`Energy`] per source: joules, or the reason there are none. Nothing here
//! knows of GPUs, networks or programs; what has to be known of the chosen adapter is plain data, a [`Target`].
//!
//! A new source is a file beside `nvml.rs`: it implements `Source` (which rows there are) and `Instrument` (how one is
//! read) and is named in `source::ALL`.

mod clock;
mod counter;
mod cpu_time;
mod figure;
mod meter;
mod nvml;
mod options;
mod rapl;
mod source;
mod target;
mod window;

pub use clock::Moment;
pub use figure::{Assumed, Covers, Energy, Measured, Method, Reading, Scope, Status, Unit};
pub use meter::{Meter, SourceReport, survey};
pub use options::{MeterError, MeterOptions, Selection};
pub use target::{Target, TargetKind};
pub use window::Window;
