//! Pausing a run at an evaluation, so that it can be continued later.

use serde::{Deserialize, Serialize};

/// Where a run pauses: after the first evaluation at which it has used this much since its first step, with all earlier
/// parts of a resumed run. A paused run ends as interrupted, with a checkpoint if it has a folder for them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PauseAt {
    /// Training samples.
    Samples(f64),
    /// Seconds of training and evaluation.
    Seconds(f64),
    /// Floating-point operations of training.
    Flops(f64),
    /// Joules of the first source that measures.
    Joules(f64),
}

impl PauseAt {
    /// Its amount, in its own unit.
    pub fn amount(self) -> f64 {
        match self {
            Self::Samples(amount)
            | Self::Seconds(amount)
            | Self::Flops(amount)
            | Self::Joules(amount) => amount,
        }
    }
}
