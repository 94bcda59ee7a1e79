//! Watches the evaluations of a run until its target is reached.

use super::evaluation::EvaluationPoint;
use super::goal::Goal;
use super::target::{MetricTarget, TargetReached, TargetResult};
use crate::model::metric::MetricValue;

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

impl Goal {
    /// When a run with these evaluations reached each threshold.
    pub fn results(&self, evaluations: &[EvaluationPoint]) -> Vec<TargetResult> {
        let mut tracker = TargetTracker::windows(self.clone());
        let _ = (1..=evaluations.len()).any(|count| tracker.update(&evaluations[..count]));
        tracker.results()
    }
}

#[cfg(test)]
mod tests {
    use super::super::goal::Budget;
    use super::*;
    use crate::model::metric::Metric;

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
}
