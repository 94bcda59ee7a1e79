//! Which kernels explain the failures of an examination.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::findings::{Count, Element, Failure, Findings, Tally};
use super::inputs::Inputs;
use crate::kernels::Storage;

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
    /// The only inputs with which it is wrong: finite, unless every failure had an input that is not.
    #[serde(default)]
    pub inputs: Inputs,
    /// The first failure in words.
    pub first: String,
    /// The suite of the first failure.
    pub suite: String,
    /// The first element that differs.
    pub element: Option<Element>,
}

impl Suspect {
    /// `A or B is wrong`, and with which inputs where finite ones are right.
    #[must_use]
    pub fn verdict(&self) -> String {
        let kernels = self.kernels.join(" or ");
        match self.inputs.finite() {
            true => format!("{kernels} is wrong"),
            false => format!("{kernels} is wrong only where an input is {}", self.inputs),
        }
    }
}

/// Kernels that always run together, and where their tensors are stored.
type Blamed = (Vec<&'static str>, Storage);

impl Findings {
    fn tally(&self, kernel: &str, storage: Storage) -> Tally {
        let mut all = self.tallies.iter();
        let found = all.find(|((k, s), _)| *k == kernel && *s == storage);
        found.map(|(_, tally)| *tally).unwrap_or_default()
    }

    /// The kernels that explain all failures: repeatedly the one whose results fail most often, among equals the one that
    /// explains most failures. Failures with finite inputs are explained first and apart, so that a kernel that is wrong
    /// only with others takes no blame for them.
    #[must_use]
    pub fn suspects(&self) -> Vec<Suspect> {
        let mut left: Vec<&Failure> = self.failures.iter().collect();
        let mut suspects: Vec<Suspect> = vec![];
        for finite in [true, false] {
            let counts = |failure: &&&Failure| !finite || failure.inputs.finite();
            loop {
                let open: Vec<&Failure> = left.iter().filter(counts).copied().collect();
                let Some((kernels, storage)) = self.most_suspect(&open, finite) else {
                    break;
                };
                let explained = |failure: &&Failure| {
                    failure.storage == storage
                        && failure.kernels.iter().any(|k| kernels.contains(k))
                };
                let Some(first) = open.iter().find(|failure| explained(failure)) else {
                    break;
                };
                let own = open.iter().filter(|failure| explained(failure));
                let inputs = own.fold(Inputs::default(), |all, failure| all | failure.inputs);
                let Count { passed, failed } = self.tally(kernels[0], storage).all();
                let mut earlier = suspects.iter_mut();
                match earlier.find(|s| s.kernels == kernels && s.inputs.finite() == finite) {
                    Some(other) => {
                        other.storages.push(storage);
                        other.failed += failed;
                        other.compared += failed + passed;
                        other.inputs = other.inputs | inputs;
                    }
                    None => suspects.push(Suspect {
                        kernels: kernels.iter().map(|k| (*k).to_owned()).collect(),
                        storages: vec![storage],
                        failed,
                        compared: failed + passed,
                        inputs,
                        first: first.to_string(),
                        suite: first.suite.to_owned(),
                        element: first.element,
                    }),
                }
                left.retain(|failure| !explained(failure));
            }
        }
        suspects
    }

    /// The kernels that explain some of the failures best, by the comparisons with finite inputs or with others; `None` where
    /// there are no failures.
    fn most_suspect(&self, failures: &[&Failure], finite: bool) -> Option<Blamed> {
        let mut counts: BTreeMap<(&'static str, Storage), u64> = BTreeMap::new();
        for failure in failures {
            for kernel in &failure.kernels {
                *counts.entry((kernel, failure.storage)).or_default() += 1;
            }
        }
        let rank = |of: &(&'static str, Storage)| {
            let tally = self.tally(of.0, of.1);
            let Count { passed, failed } = if finite {
                tally.finite
            } else {
                tally.not_finite
            };
            (failed as f64 / (failed + passed).max(1) as f64, counts[of])
        };
        let best = counts.keys().map(|of| (rank(of), of.1));
        let (best, storage) =
            best.max_by(|(a, _), (b, _)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)))?;
        let is_best = |of: &&(&'static str, Storage)| of.1 == storage && rank(of) == best;
        let kernels: Vec<&str> = counts.keys().filter(is_best).map(|(k, _)| *k).collect();
        let mut examined = kernels.iter();
        let examined = examined.find(|kernel| self.examined.as_deref() == Some(**kernel));
        Some((examined.map_or(kernels.clone(), |k| vec![*k]), storage))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FINITE: Inputs = Inputs {
        nan: false,
        infinite: false,
    };
    const NAN: Inputs = Inputs {
        nan: true,
        infinite: false,
    };

    /// Failures with their inputs, and passes.
    fn found(failing: &[(&[&'static str], Inputs)], passing: &[&[&'static str]]) -> Findings {
        let mut findings = Findings::default();
        for (kernels, inputs) in failing {
            for kernel in *kernels {
                let of = (*kernel, Storage::Buffer);
                findings.tallies.entry(of).or_default().with(*inputs).failed += 1;
            }
            findings.failures.push(Failure {
                suite: "suite",
                case: "case".into(),
                kernels: kernels.to_vec(),
                variant: String::new(),
                storage: Storage::Buffer,
                inputs: *inputs,
                reason: "reason".into(),
                element: None,
            });
        }
        for kernel in passing.iter().copied().flatten() {
            let of = (*kernel, Storage::Buffer);
            findings.tallies.entry(of).or_default().finite.passed += 1;
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
            &[(&["direct", "bias"], FINITE), (&["tile", "bias"], FINITE)],
            &[&["direct"], &["tile"]],
        );
        assert_eq!(blamed(&found1), [["bias"]]);
        // What reads a wrong result is right.
        let found2 = found(
            &[(&["forward"], FINITE), (&["forward", "backward"], FINITE)],
            &[],
        );
        assert_eq!(blamed(&found2), [["forward"]]);
        // Two wrong kernels; one is wrong at some shapes only.
        let found3 = found(
            &[(&["a"], FINITE), (&["b"], FINITE), (&["b"], FINITE)],
            &[&["b"], &["c"]],
        );
        assert_eq!(blamed(&found3), [["a"], ["b"]]);
        // Always together: both are named.
        let found4 = found(&[(&["sums", "finish"], FINITE)], &[]);
        assert_eq!(blamed(&found4), [["finish", "sums"]]);
        assert!(found(&[], &[&["a"]]).suspects().is_empty());
        // Wrong in images only.
        let mut found5 = found(&[(&["a"], FINITE)], &[]);
        let mut passed = Tally::default();
        passed.finite.passed = 3;
        found5.tallies.insert(("a", Storage::Image), passed);
        assert_eq!(found5.suspects()[0].storages, [Storage::Buffer]);
    }

    #[test]
    fn a_kernel_that_is_wrong_at_nan_only_takes_no_blame_for_finite_inputs() {
        // `a` hides every NaN, also where `b` reads its result; `b` is wrong with finite inputs. The many finite inputs with
        // which `a` is right do not excuse it, nor do they accuse `c`, which runs with it.
        let mut both = found(
            &[
                (&["a", "c"], NAN),
                (&["a", "c"], NAN),
                (&["a", "b"], NAN),
                (&["a", "b"], FINITE),
                (&["b"], FINITE),
            ],
            &[&["a"; 9], &["b"; 5]],
        );
        let c = both.tallies.get_mut(&("c", Storage::Buffer)).unwrap();
        c.with(NAN).passed = 2;
        let suspects = both.suspects();
        let verdicts: Vec<_> = suspects.iter().map(Suspect::verdict).collect();
        let expected = ["b is wrong", "a is wrong only where an input is NaN"];
        assert_eq!(verdicts, expected);

        // A kernel that is wrong with finite inputs too has one verdict.
        let one = found(&[(&["a"], NAN), (&["a"], FINITE)], &[]);
        let suspects = one.suspects();
        assert_eq!(suspects.len(), 1);
        assert!(suspects[0].inputs.finite());
        assert_eq!((suspects[0].failed, suspects[0].compared), (2, 2));
    }
}
