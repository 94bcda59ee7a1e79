//! Targets: thresholds of one metric, decided on half of the test set and confirmed on the other half.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::evaluation::EvaluationPoint;
use super::regime_error::RegimeError;
use crate::model::metric::{Metric, MetricValue};
use crate::model::{ModelError, Network};
use crate::units::target_percent;

/// Thresholds of one metric of one task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricTarget {
    /// Name of the task; absent: every task of the network has to reach its thresholds, in the same evaluations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// The metric.
    #[serde(default)]
    pub metric: Metric,
    /// Values to reach, the easiest first: rising where higher is better, falling where lower is. The last ends the run.
    pub thresholds: Vec<f64>,
    /// Thresholds of single tasks in place of these, as many as these.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tasks: BTreeMap<String, Vec<f64>>,
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
        for (task, own) in &self.tasks {
            if own.len() != thresholds.len() || !own.iter().all(|value| value.is_finite()) {
                return bad(format!(
                    "task {task:?} needs as many finite thresholds as the target, {}, got {own:?}",
                    thresholds.len()
                ));
            }
        }
        Ok(())
    }

    /// Checks that `network` has the tasks, and the tasks the metric. A task of [`MetricTarget::tasks`] without the metric is
    /// judged by its first one.
    ///
    /// # Errors
    /// [`ModelError::UnknownTask`] where no task has the name, [`ModelError::MetricOfTask`] where a task's loss does not have
    /// the metric.
    pub fn check_network(&self, network: &Network) -> Result<(), ModelError> {
        if self.thresholds.is_empty() && self.task.is_none() {
            return Ok(());
        }
        let wanted = |task: &str| self.task.as_ref().is_none_or(|own| own == task);
        let mut losses = network.losses().iter();
        let mut found = losses.clone().filter(|loss| wanted(&loss.task)).peekable();
        if found.peek().is_none() {
            let known = losses.by_ref().map(|loss| loss.task.as_str());
            return Err(ModelError::UnknownTask {
                name: self.task.clone().unwrap_or_default(),
                known: known.collect::<Vec<_>>().join(", "),
            });
        }
        let lacks = |task: &str, metrics: &[Metric]| {
            !metrics.contains(&self.metric) && !self.tasks.contains_key(task)
        };
        match found.find(|loss| lacks(&loss.task, loss.kind.metrics())) {
            None => Ok(()),
            Some(loss) => {
                let known = loss.kind.metrics().iter().map(|metric| metric.name());
                Err(ModelError::MetricOfTask {
                    task: loss.task.clone(),
                    metric: self.metric,
                    known: known.collect::<Vec<_>>().join(", "),
                })
            }
        }
    }

    /// A threshold in words: `88 % test accuracy`, `a test loss of 0.4`; tasks are named where the target names them.
    pub fn describe(&self, threshold: f64) -> String {
        let metric = self.metric;
        let text = match metric.is_share() {
            true => format!("{} test {metric}", target_percent(threshold)),
            false => format!("a test {metric} of {threshold}"),
        };
        let level = self.thresholds.iter().position(|one| *one == threshold);
        let others = self.tasks.iter().filter_map(|(task, own)| {
            let own = own.get(level?)?;
            Some(match metric.is_share() {
                true => format!("{task} {}", target_percent(*own)),
                false => format!("{task} {own}"),
            })
        });
        let others: Vec<String> = self.task.iter().cloned().chain(others).collect();
        match others.is_empty() {
            true => text,
            false => format!("{text} ({})", others.join(", ")),
        }
    }

    /// The value of its metric in `point`, of its task or of the first.
    pub fn find<'a>(&self, point: &'a EvaluationPoint) -> Option<&'a MetricValue> {
        let task = self.task.as_deref();
        let task = task.or_else(|| Some(point.metrics.first()?.task.as_str()))?;
        self.value(task, point)
    }

    fn value<'a>(&self, task: &str, point: &'a EvaluationPoint) -> Option<&'a MetricValue> {
        let mut own = point.metrics.iter().filter(|value| value.task == task);
        let first = own.clone().next().filter(|_| self.tasks.contains_key(task));
        own.find(|value| value.metric == self.metric).or(first)
    }

    /// What has to reach the thresholds: each task of `point` that the target is about, by its thresholds, with its value.
    pub(super) fn each<'a>(
        &'a self,
        point: &'a EvaluationPoint,
    ) -> impl Iterator<Item = (&'a [f64], &'a MetricValue)> {
        let mut tasks: Vec<&str> = point.metrics.iter().map(|one| one.task.as_str()).collect();
        tasks.dedup();
        tasks.retain(|task| self.task.as_ref().is_none_or(|own| own == task));
        tasks.into_iter().filter_map(|task| {
            let thresholds = self.tasks.get(task).unwrap_or(&self.thresholds);
            Some((thresholds.as_slice(), self.value(task, point)?))
        })
    }

    /// Whether values of the tasks, each with its thresholds, reach threshold number `level`.
    pub(super) fn reaches<'a>(
        &self,
        level: usize,
        mut values: impl Iterator<Item = (&'a [f64], Metric, f64)>,
    ) -> bool {
        values.all(|(thresholds, metric, value)| {
            let own = thresholds.get(level).or(self.thresholds.get(level));
            own.is_some_and(|threshold| metric.reaches(value, *threshold))
        })
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
        let several = MetricTarget {
            tasks: [("kind".to_owned(), vec![0.9])].into(),
            ..MetricTarget::accuracy(&[0.7, 0.8])
        };
        let text = several.check().unwrap_err().to_string();
        assert!(text.contains("as many finite thresholds"), "{text}");
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
        assert_eq!(target.check_network(&network), Ok(()));
        assert_eq!(target.describe(0.8), "80 % test accuracy");
        target.task = Some("colour".into());
        assert_eq!(target.describe(0.8), "80 % test accuracy (colour)");
        let text = error(&target);
        assert!(
            text.contains("\"colour\"") && text.contains("label, parity"),
            "{text}"
        );
        target.task = Some("parity".into());
        assert_eq!(target.check_network(&network), Ok(()));
    }
}
