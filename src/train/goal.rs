//! The goal of a run: a target, evaluations at equal intervals in samples, a budget.

use serde::{Deserialize, Serialize};

use super::regime_error::RegimeError;
use super::target::MetricTarget;

/// The most that a run may use; the first limit reached ends it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Budget {
    /// Training samples; a step that would exceed them is not taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub samples: Option<u64>,
    /// Training steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<u64>,
    /// Epochs of whole batches; may be a fraction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epochs: Option<f64>,
    /// Seconds since the first step, evaluations included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// Joules since the first step, evaluations included, of the first source that measures; checked after each
    /// evaluation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub joules: Option<f64>,
}

impl Budget {
    /// Whether nothing limits the run.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Most training steps of `batch_size` samples, with `steps_per_epoch` steps per epoch.
    pub fn steps(&self, batch_size: u32, steps_per_epoch: u32) -> u64 {
        let samples = self.samples.map(|n| n / u64::from(batch_size.max(1)));
        let epochs = self
            .epochs
            .map(|n| (n * f64::from(steps_per_epoch)).round().max(0.0) as u64);
        [samples, epochs, self.steps]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(u64::MAX)
    }
}

/// Target, evaluation interval and budget of a run.
///
/// A threshold is reached when the mean of the last [`Goal::window`] evaluations on the deciding half of the test set
/// (samples with an even index) reaches it, never before the window is full. The other half confirms it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Goal {
    /// What to reach; the run ends when the last threshold is reached.
    pub target: MetricTarget,
    /// Samples from one evaluation to the next: an evaluation follows the first step at or past each multiple.
    pub every_samples: u64,
    /// Evaluations whose mean counts.
    pub window: u32,
    /// What may be used.
    pub budget: Budget,
}

impl Goal {
    /// Checks every value that can be checked without data.
    ///
    /// # Errors
    /// [`RegimeError::Goal`] for the first invalid value.
    pub fn check(&self, batch_size: u32) -> Result<(), RegimeError> {
        let bad = |what: String| Err(RegimeError::Goal { what });
        self.target.check()?;
        if self.window == 0 {
            return bad("the window must be at least 1 evaluation, got 0".into());
        }
        if self.every_samples < u64::from(batch_size) {
            return bad(format!(
                "evaluations every {} samples need a batch size of at most that, got {batch_size}",
                self.every_samples
            ));
        }
        let limits = [self.budget.epochs, self.budget.seconds, self.budget.joules];
        if self.budget.is_empty()
            || limits
                .into_iter()
                .flatten()
                .any(|n| !(n.is_finite() && n > 0.0))
        {
            return bad("the budget does not limit the run: give samples, steps, epochs, seconds or joules above 0".into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_limit_of_a_budget_counts() {
        let steps = |samples, steps, epochs| {
            Budget {
                samples,
                steps,
                epochs,
                ..Budget::default()
            }
            .steps(64, 937)
        };
        assert_eq!(steps(Some(6000), None, None), 93);
        assert_eq!(steps(Some(6000), Some(50), None), 50);
        assert_eq!(steps(None, None, Some(0.5)), 469);
        assert_eq!(steps(None, None, None), u64::MAX);
    }

    #[test]
    fn rejects_invalid_windows_intervals_and_budgets() {
        let goal = |window, every_samples, samples, seconds| Goal {
            target: MetricTarget::accuracy(&[0.8]),
            every_samples,
            window,
            budget: Budget {
                samples,
                seconds,
                ..Budget::default()
            },
        };
        let error = |goal: Goal| goal.check(64).unwrap_err().to_string();
        assert_eq!(goal(2, 6000, Some(60_000), None).check(64), Ok(()));
        assert!(error(goal(0, 6000, Some(60_000), None)).contains("window"));
        assert!(error(goal(1, 63, Some(60_000), None)).contains("every 63 samples"));
        assert!(error(goal(1, 6000, None, None)).contains("budget"));
        assert!(error(goal(1, 6000, None, Some(f64::NAN))).contains("budget"));
    }
}
