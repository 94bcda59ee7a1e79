//! Joules of a window, and how far they can be off, from the values that a sensor showed around it.
//!
//! A value shown at a time is the energy up to an earlier moment; the delay is known only within limits. Two kinds of
//! window follow from that. *In load*: from one update to another while the load continues, so that the delay moves both
//! ends alike. *Fixed*: the load begins and ends with the window; the power before and after it is that of the pre-roll
//! and post-roll, which is subtracted, so that the delay cancels here too.

mod ends;
mod scatter;
mod steady;
mod unseen;
mod window;

pub use ends::Edge;
pub(crate) use steady::steady;
pub(crate) use unseen::hole_notes;
pub use window::Estimate;
pub(crate) use window::{accuracy, averaging, covered, fixed, in_load, seconds_needed};

/// Normal quantile of a 95 % interval.
pub(crate) const Z: f64 = 1.959_964;
