//! What a run is held to: targets decided on one half of the test set and confirmed on the other, at an equal cadence in
//! samples, within a budget.

use serde::{Deserialize, Serialize};

use super::record::EvaluationPoint;
use super::regime_error::RegimeError;

/// What a run may spend; the first limit that is met ends it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Budget {
    /// Training samples; a step that would go beyond them is not taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub samples: Option<u64>,
    /// Training steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<u64>,
    /// Epochs of whole batches; may be a fraction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epochs: Option<f64>,
    /// Seconds from the first step on, evaluations included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// Joules from the first step on, evaluations included, of the first source that measures; looked at after each
    /// evaluation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub joules: Option<f64>,
}

impl Budget {
    /// Whether nothing limits the run.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Most training steps of `batch_size` samples, `steps_per_epoch` of which are an epoch.
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

/// Targets, cadence and budget of a run.
///
/// A target is reached when the mean accuracy of the last [`Goal::window`] evaluations, over the test samples of even
/// number, is at or above it; none is before the window is full. The samples of odd number confirm it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Goal {
    /// Accuracies, 0 to 1, rising; the run ends when the last is reached.
    pub at_least: Vec<f64>,
    /// Samples from one evaluation to the next: one follows the first step at or past each multiple.
    pub every_samples: u64,
    /// Evaluations whose mean counts.
    pub window: u32,
    /// What may be spent.
    pub budget: Budget,
}

impl Goal {
    /// Checks what can be judged without data.
    ///
    /// # Errors
    /// [`RegimeError::Goal`] with what cannot be.
    pub fn check(&self, batch_size: u32) -> Result<(), RegimeError> {
        let bad = |what: String| Err(RegimeError::Goal { what });
        if let Some(target) = self.at_least.iter().find(|at| !(0.0..=1.0).contains(*at)) {
            return bad(format!(
                "a target accuracy of {target} is outside 0 to 1: write 86 % as 0.86"
            ));
        }
        if !self.at_least.is_sorted_by(|a, b| a < b) {
            return bad(
                "the target accuracies do not rise: list each once, the lowest first".into(),
            );
        }
        if self.window == 0 {
            return bad("a window of no evaluation decides nothing: give at least 1".into());
        }
        if self.every_samples < u64::from(batch_size) {
            return bad(format!(
                "an evaluation every {} samples cannot be had from steps of {batch_size}: give at least {batch_size}",
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

    /// When a run with these evaluations reached each target.
    pub fn crossings(&self, evaluations: &[EvaluationPoint]) -> Vec<Crossing> {
        let mut pursuit = Pursuit::of(self.clone());
        for count in 1..=evaluations.len() {
            if pursuit.see(&evaluations[..count]) {
                break;
            }
        }
        pursuit.crossings
    }
}

/// Where a run stood when it arrived at an accuracy.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Arrival {
    /// Which evaluation it was, from 0.
    pub evaluation: usize,
    /// Training steps before it.
    pub step: u64,
    /// Training samples before it.
    pub samples: u64,
    /// Seconds from the start of the first step to its end, evaluations included.
    pub seconds: f64,
    /// Of these, seconds of training.
    pub training_seconds: f64,
    /// The accuracy that decided: over the samples of even number.
    pub accuracy: f64,
    /// The accuracy over the samples of odd number, in the same evaluations.
    pub confirmed: f64,
}

/// One target and when it was reached.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Crossing {
    /// The accuracy asked for, 0 to 1.
    pub at_least: f64,
    /// The last evaluation of the first window whose mean was at or above it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reached: Option<Arrival>,
    /// The first single evaluation at or above it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_single: Option<Arrival>,
}

/// A run on its way to its targets.
#[derive(Clone, Debug)]
pub(super) struct Pursuit {
    way: Way,
    /// The targets of a goal; empty where there is none.
    pub crossings: Vec<Crossing>,
}

#[derive(Clone, Debug)]
enum Way {
    Goal(Goal),
    /// The first evaluation of the whole test set at or above ends the run.
    Single(Option<f64>),
}

impl Pursuit {
    pub fn of(goal: Goal) -> Self {
        let crossing = |at_least: &f64| Crossing {
            at_least: *at_least,
            reached: None,
            first_single: None,
        };
        Self {
            crossings: goal.at_least.iter().map(crossing).collect(),
            way: Way::Goal(goal),
        }
    }

    pub fn single(target: Option<f64>) -> Self {
        Self {
            way: Way::Single(target),
            crossings: Vec::new(),
        }
    }

    /// Whether there is anything to reach.
    pub fn has_target(&self) -> bool {
        !self.crossings.is_empty() || matches!(self.way, Way::Single(Some(_)))
    }

    /// What the run may spend.
    pub fn budget(&self) -> Budget {
        match &self.way {
            Way::Goal(goal) => goal.budget,
            Way::Single(_) => Budget::default(),
        }
    }

    /// Looks at the newest of `evaluations`; true when the run is at its end.
    pub fn see(&mut self, evaluations: &[EvaluationPoint]) -> bool {
        let Some(newest) = evaluations.last() else {
            return false;
        };
        let goal = match &self.way {
            Way::Single(target) => return target.is_some_and(|target| newest.accuracy >= target),
            Way::Goal(goal) => goal,
        };
        let window = goal.window as usize;
        let single = arrival(evaluations, 1);
        let full = (evaluations.len() >= window).then(|| arrival(evaluations, window));
        for crossing in &mut self.crossings {
            let holds = |at: &Arrival| at.accuracy >= crossing.at_least;
            if crossing.first_single.is_none() {
                crossing.first_single = Some(single).filter(holds);
            }
            if crossing.reached.is_none() {
                crossing.reached = full.filter(holds);
            }
        }
        self.crossings
            .last()
            .is_some_and(|last| last.reached.is_some())
    }
}

/// The last of `evaluations` with the mean accuracies of the last `window`, 1 to all of them.
fn arrival(evaluations: &[EvaluationPoint], window: usize) -> Arrival {
    let seen = &evaluations[evaluations.len() - window..];
    let mean = |of: fn(&EvaluationPoint) -> f64| seen.iter().map(of).sum::<f64>() / window as f64;
    let last = &seen[window - 1];
    Arrival {
        evaluation: evaluations.len() - 1,
        step: last.step,
        samples: last.samples,
        seconds: last.seconds,
        training_seconds: last.training_seconds,
        accuracy: mean(|point| point.accuracy_even),
        confirmed: mean(|point| point.accuracy_odd),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn goal(at_least: &[f64], window: u32) -> Goal {
        Goal {
            at_least: at_least.to_vec(),
            every_samples: 6000,
            window,
            budget: Budget {
                samples: Some(60_000),
                ..Budget::default()
            },
        }
    }

    fn points(even: &[f64], odd: f64) -> Vec<EvaluationPoint> {
        even.iter()
            .zip(1..)
            .map(|(even, k)| EvaluationPoint {
                step: 94 * k,
                samples: 94 * 64 * k,
                seconds: k as f64,
                training_seconds: 0.75 * k as f64,
                loss: 1.0,
                accuracy: (even + odd) / 2.0,
                accuracy_even: *even,
                accuracy_odd: odd,
                joules_told: None,
            })
            .collect()
    }

    fn pursue(goal: Goal, even: &[f64]) -> (usize, Vec<Crossing>) {
        let all = points(even, 0.5);
        let mut pursuit = Pursuit::of(goal);
        let seen = (1..=all.len()).find(|n| pursuit.see(&all[..*n]));
        (seen.unwrap_or(0), pursuit.crossings)
    }

    #[test]
    fn a_target_is_reached_by_the_mean_of_a_full_window_on_the_even_half() {
        // The odd half stays at 0.5: it decides nothing and stands beside.
        let (ended, crossings) = pursue(goal(&[0.7, 0.8], 2), &[0.9, 0.6, 0.75, 0.84, 0.8, 0.8]);
        let at = |crossing: &Crossing| crossing.reached.map(|at| at.evaluation);
        // 0.9 alone is no full window; (0.9 + 0.6) / 2 = 0.75 is, and (0.84 + 0.8) / 2 = 0.82 is the first for 0.8.
        assert_eq!(
            crossings.iter().map(at).collect::<Vec<_>>(),
            [Some(1), Some(4)]
        );
        assert_eq!(ended, 5);
        let last = crossings[1].reached.unwrap();
        assert!((last.accuracy - 0.82).abs() < 1e-12, "{last:?}");
        assert_eq!((last.confirmed, last.step, last.seconds), (0.5, 470, 5.0));
        assert_eq!(crossings[1].first_single.unwrap().evaluation, 0);
    }

    #[test]
    fn what_was_never_reached_has_no_arrival() {
        let (ended, crossings) = pursue(goal(&[0.7, 0.9], 3), &[0.71, 0.72, 0.7, 0.91, 0.2]);
        assert_eq!(ended, 0);
        assert!(crossings[0].reached.is_some() && crossings[1].reached.is_none());
        assert_eq!(crossings[1].first_single.unwrap().evaluation, 3);
    }

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
    fn each_goal_that_cannot_be_has_its_sentence() {
        let told = |goal: Goal| goal.check(64).unwrap_err().to_string();
        assert_eq!(goal(&[0.8], 2).check(64), Ok(()));
        assert!(told(goal(&[80.0], 2)).contains("outside 0 to 1"));
        assert!(told(goal(&[0.8, 0.8], 2)).contains("do not rise"));
        assert!(told(goal(&[0.8], 0)).contains("window"));
        let mut fast = goal(&[0.8], 1);
        fast.every_samples = 63;
        assert!(told(fast).contains("every 63 samples"));
        let mut endless = goal(&[0.8], 1);
        endless.budget = Budget::default();
        assert!(told(endless.clone()).contains("budget"));
        endless.budget.seconds = Some(f64::NAN);
        assert!(told(endless).contains("budget"));
    }
}
