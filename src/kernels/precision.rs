//! The precision of a program.

use serde::{Deserialize, Serialize};

/// How activations, their gradients and the weights that products read are stored. Sums, parameters, their gradients and
/// the optimizer's state are f32 always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// 32 bits.
    #[default]
    F32,
    /// 16 bits: mixed precision, with a dynamic scale of the loss.
    F16,
}

impl Precision {
    /// The names.
    pub const NAMES: &[&str] = &["f32", "f16"];
}

/// The name of a precision is unknown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown precision {given:?}; choose f32 or f16")]
pub struct UnknownPrecision {
    /// The name given.
    pub given: String,
}

impl std::str::FromStr for Precision {
    type Err = UnknownPrecision;

    fn from_str(name: &str) -> Result<Self, UnknownPrecision> {
        match name {
            "f32" => Ok(Self::F32),
            "f16" => Ok(Self::F16),
            given => Err(UnknownPrecision {
                given: given.to_owned(),
            }),
        }
    }
}
