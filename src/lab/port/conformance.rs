//! What a port keeps of the conformance.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::conformance::{Findings, Suspect};
use crate::kernels::SHADERS;

/// A kernel's comparisons.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KernelRow {
    /// Its shader file.
    pub kernel: String,
    /// Comparisons of its results.
    pub compared: u64,
    /// Those that failed.
    pub failed: u64,
}

/// The result of the conformance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conformance {
    /// Suites that ran.
    pub suites: usize,
    /// Lists of dispatches that ran.
    pub lists: u64,
    /// Elements compared with the oracle.
    pub elements: u64,
    /// Tensors compared bit by bit with a second run.
    pub repeated: u64,
    /// Distinct variants of kernels with a choice.
    pub variants: usize,
    /// Every registered shader file.
    pub kernels: Vec<KernelRow>,
    /// Comparisons of tensors.
    pub comparisons: u64,
    /// Those that failed.
    pub failures: u64,
    /// The kernels that explain them.
    pub suspects: Vec<Suspect>,
    /// The error of the device that ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_error: Option<String>,
}

impl Conformance {
    /// A summary of what was found.
    #[must_use]
    pub fn new(findings: &Findings) -> Self {
        let row = |kernel: &str| {
            let own = findings.tallies.iter().filter(|((k, _), _)| *k == kernel);
            let (mut compared, mut failed) = (0, 0);
            for (_, tally) in own {
                let all = tally.all();
                compared += all.passed + all.failed;
                failed += all.failed;
            }
            KernelRow {
                kernel: kernel.to_owned(),
                compared,
                failed,
            }
        };
        let variants = findings.variants.values().flatten();
        let variants: BTreeSet<&String> = variants.collect();
        Self {
            suites: findings.variants.len(),
            lists: findings.lists,
            elements: findings.elements,
            repeated: findings.repeated,
            variants: variants.iter().filter(|v| !v.is_empty()).count(),
            kernels: SHADERS.iter().map(|shader| row(shader.name)).collect(),
            comparisons: findings.comparisons + findings.failures.len() as u64,
            failures: findings.failures.len() as u64,
            suspects: findings.suspects(),
            device_error: findings.device_error.clone(),
        }
    }

    /// Registered kernels of which no result was compared.
    #[must_use]
    pub fn not_compared(&self) -> Vec<&str> {
        let none = self.kernels.iter().filter(|row| row.compared == 0);
        none.map(|row| row.kernel.as_str()).collect()
    }
}
