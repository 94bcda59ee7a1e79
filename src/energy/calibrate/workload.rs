//! The work that a device does during a calibration.

use serde::{Deserialize, Serialize};

/// What the device does during a part of a calibration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activity {
    /// Nothing, without an open context.
    Cold,
    /// Nothing, with a context and its buffers open: many devices keep their clocks up then.
    Context,
    /// Dispatches of an empty kernel, one after the other.
    Empty,
    /// A steady load.
    Load,
}

/// A device that can be made to work and to idle.
pub trait Workload {
    /// Switches to `activity` and returns once it has.
    fn set(&mut self, activity: Activity);
}
