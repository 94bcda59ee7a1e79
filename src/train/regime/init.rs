//! The origin of initial weights.

use serde::{Deserialize, Serialize};

use crate::train::RegimeError;

/// Where the initial weights of a run come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Init {
    /// They are drawn from the seed.
    #[default]
    Scratch,
    /// They are taken from a file, or in a study from the run of its `[pretrain]` table.
    Pretrained,
}

impl Init {
    /// The names.
    pub const NAMES: &[&str] = &["scratch", "pretrained"];
}

impl std::str::FromStr for Init {
    type Err = RegimeError;

    fn from_str(name: &str) -> Result<Self, RegimeError> {
        match name {
            "scratch" => Ok(Self::Scratch),
            "pretrained" => Ok(Self::Pretrained),
            _ => Err(RegimeError::UnknownInit { given: name.into() }),
        }
    }
}
