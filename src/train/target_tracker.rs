//! Watches the evaluations of a run until its target is reached.

use super::evaluation::EvaluationPoint;
use super::goal::Goal;
use super::target::{MetricTarget, TargetReached, TargetResult};
use crate::model::metric::{Metric, MetricValue};

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
                let (Some(point), Some(last)) =
                    (evaluations.last(), target.thresholds.len().checked_sub(1))
                else {
                    return false;
                };
                let values = target.each(point);
                let values = values.map(|(own, found)| (own, found.metric, found.value));
                return target.find(point).is_some() && target.reaches(last, values);
            }
        };
        let single = Window::last(&goal.target, evaluations, 1);
        let full = Window::last(&goal.target, evaluations, goal.window as usize);
        for (level, result) in results.iter_mut().enumerate() {
            let reached = |window: &Option<Window<'_>>| {
                let window = window.as_ref()?;
                let means = window.means.iter().copied();
                goal.target.reaches(level, means).then_some(window.at)
            };
            if result.first_single.is_none() {
                result.first_single = reached(&single);
            }
            if result.reached.is_none() {
                result.reached = reached(&full);
            }
        }
        results.last().is_some_and(|last| last.reached.is_some())
    }
}

/// The last evaluations that count together.
struct Window<'a> {
    /// The last of them, with the means of the first task.
    at: TargetReached,
    /// Of each task its thresholds, its metric and the mean of the deciding half.
    means: Vec<(&'a [f64], Metric, f64)>,
}

impl<'a> Window<'a> {
    /// The last `count` of `evaluations`; `None` where there are fewer, or one of them has no value.
    fn last(
        target: &'a MetricTarget,
        evaluations: &'a [EvaluationPoint],
        count: usize,
    ) -> Option<Self> {
        let window = &evaluations[evaluations.len().checked_sub(count)?..];
        let last = window.last()?;
        let mean = |task: usize, of: fn(&MetricValue) -> f64| {
            let values = window.iter().map(|point| {
                let found = target.each(point).nth(task);
                found.map(|(_, value)| of(value))
            });
            let sum: Option<f64> = values.sum();
            sum.map(|sum| sum / count as f64)
        };
        let means = target.each(last).enumerate().map(|(task, (own, value))| {
            let deciding = mean(task, |value| value.deciding)?;
            Some((own, value.metric, deciding))
        });
        let means: Vec<_> = means.collect::<Option<_>>()?;
        Some(Self {
            at: TargetReached {
                evaluation: evaluations.len() - 1,
                step: last.step,
                samples: last.samples,
                seconds: last.seconds,
                training_seconds: last.training_seconds,
                value: means.first()?.2,
                confirmed: mean(0, |value| value.confirming).filter(|mean| mean.is_finite()),
            },
            means,
        })
    }
}

impl Goal {
    /// How far the last full window is beyond the last threshold, negative before it is reached: the smallest over the
    /// tasks, each in its own metric; `None` before a window is full or without thresholds.
    pub fn margin(&self, evaluations: &[EvaluationPoint]) -> Option<f64> {
        let window = Window::last(&self.target, evaluations, self.window as usize)?;
        let margins = window.means.iter().map(|(thresholds, metric, mean)| {
            let beyond = mean - thresholds.last()?;
            Some(if metric.higher_is_better() {
                beyond
            } else {
                -beyond
            })
        });
        let margins: Vec<f64> = margins.collect::<Option<_>>()?;
        margins
            .into_iter()
            .reduce(f64::min)
            .filter(|margin| margin.is_finite())
    }

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
        let (ended, results) = track(goal.clone(), &[0.9, 0.6, 0.75, 0.84, 0.8, 0.8]);
        let at = |result: &TargetResult| result.reached.map(|at| at.evaluation);
        // 0.9 alone is no full window; (0.9 + 0.6) / 2 = 0.75 is, and (0.84 + 0.8) / 2 = 0.82 is the first for 0.8.
        assert_eq!(
            results.iter().map(at).collect::<Vec<_>>(),
            [Some(1), Some(4)]
        );
        assert_eq!(ended, 5);
        let all = points(Metric::Accuracy, &[0.9, 0.6, 0.75], 0.5);
        assert_eq!(goal.margin(&all[..1]), None);
        assert!((goal.margin(&all).unwrap() + 0.125).abs() < 1e-12);
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
    fn every_task_has_to_reach_its_own_threshold_in_the_same_window() {
        let mut goal = goal(Metric::Accuracy, &[0.7, 0.8], 2);
        goal.target.tasks = [("kind".to_owned(), vec![0.9, 0.95])].into();
        let mut all = points(Metric::Accuracy, &[0.75, 0.85, 0.85, 0.85], 0.5);
        for (point, deciding) in all.iter_mut().zip([0.99, 0.8, 0.96, 0.96]) {
            let kind = MetricValue {
                task: "kind".into(),
                deciding,
                ..point.metrics[0].clone()
            };
            point.metrics.push(kind);
        }
        let mut tracker = TargetTracker::windows(goal.clone());
        let ended = (1..=all.len()).find(|n| tracker.update(&all[..*n]));
        assert_eq!(ended, Some(4));
        let results = tracker.results();
        // Windows of kind: 0.895, 0.88, 0.96; of label: 0.8, 0.85, 0.85.
        assert_eq!(results[0].reached.unwrap().evaluation, 3);
        assert!((results[0].reached.unwrap().value - 0.85).abs() < 1e-12);
        assert_eq!(results[1].first_single.unwrap().evaluation, 2);
        assert_eq!(goal.target.describe(0.8), "80 % test accuracy (kind 95 %)");
        // One task alone.
        goal.target.task = Some("label".into());
        assert_eq!(goal.results(&all)[1].reached.unwrap().evaluation, 1);
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
