//! How long the parts of a run took.

use serde::{Deserialize, Serialize};

/// Durations in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Durations {
    /// From the start of the run to the first step: reading data, planning, compilation, opening the meter.
    pub startup_seconds: f64,
    /// Of these, compilation of kernels.
    pub compile_seconds: f64,
    /// Of the training steps.
    pub training_seconds: f64,
    /// Of the evaluations.
    pub evaluation_seconds: f64,
    /// Of writing checkpoints.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub checkpoint_seconds: f64,
    /// From the start of the run to the end of the last evaluation.
    pub total_seconds: f64,
}

impl Durations {
    pub(super) fn plus(self, other: Self) -> Self {
        Self {
            startup_seconds: self.startup_seconds + other.startup_seconds,
            compile_seconds: self.compile_seconds + other.compile_seconds,
            training_seconds: self.training_seconds + other.training_seconds,
            evaluation_seconds: self.evaluation_seconds + other.evaluation_seconds,
            checkpoint_seconds: self.checkpoint_seconds + other.checkpoint_seconds,
            total_seconds: self.total_seconds + other.total_seconds,
        }
    }
}

fn is_zero(seconds: &f64) -> bool {
    *seconds == 0.0
}
