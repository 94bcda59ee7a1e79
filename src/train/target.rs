//! Targets: thresholds of one metric, decided on half of the test set and confirmed on the other half.

use serde::{Deserialize, Serialize};

use super::goal::Goal;
use super::record::EvaluationPoint;
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
                    "a target {metric} must be between 0 and 1, got {value}: write 86 % as 0.86"
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

    /// Checks that `network` has the task.
    ///
    /// # Errors
    /// [`ModelError::UnknownTask`] where no task has the name, or where no name is given and the network has several.
    pub fn check_network(&self, network: &Network) -> Result<(), ModelError> {
        let tasks = || network.losses().iter().map(|loss| loss.task.as_str());
        let found = match &self.task {
            Some(name) => tasks().any(|task| task == name),
            None => tasks().count() == 1 || self.thresholds.is_empty(),
        };
        if found {
            return Ok(());
        }
        Err(ModelError::UnknownTask {
            name: self.task.clone(),
            known: tasks().collect::<Vec<_>>().join(", "),
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

/// Watches the evaluations of a run for its target.
#[derive(Clone, Debug)]
pub(super) enum TargetTracker {
    /// The mean of the last evaluations on the deciding half counts.
    Windows(Goal, Vec<TargetResult>),
    /// The first evaluation of the whole test set that reaches the target counts.
    Single(MetricTarget),
}

impl TargetTracker {
    pub fn windows(goal: Goal) -> Self {
        let thresholds = goal.target.thresholds.iter();
        let results = thresholds.map(|threshold| TargetResult::open(*threshold));
        Self::Windows(goal.clone(), results.collect())
    }

    pub fn target(&self) -> &MetricTarget {
        match self {
            Self::Windows(goal, _) => &goal.target,
            Self::Single(target) => target,
        }
    }

    pub fn goal(&self) -> Option<&Goal> {
        match self {
            Self::Windows(goal, _) => Some(goal),
            Self::Single(_) => None,
        }
    }

    /// The results for a record; none where single evaluations count.
    pub fn results(self) -> Vec<TargetResult> {
        match self {
            Self::Windows(_, results) => results,
            Self::Single(_) => Vec::new(),
        }
    }

    /// Looks at the last of `evaluations`; true when the last threshold is reached.
    pub fn update(&mut self, evaluations: &[EvaluationPoint]) -> bool {
        let (goal, results) = match self {
            Self::Windows(goal, results) => (goal, results),
            Self::Single(target) => {
                let newest = evaluations.last().and_then(|point| target.find(point));
                let last = target.thresholds.last();
                return newest.zip(last).is_some_and(|(found, threshold)| {
                    target.metric.reaches(found.value, *threshold)
                });
            }
        };
        let single = mean(&goal.target, evaluations, 1);
        let full = mean(&goal.target, evaluations, goal.window as usize);
        for result in results.iter_mut() {
            let reaches =
                |at: &TargetReached| goal.target.metric.reaches(at.value, result.threshold);
            if result.first_single.is_none() {
                result.first_single = single.filter(reaches);
            }
            if result.reached.is_none() {
                result.reached = full.filter(reaches);
            }
        }
        results.last().is_some_and(|last| last.reached.is_some())
    }
}

/// The last of `evaluations` with the metric's means over the last `window`; `None` where there are fewer.
fn mean(
    target: &MetricTarget,
    evaluations: &[EvaluationPoint],
    window: usize,
) -> Option<TargetReached> {
    let start = evaluations.len().checked_sub(window)?;
    let last = evaluations.last()?;
    let values: Option<Vec<&MetricValue>> = evaluations[start..]
        .iter()
        .map(|point| target.find(point))
        .collect();
    let values = values?;
    let mean = |of: fn(&MetricValue) -> f64| {
        values.iter().map(|value| of(value)).sum::<f64>() / window as f64
    };
    Some(TargetReached {
        evaluation: evaluations.len() - 1,
        step: last.step,
        samples: last.samples,
        seconds: last.seconds,
        training_seconds: last.training_seconds,
        value: mean(|value| value.deciding),
        confirmed: Some(mean(|value| value.confirming)).filter(|mean| mean.is_finite()),
    })
}

#[cfg(test)]
mod tests {
    use super::super::goal::Budget;
    use super::*;

    fn goal(metric: Metric, thresholds: &[f64], window: u32) -> Goal {
        Goal {
            target: MetricTarget {
                metric,
                ..MetricTarget::accuracy(thresholds)
            },
            every_samples: 6000,
            window,
            budget: Budget::default(),
        }
    }

    fn points(metric: Metric, deciding: &[f64], confirming: f64) -> Vec<EvaluationPoint> {
        let point = |(deciding, k): (&f64, u64)| EvaluationPoint {
            step: 94 * k,
            samples: 94 * 64 * k,
            seconds: k as f64,
            training_seconds: 0.75 * k as f64,
            metrics: vec![MetricValue {
                task: "label".into(),
                metric,
                value: (deciding + confirming) / 2.0,
                deciding: *deciding,
                confirming,
            }],
            joules_so_far: None,
        };
        deciding.iter().zip(1..).map(point).collect()
    }

    /// How many evaluations it took to reach the last threshold (0: not reached), and all results.
    fn track(goal: Goal, deciding: &[f64]) -> (usize, Vec<TargetResult>) {
        let all = points(goal.target.metric, deciding, 0.5);
        let mut tracker = TargetTracker::windows(goal);
        let ended = (1..=all.len()).find(|n| tracker.update(&all[..*n]));
        (ended.unwrap_or(0), tracker.results())
    }

    #[test]
    fn a_full_window_of_the_deciding_half_reaches_a_target() {
        // The confirming half stays at 0.5: it decides nothing and is recorded beside.
        let goal = goal(Metric::Accuracy, &[0.7, 0.8], 2);
        let (ended, results) = track(goal, &[0.9, 0.6, 0.75, 0.84, 0.8, 0.8]);
        let at = |result: &TargetResult| result.reached.map(|at| at.evaluation);
        // 0.9 alone is no full window; (0.9 + 0.6) / 2 = 0.75 is, and (0.84 + 0.8) / 2 = 0.82 is the first for 0.8.
        assert_eq!(
            results.iter().map(at).collect::<Vec<_>>(),
            [Some(1), Some(4)]
        );
        assert_eq!(ended, 5);
        let last = results[1].reached.unwrap();
        assert!((last.value - 0.82).abs() < 1e-12, "{last:?}");
        assert_eq!(
            (last.confirmed, last.step, last.seconds),
            (Some(0.5), 470, 5.0)
        );
        assert_eq!(results[1].first_single.unwrap().evaluation, 0);
    }

    #[test]
    fn a_threshold_that_no_window_reaches_stays_open() {
        let goal = goal(Metric::Accuracy, &[0.7, 0.9], 3);
        let (ended, results) = track(goal, &[0.71, 0.72, 0.7, 0.91, 0.2]);
        assert_eq!(ended, 0);
        assert!(results[0].reached.is_some() && results[1].reached.is_none());
        assert_eq!(results[1].first_single.unwrap().evaluation, 3);
    }

    #[test]
    fn a_loss_reaches_its_target_from_above() {
        let goal = goal(Metric::Loss, &[0.6, 0.4], 1);
        let (ended, results) = track(goal, &[0.9, 0.55, 0.39, 0.2]);
        assert_eq!(ended, 3);
        assert_eq!(results[0].reached.unwrap().evaluation, 1);
    }

    #[test]
    fn a_single_evaluation_of_the_whole_test_set_reaches_a_target_without_window() {
        let mut tracker = TargetTracker::Single(MetricTarget::accuracy(&[0.7]));
        let all = points(Metric::Accuracy, &[0.8, 0.9], 0.5);
        assert!(!tracker.update(&all[..1]));
        assert!(tracker.update(&all));
        assert!(!TargetTracker::Single(MetricTarget::accuracy(&[])).update(&all));
    }

    #[test]
    fn rejects_thresholds_out_of_range_or_order() {
        let error = |metric, thresholds: &[f64]| {
            let target = goal(metric, thresholds, 1).target;
            target.check().unwrap_err().to_string()
        };
        assert_eq!(
            goal(Metric::Accuracy, &[0.8, 0.9], 1).target.check(),
            Ok(())
        );
        assert_eq!(goal(Metric::Loss, &[0.9, 0.8], 1).target.check(), Ok(()));
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
