//! Which update rule a regime asks for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::regime_error::RegimeError;

/// The update rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Optimizer {
    /// Stochastic gradient descent, see [`Sgd`](crate::optim::Sgd).
    #[default]
    Sgd,
}

impl Optimizer {
    /// Names of the update rules.
    pub const NAMES: &[&str] = &["sgd"];
}

impl fmt::Display for Optimizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sgd => "sgd",
        })
    }
}

impl FromStr for Optimizer {
    type Err = RegimeError;

    fn from_str(text: &str) -> Result<Self, RegimeError> {
        match text {
            "sgd" => Ok(Self::Sgd),
            given => Err(RegimeError::UnknownOptimizer {
                given: given.to_owned(),
            }),
        }
    }
}
