//! The training loop: steps, evaluations and stop rules, from the first step to the last evaluation.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::error::TrainError;
use super::evaluation::EvaluationPoint;
use super::evaluation_schedule::EvaluationSchedule;
use super::events::{Event, Observer, Step};
use super::goal::Budget;
use super::record::Outcome;
use super::steps_log::StepsLog;
use super::target_tracker::TargetTracker;
use crate::energy::{Moment, Stamp, Window};
use crate::program::Program;

/// How many of the last losses the training loss of a record averages.
const LAST_LOSSES: usize = 10;
/// A run that only joules limit ends after this time without any: it would never end.
const SECONDS_WITHOUT_JOULES: f64 = 30.0;

pub(super) struct TrainingLoop<'a> {
    pub program: Program<'a>,
    pub schedule: EvaluationSchedule,
    pub batch_size: u32,
    pub tracker: TargetTracker,
    pub interrupt: &'a AtomicBool,
    pub log: Option<StepsLog>,
    pub progress: Progress,
}

#[derive(Default)]
pub(super) struct Progress {
    pub steps: u64,
    /// The first step whose loss or gradients were not finite.
    diverged_at: Option<u64>,
    /// Steps that were in flight when the divergence was found.
    pub steps_after_divergence: u64,
    out_of_time: bool,
    last_losses: VecDeque<f32>,
    /// The number of steps at each start of training and at the end of each submit.
    pub stamps: Vec<Stamp>,
    pub evaluations: Vec<EvaluationPoint>,
    pub training_seconds: f64,
    pub evaluation_seconds: f64,
}

impl Progress {
    fn diverged(&self) -> bool {
        self.diverged_at.is_some()
    }

    pub fn training_loss(&self) -> Option<f64> {
        let sum: f64 = self.last_losses.iter().map(|loss| f64::from(*loss)).sum();
        Some(sum / self.last_losses.len() as f64).filter(|mean| mean.is_finite())
    }
}

impl TrainingLoop<'_> {
    /// Runs to the end; `window` meters the run.
    pub fn run(
        &mut self,
        observer: &mut dyn Observer,
        window: &Window,
    ) -> Result<Outcome, TrainError> {
        let start = Instant::now();
        while let Some(next) = self.schedule.next_after(self.progress.steps) {
            let wanted = u32::try_from(next - self.progress.steps).unwrap_or(u32::MAX);
            let taken = self.train(wanted, start, observer)?;
            let diverged = self.progress.diverged();
            if self.progress.out_of_time && !diverged {
                break;
            }
            let stopped = taken < wanted && !diverged;
            if stopped || self.interrupt.load(Ordering::Relaxed) {
                return Ok(Outcome::Interrupted);
            }
            if !diverged && !self.schedule.evaluates_after(self.progress.steps) {
                continue;
            }
            let ended = self.evaluate(start, observer)?;
            if diverged {
                return Ok(Outcome::Diverged);
            }
            if let Some(outcome) = ended {
                return Ok(outcome);
            }
            if self.without_joules(window, start) {
                observer.event(&Event::Note(format!(
                    "the run ends: only joules limit it, and the meter reported none for {SECONDS_WITHOUT_JOULES} s"
                )));
                break;
            }
            if self.out_of_joules(window) {
                break;
            }
        }
        // A run without steps evaluates its initial weights.
        if self.progress.steps == 0
            && let Some(outcome) = self.evaluate(start, observer)?
        {
            return Ok(outcome);
        }
        Ok(match self.tracker.target().thresholds.is_empty() {
            true => Outcome::Completed,
            false => Outcome::TargetNotReached,
        })
    }

    fn budget(&self) -> Budget {
        let goal = self.tracker.goal();
        goal.map_or_else(Budget::default, |goal| goal.budget)
    }

    /// Whether the budget of joules is used up; adds the joules so far to the last evaluation.
    fn out_of_joules(&mut self, window: &Window) -> bool {
        let Some(most) = self.budget().joules else {
            return false;
        };
        let joules = window.joules_so_far();
        if let Some(point) = self.progress.evaluations.last_mut() {
            point.joules_so_far = joules;
        }
        joules.is_some_and(|joules| joules >= most)
    }

    /// Whether a run that only joules limit has gone on for long without any.
    fn without_joules(&self, window: &Window, start: Instant) -> bool {
        let budget = self.budget();
        let only_joules = Budget {
            joules: budget.joules,
            ..Budget::default()
        };
        budget.joules.is_some()
            && budget == only_joules
            && start.elapsed().as_secs_f64() > SECONDS_WITHOUT_JOULES
            && window.joules_so_far().is_none()
    }

    /// Takes `steps` steps, fewer if the run has to stop.
    fn train(
        &mut self,
        steps: u32,
        start: Instant,
        observer: &mut dyn Observer,
    ) -> Result<u32, TrainError> {
        let begun = Instant::now();
        let batch = u64::from(self.batch_size);
        let seconds = self.budget().seconds;
        // The program checks this flag only; it is set for an interrupt, a divergence and the end of the time.
        let stop = AtomicBool::new(self.interrupt.load(Ordering::Relaxed));
        let (interrupt, log, progress) = (self.interrupt, &mut self.log, &mut self.progress);
        progress.stamps.push(stamp(progress.steps));
        let taken = self.program.train(steps, &stop, &mut |result| {
            let samples = result.step * batch;
            if result.ends_submit {
                progress.stamps.push(stamp(result.step));
            }
            // Later steps do not belong to the run: how many there are depends on the speed of the device.
            if progress.diverged() {
                return;
            }
            if let Some(log) = log.as_mut() {
                log.push(result.step, samples, result.loss);
            }
            if progress.last_losses.len() == LAST_LOSSES {
                progress.last_losses.pop_front();
            }
            progress.last_losses.push_back(result.loss);
            if result.non_finite {
                progress.diverged_at = Some(result.step);
            }
            let elapsed = start.elapsed().as_secs_f64();
            progress.out_of_time |= seconds.is_some_and(|most| elapsed >= most);
            if progress.diverged() || progress.out_of_time || interrupt.load(Ordering::Relaxed) {
                stop.store(true, Ordering::Relaxed);
            }
            observer.event(&Event::Step(Step {
                step: result.step,
                samples,
                loss: result.loss,
                correct: result.correct,
                gradient_norm: result.gradient_norm,
                non_finite: result.non_finite,
                seconds: elapsed,
            }));
        })?;
        progress.steps += u64::from(taken);
        if let Some(at) = progress.diverged_at {
            progress.steps_after_divergence = progress.steps - at;
            progress.steps = at;
        }
        progress.training_seconds += begun.elapsed().as_secs_f64();
        Ok(taken)
    }

    /// Evaluates the test set; the outcome if that ends the run.
    fn evaluate(
        &mut self,
        start: Instant,
        observer: &mut dyn Observer,
    ) -> Result<Option<Outcome>, TrainError> {
        let begun = Instant::now();
        let found = self.program.evaluate()?;
        self.progress.evaluation_seconds += begun.elapsed().as_secs_f64();
        let point = EvaluationPoint {
            step: self.progress.steps,
            samples: self.samples(),
            seconds: start.elapsed().as_secs_f64(),
            training_seconds: self.progress.training_seconds,
            metrics: found.metrics,
            joules_so_far: None,
        };
        observer.event(&Event::Evaluation(point.clone()));
        let finite = point.is_finite();
        self.progress.evaluations.push(point);
        let reached = self.tracker.update(&self.progress.evaluations);
        Ok(match (finite, reached) {
            (false, _) => Some(Outcome::Diverged),
            (true, true) => Some(Outcome::TargetReached),
            (true, false) => None,
        })
    }

    pub fn samples(&self) -> u64 {
        self.progress.steps * u64::from(self.batch_size)
    }
}

fn stamp(steps: u64) -> Stamp {
    Stamp {
        at: Moment::now().monotonic,
        done: steps as f64,
    }
}
