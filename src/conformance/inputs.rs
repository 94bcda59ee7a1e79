//! Which numbers the inputs of a result held.

use std::fmt;
use std::ops::BitOr;

use serde::{Deserialize, Serialize};

use crate::data::Dtype;
use crate::kernels::{List, Tensor};

/// The numbers among the inputs of a result that are not finite.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inputs {
    /// Whether one is NaN.
    pub nan: bool,
    /// Whether one is infinite.
    pub infinite: bool,
}

impl Inputs {
    /// The words of a tensor of a list.
    #[must_use]
    pub fn of(list: &List, tensor: Tensor, words: &[u32]) -> Self {
        let any = |test: fn(f32) -> bool| match list.info(tensor).dtype {
            Dtype::F32 => words.iter().any(|word| test(f32::from_bits(*word))),
            Dtype::F16 => {
                let mut halves = words
                    .iter()
                    .flat_map(|word| [*word as u16, (word >> 16) as u16]);
                halves.any(|bits| test(half::f16::from_bits(bits).to_f32()))
            }
            // Integers may have the bits of a NaN.
            _ => false,
        };
        Self {
            nan: any(f32::is_nan),
            infinite: any(f32::is_infinite),
        }
    }

    /// Whether all are finite.
    #[must_use]
    pub fn finite(self) -> bool {
        self == Self::default()
    }
}

impl BitOr for Inputs {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self {
            nan: self.nan || other.nan,
            infinite: self.infinite || other.infinite,
        }
    }
}

impl fmt::Display for Inputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.nan, self.infinite) {
            (false, false) => "finite",
            (true, false) => "NaN",
            (false, true) => "infinite",
            (true, true) => "NaN or infinite",
        })
    }
}
