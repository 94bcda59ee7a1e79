//! The steps of a port.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The steps of a port, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PortStep {
    /// Every kernel against the oracle.
    Conformance,
    /// The same bits in every run.
    Determinism,
    /// The presets against PyTorch.
    Training,
    /// What the device can do.
    Roofline,
    /// The fastest kernel variants.
    Tuning,
}

impl PortStep {
    /// The names of all steps.
    pub const NAMES: &[&str] = &[
        "conformance",
        "determinism",
        "training",
        "roofline",
        "tuning",
    ];
    /// All steps, as their names.
    pub const ALL: &[Self] = &[
        Self::Conformance,
        Self::Determinism,
        Self::Training,
        Self::Roofline,
        Self::Tuning,
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

impl FromStr for PortStep {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|step| step.name() == text);
        found
            .copied()
            .ok_or_else(|| format!("unknown step {text:?}: choose {}", Self::NAMES.join(", ")))
    }
}
