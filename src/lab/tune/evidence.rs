//! What a search found, for the record of a profile.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::candidates::Class;
use crate::conformance::Followed;
use crate::kernels::{GemmRule, Tuning};

/// What shall be low.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Objective {
    /// Seconds.
    Time,
    /// Joules.
    Energy,
    /// Joules times seconds: the energy-delay product.
    Edp,
}

impl Objective {
    /// The names of all objectives.
    pub const NAMES: &[&str] = &["time", "energy", "edp"];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    /// The cost of some seconds and joules.
    #[must_use]
    pub fn cost(self, seconds: f64, joules: Option<f64>) -> f64 {
        let joules = joules.unwrap_or(f64::NAN);
        match self {
            Self::Time => seconds,
            Self::Energy => joules,
            Self::Edp => seconds * joules,
        }
    }
}

impl FromStr for Objective {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::Time, Self::Energy, Self::Edp];
        all.into_iter()
            .find(|objective| objective.name() == text)
            .ok_or_else(|| {
                format!(
                    "unknown objective {text:?}: choose {}",
                    Self::NAMES.join(", ")
                )
            })
    }
}

impl fmt::Display for Objective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A candidate that differs from the oracle on this device.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Wrong {
    /// The candidate.
    pub rule: GemmRule,
    /// Its first difference.
    pub first: String,
}

/// The search for one class of products.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClassResult {
    /// The preset.
    pub model: String,
    /// The class.
    pub class: Class,
    /// Its products in the network.
    pub labels: Vec<String>,
    /// Each candidate that ran: its variant, its median seconds, its samples. The first is the start.
    pub candidates: Vec<CandidateResult>,
    /// The rule that beat the start; absent where none did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<GemmRule>,
    /// Cost of the best over the cost of the start.
    pub ratio: f64,
}

/// What a candidate cost.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CandidateResult {
    /// The variant.
    pub variant: String,
    /// Median seconds of a run.
    pub seconds: f64,
    /// Samples.
    pub samples: usize,
    /// Joules of a run, where they were measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joules: Option<f64>,
}

/// The search for a width of the kernels that are no products.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WidthResult {
    /// The key of the profile.
    pub key: String,
    /// Each value that was tried and the median cost of a step; the first is the start.
    pub tried: Vec<(u32, f64)>,
    /// The value chosen.
    pub chosen: u32,
}

/// Whole steps of both profiles, in turns.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Paired {
    /// The preset.
    pub model: String,
    /// Turns.
    pub turns: usize,
    /// Median cost of a step of the start: seconds, joules, or their product.
    pub start: f64,
    /// The same of the profile found.
    pub found: f64,
    /// Median of the turns' ratios, found over start.
    pub ratio: f64,
    /// Lower end of its 95 % confidence interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// The result of a search.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Tuned {
    /// What was to be low.
    pub objective: Objective,
    /// The presets.
    pub models: Vec<String>,
    /// Samples of a step.
    pub batch_size: u32,
    /// Name of the profile at the start.
    pub start: String,
    /// Candidates that are wrong on this device; they were not timed.
    pub wrong: Vec<Wrong>,
    /// Each class of products.
    pub products: Vec<ClassResult>,
    /// The widths of the other kernels.
    pub widths: Vec<WidthResult>,
    /// Whole steps in turns; empty where nothing beat the start alone.
    pub paired: Vec<Paired>,
    /// The losses of the profile found beside PyTorch's.
    pub followed: Vec<Followed>,
    /// Whether the profile found replaces the start.
    pub changed: bool,
    /// The profile to use: the one found, or the start.
    pub profile: Tuning,
    /// Seconds of the search.
    pub seconds: f64,
    /// Whether parts of the search were left out, because the budget was used up.
    pub out_of_time: bool,
}
