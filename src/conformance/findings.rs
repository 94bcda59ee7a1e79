//! What an examination finds, and which kernel is to blame.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

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

/// How often a shader file took part in a result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Comparisons that passed.
    pub passed: u64,
    /// Comparisons that failed.
    pub failed: u64,
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

/// A kernel that explains failures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Suspect {
    /// Its shader file; several where they always run together.
    pub kernels: Vec<String>,
    /// Where its tensors were stored as it failed.
    pub storages: Vec<Storage>,
    /// Comparisons of its results that failed.
    pub failed: u64,
    /// Comparisons of its results.
    pub compared: u64,
    /// The first failure in words.
    pub first: String,
    /// The suite of the first failure.
    pub suite: String,
    /// The first element that differs.
    pub element: Option<Element>,
}

impl Findings {
    fn tally(&self, (kernel, storage): (&str, Storage)) -> Tally {
        let mut all = self.tallies.iter();
        let found = all.find(|((k, s), _)| *k == kernel && *s == storage);
        found.map(|(_, tally)| *tally).unwrap_or_default()
    }

    /// The kernels that explain all failures: repeatedly the one whose results fail most often, among equals the one that
    /// explains most failures.
    #[must_use]
    pub fn suspects(&self) -> Vec<Suspect> {
        let mut left: Vec<&Failure> = self.failures.iter().collect();
        let mut suspects: Vec<Suspect> = vec![];
        while !left.is_empty() {
            let mut counts: BTreeMap<(&str, Storage), u64> = BTreeMap::new();
            for failure in &left {
                for kernel in &failure.kernels {
                    *counts.entry((kernel, failure.storage)).or_default() += 1;
                }
            }
            let tally = |of: &(&str, Storage)| self.tally(*of);
            let rank = |of: &(&str, Storage)| {
                let Tally { passed, failed } = tally(of);
                (failed as f64 / (failed + passed).max(1) as f64, counts[of])
            };
            let best = counts.keys().map(|of| (rank(of), of.1));
            let Some((best, storage)) =
                best.max_by(|(a, _), (b, _)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)))
            else {
                break;
            };
            let is_best = |of: &&(&str, Storage)| of.1 == storage && rank(of) == best;
            let kernels: Vec<&str> = counts.keys().filter(is_best).map(|(k, _)| *k).collect();
            let examined = kernels
                .iter()
                .copied()
                .find(|kernel| self.examined.as_deref() == Some(*kernel));
            let kernels = examined.map_or(kernels, |kernel| vec![kernel]);
            let explained = |failure: &&Failure| {
                failure.storage == storage && failure.kernels.iter().any(|k| kernels.contains(k))
            };
            let Some(first) = left.iter().find(|failure| explained(failure)) else {
                break;
            };
            let Tally { passed, failed } = tally(&(kernels[0], storage));
            match suspects.iter_mut().find(|other| other.kernels == kernels) {
                Some(other) => {
                    other.storages.push(storage);
                    other.failed += failed;
                    other.compared += failed + passed;
                }
                None => suspects.push(Suspect {
                    kernels: kernels.iter().map(|k| (*k).to_owned()).collect(),
                    storages: vec![storage],
                    failed,
                    compared: failed + passed,
                    first: first.to_string(),
                    suite: first.suite.to_owned(),
                    element: first.element,
                }),
            }
            left.retain(|failure| !explained(failure));
        }
        suspects
    }
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

    fn found(failing: &[&[&'static str]], passing: &[&[&'static str]]) -> Findings {
        let mut findings = Findings::default();
        for kernels in failing {
            for kernel in *kernels {
                let of = (*kernel, Storage::Buffer);
                findings.tallies.entry(of).or_default().failed += 1;
            }
            findings.failures.push(Failure {
                suite: "suite",
                case: "case".into(),
                kernels: kernels.to_vec(),
                variant: String::new(),
                storage: Storage::Buffer,
                reason: "reason".into(),
                element: None,
            });
        }
        for kernel in passing.iter().copied().flatten() {
            let of = (*kernel, Storage::Buffer);
            findings.tallies.entry(of).or_default().passed += 1;
        }
        findings
    }

    fn blamed(findings: &Findings) -> Vec<Vec<String>> {
        findings.suspects().into_iter().map(|s| s.kernels).collect()
    }

    #[test]
    fn blames_what_takes_part_in_every_failure_and_in_no_success() {
        // A snippet among cores that are right without it.
        let found1 = found(
            &[&["direct", "bias"], &["tile", "bias"]],
            &[&["direct"], &["tile"]],
        );
        assert_eq!(blamed(&found1), [["bias"]]);
        // What reads a wrong result is right.
        let found2 = found(&[&["forward"], &["forward", "backward"]], &[]);
        assert_eq!(blamed(&found2), [["forward"]]);
        // Two wrong kernels; one is wrong at some shapes only.
        let found3 = found(&[&["a"], &["b"], &["b"]], &[&["b"], &["c"]]);
        assert_eq!(blamed(&found3), [["a"], ["b"]]);
        // Always together: both are named.
        let found4 = found(&[&["sums", "finish"]], &[]);
        assert_eq!(blamed(&found4), [["finish", "sums"]]);
        assert!(found(&[], &[&["a"]]).suspects().is_empty());
        // Wrong in images only.
        let mut found5 = found(&[&["a"]], &[]);
        found5.tallies.insert(
            ("a", Storage::Image),
            Tally {
                passed: 3,
                failed: 0,
            },
        );
        assert_eq!(found5.suspects()[0].storages, [Storage::Buffer]);
    }

    #[test]
    fn elements_that_are_not_finite_survive_json() {
        let element = Element::from((3, f64::NAN, f64::NEG_INFINITY, 1e-7));
        let text = serde_json::to_string(&element).unwrap();
        let back: Element = serde_json::from_str(&text).unwrap();
        assert!(back.got.is_nan() && back.expected == f64::NEG_INFINITY);
        assert_eq!((back.index, back.tolerance), (3, 1e-7));
    }
}
