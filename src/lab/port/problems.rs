//! What a port found wrong.

use super::Port;

impl Port {
    /// What is wrong, one sentence each; empty where everything that ran is right.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut problems = vec![];
        if let Some(conformance) = &self.conformance {
            let suspects = conformance.suspects.iter();
            problems.extend(suspects.map(|s| format!("{}: {}", s.verdict(), s.first)));
            problems.extend(conformance.device_error.clone());
        }
        for done in &self.determinism {
            let failure = done.result.as_ref().and_then(|r| r.failure.clone());
            let why = failure.or_else(|| done.error.clone());
            problems.extend(why.map(|why| format!("{} is not deterministic: {why}", done.preset)));
        }
        for done in &self.training {
            let failure = done.result.as_ref().and_then(|r| r.failure);
            let why = failure.map(|e| {
                format!(
                    "the loss of step {} is {}, expected {} within {:.1e}",
                    e.index + 1,
                    e.got,
                    e.expected,
                    e.tolerance
                )
            });
            let why = why.or_else(|| done.error.clone());
            problems
                .extend(why.map(|why| format!("{} does not follow PyTorch: {why}", done.preset)));
        }
        problems
    }
}
