//! What an examination finds.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::inputs::Inputs;
use crate::kernels::Storage;

/// An element that differs from the oracle.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Element {
    /// Index in the tensor without padding, row by row.
    pub index: usize,
    /// The device's value; not finite values are written as text.
    #[serde(with = "number")]
    pub got: f64,
    /// The oracle's value.
    #[serde(with = "number")]
    pub expected: f64,
    /// Largest difference allowed.
    #[serde(with = "number")]
    pub tolerance: f64,
}

impl From<(usize, f64, f64, f64)> for Element {
    fn from((index, got, expected, tolerance): (usize, f64, f64, f64)) -> Self {
        Self {
            index,
            got,
            expected,
            tolerance,
        }
    }
}

/// A comparison that failed.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The suite.
    pub suite: &'static str,
    /// The case and the tensor.
    pub case: String,
    /// The shader files that the tensor's content came from.
    pub kernels: Vec<&'static str>,
    /// The variant of the last of them; empty where there is no choice.
    pub variant: String,
    /// Where its tensors are stored.
    pub storage: Storage,
    /// The numbers of the inputs that the tensor's content came from.
    pub inputs: Inputs,
    /// The reason; empty where an element differs.
    pub reason: String,
    /// The first element that differs.
    pub element: Option<Element>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.case)?;
        match &self.element {
            Some(e) => write!(
                f,
                "element {} is {}, expected {} within {:.2e}",
                e.index,
                significant(e.got),
                significant(e.expected),
                e.tolerance
            )?,
            None => f.write_str(&self.reason)?,
        }
        let storage = match self.storage {
            Storage::Buffer => "buffers",
            Storage::Image => "images",
        };
        match self.variant.as_str() {
            "" => write!(f, " ({storage})"),
            variant => write!(f, " ({variant}, {storage})"),
        }
    }
}

/// A value with nine digits, as many as an f32 has at most.
fn significant(value: f64) -> f64 {
    format!("{value:.8e}").parse().unwrap_or(value)
}

/// Comparisons of results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Those that passed.
    pub passed: u64,
    /// Those that failed.
    pub failed: u64,
}

/// How often a shader file took part in a result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// From finite inputs.
    pub finite: Count,
    /// From inputs that are not all finite.
    pub not_finite: Count,
}

impl Tally {
    /// The comparisons with such inputs.
    pub fn with(&mut self, inputs: Inputs) -> &mut Count {
        match inputs.finite() {
            true => &mut self.finite,
            false => &mut self.not_finite,
        }
    }

    /// All comparisons.
    #[must_use]
    pub fn all(&self) -> Count {
        Count {
            passed: self.finite.passed + self.not_finite.passed,
            failed: self.finite.failed + self.not_finite.failed,
        }
    }
}

/// What an examination found.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// The only kernel that was examined: it is to blame wherever it may be, as others run with it alone.
    pub examined: Option<String>,
    /// Lists of dispatches that ran.
    pub lists: u64,
    /// Elements compared.
    pub elements: u64,
    /// Comparisons that passed.
    pub comparisons: u64,
    /// Tensors compared bit by bit with a second run.
    pub repeated: u64,
    /// All failed comparisons, in order.
    pub failures: Vec<Failure>,
    /// By shader file and storage.
    pub tallies: BTreeMap<(&'static str, Storage), Tally>,
    /// The variants of each suite.
    pub variants: BTreeMap<&'static str, BTreeSet<String>>,
    /// Each text that was compiled, its kernel and its storage.
    pub texts: BTreeMap<String, (&'static str, Storage)>,
    /// The error that ended the examination.
    pub device_error: Option<String>,
}

/// JSON has no NaN and no infinity: they are text.
mod number {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(value: &f64, to: S) -> Result<S::Ok, S::Error> {
        match value.is_finite() {
            true => to.serialize_f64(*value),
            false => to.collect_str(value),
        }
    }

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(f64),
        Text(String),
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
        match Either::deserialize(from)? {
            Either::Number(value) => Ok(value),
            Either::Text(text) => text.parse().map_err(D::Error::custom),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_that_are_not_finite_survive_json() {
        let element = Element::from((3, f64::NAN, f64::NEG_INFINITY, 1e-7));
        let text = serde_json::to_string(&element).unwrap();
        let back: Element = serde_json::from_str(&text).unwrap();
        assert!(back.got.is_nan() && back.expected == f64::NEG_INFINITY);
        assert_eq!((back.index, back.tolerance), (3, 1e-7));
    }
}
