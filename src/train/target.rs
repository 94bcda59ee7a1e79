//! Targets: thresholds of one metric, decided on half of the test set and confirmed on the other half.

use serde::{Deserialize, Serialize};

use super::evaluation::EvaluationPoint;
use super::regime_error::RegimeError;
use crate::model::metric::{self, Metric, MetricValue};
use crate::model::{ModelError, Network};
use crate::units::target_percent;

/// Thresholds of one metric of one task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricTarget {
    /// Name of the task; may be absent where the network has one task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// The metric.
    #[serde(default)]
    pub metric: Metric,
    /// Values to reach, the easiest first: rising where higher is better, falling where lower is. The last ends the run.
    pub thresholds: Vec<f64>,
}

impl MetricTarget {
    /// Accuracies of the network's only task, rising.
    pub fn accuracy(thresholds: &[f64]) -> Self {
        Self {
            thresholds: thresholds.to_vec(),
            ..Self::default()
        }
    }

    /// Checks the thresholds.
    ///
    /// # Errors
    /// [`RegimeError::Goal`] for a threshold that the metric cannot take, or thresholds out of order.
    pub fn check(&self) -> Result<(), RegimeError> {
        let Self {
            metric, thresholds, ..
        } = self;
        let valid = |value: &f64| match metric.is_share() {
            true => (0.0..=1.0).contains(value),
            false => value.is_finite(),
        };
        let bad = |what: String| Err(RegimeError::Goal { what });
        if let Some(value) = thresholds.iter().find(|value| !valid(value)) {
            return bad(match metric.is_share() {
                true => format!(
                    "a target {metric} must be between 0 and 1, got {value}: write 85 % as 0.85"
                ),
                false => format!("a target {metric} must be a finite number, got {value}"),
            });
        }
        let harder = |easy: &f64, hard: &f64| easy != hard && metric.reaches(*hard, *easy);
        if !thresholds.is_sorted_by(harder) {
            let order = match metric.higher_is_better() {
                true => "rise: list each once, the lowest first",
                false => "fall: list each once, the highest first",
            };
            return bad(format!("the thresholds of a target {metric} must {order}"));
        }
        Ok(())
    }

    /// Checks that `network` has the task, and the task the metric.
    ///
    /// # Errors
    /// [`ModelError::UnknownTask`] where no task has the name, or where no name is given and the network has several;
    /// [`ModelError::MetricOfTask`] where the task's loss does not have the metric.
    pub fn check_network(&self, network: &Network) -> Result<(), ModelError> {
        if self.thresholds.is_empty() && self.task.is_none() {
            return Ok(());
        }
        let losses = network.losses();
        let loss = match (&self.task, losses) {
            (Some(name), losses) => losses.iter().find(|loss| loss.task == *name),
            (None, [only]) => Some(only),
            (None, _) => None,
        };
        let Some(loss) = loss else {
            let known = losses.iter().map(|loss| loss.task.as_str());
            return Err(ModelError::UnknownTask {
                name: self.task.clone(),
                known: known.collect::<Vec<_>>().join(", "),
            });
        };
        let metrics = loss.kind.metrics();
        if metrics.contains(&self.metric) {
            return Ok(());
        }
        let known = metrics.iter().map(|metric| metric.name());
        Err(ModelError::MetricOfTask {
            task: loss.task.clone(),
            metric: self.metric,
            known: known.collect::<Vec<_>>().join(", "),
        })
    }

    /// A threshold in words: `88 % test accuracy`, `a test loss of 0.4`; the task is named where the target names it.
    pub fn describe(&self, threshold: f64) -> String {
        let metric = self.metric;
        let text = match metric.is_share() {
            true => format!("{} test {metric}", target_percent(threshold)),
            false => format!("a test {metric} of {threshold}"),
        };
        match &self.task {
            Some(task) => format!("{text} ({task})"),
            None => text,
        }
    }

    /// The value of its metric in `point`.
    pub fn find<'a>(&self, point: &'a EvaluationPoint) -> Option<&'a MetricValue> {
        metric::find(&point.metrics, self.task.as_deref(), self.metric)
    }
}

/// The evaluation at which a run reached a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetReached {
    /// Index of the evaluation, from 0.
    pub evaluation: usize,
    /// Training steps before it.
    pub step: u64,
    /// Training samples before it.
    pub samples: u64,
    /// Seconds from the start of the first step to its end, evaluations included.
    pub seconds: f64,
    /// Of these, seconds of training.
    pub training_seconds: f64,
    /// The metric's value that reached the threshold.
    pub value: f64,
    /// The metric's value on the half of the test set that did not decide, in the same evaluations; absent where the
    /// whole test set decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<f64>,
}

/// A threshold and when it was reached.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetResult {
    /// The threshold.
    pub threshold: f64,
    /// The last evaluation of the first window whose mean reached it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reached: Option<TargetReached>,
    /// The first single evaluation that reached it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_single: Option<TargetReached>,
}

impl TargetResult {
    /// A threshold that no evaluation has reached yet.
    pub(crate) fn open(threshold: f64) -> Self {
        Self {
            threshold,
            reached: None,
            first_single: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(metric: Metric, thresholds: &[f64]) -> MetricTarget {
        MetricTarget {
            metric,
            ..MetricTarget::accuracy(thresholds)
        }
    }

    #[test]
    fn rejects_thresholds_out_of_range_or_order() {
        let error = |metric, thresholds: &[f64]| {
            let target = target(metric, thresholds);
            target.check().unwrap_err().to_string()
        };
        assert_eq!(target(Metric::Accuracy, &[0.8, 0.9]).check(), Ok(()));
        assert_eq!(target(Metric::Loss, &[0.9, 0.8]).check(), Ok(()));
        assert!(error(Metric::Accuracy, &[80.0]).contains("between 0 and 1"));
        assert!(error(Metric::Accuracy, &[0.8, 0.8]).contains("must rise"));
        assert!(error(Metric::Loss, &[0.8, 0.9]).contains("must fall"));
        assert!(error(Metric::Loss, &[f64::NAN]).contains("finite"));
    }

    #[test]
    fn rejects_a_task_that_the_network_does_not_have() {
        let mut network = Network::new();
        let x = network.input([1, 1, 4]);
        let logits = network.linear("fc", x, 2).unwrap();
        network.cross_entropy("label", logits, 0, 1.0);
        let mut target = MetricTarget::accuracy(&[0.8]);
        assert_eq!(target.check_network(&network), Ok(()));
        network.cross_entropy("parity", logits, 1, 1.0);
        let error = |target: &MetricTarget| target.check_network(&network).unwrap_err().to_string();
        assert!(error(&target).contains("label, parity"));
        assert_eq!(target.describe(0.8), "80 % test accuracy");
        target.task = Some("colour".into());
        assert_eq!(target.describe(0.8), "80 % test accuracy (colour)");
        assert!(error(&target).contains("\"colour\""));
        target.task = Some("parity".into());
        assert_eq!(target.check_network(&network), Ok(()));
    }
}
