//! What a figure was computed with, so that it can be computed again.

use serde::{Deserialize, Serialize};

use super::estimate::{Edges, Estimate};
use super::figure::Energy;
use super::instrument::Spec;
use super::known::Known;
use super::recording::Recording;

/// All that stands between a row's readings and its joules.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Basis {
    /// What the readings mean.
    pub spec: Spec,
    /// What was known of the instrument.
    pub known: Known,
    /// Start and end of the window on the readings' monotonic clock, seconds.
    pub window: (f64, f64),
    /// How the power at start and end lies to that within.
    pub edges: [Edges; 2],
}

impl Energy {
    /// The joules that the readings come to, computed again; `None` where there are none or they have no basis.
    pub fn recompute(&self) -> Option<Estimate> {
        let basis = self.basis.as_ref()?;
        let recording = Recording::new(basis.spec, self.readings.clone());
        recording
            .between_ends(basis.window, basis.edges, &basis.known)
            .ok()
    }
}
