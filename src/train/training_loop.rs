//! A run between its first step and its last evaluation: steps, evaluations, stop rules.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::error::TrainError;
use super::evaluation_schedule::EvaluationSchedule;
use super::events::{Event, Observer, Step};
use super::goal::Budget;
use super::record::{EvaluationPoint, Outcome};
use super::steps_log::StepsLog;
use super::target::TargetTracker;
use crate::energy::Window;
use crate::energy::{Moment, Stamp};
use crate::program::Program;

/// Losses whose mean stands in the record as the training loss.
const LAST_LOSSES: usize = 10;
/// A run that only joules limit ends after so many seconds without any: it would never end.
const JOULELESS_SECONDS: f64 = 30.0;

/// The state of a run between its first step and its last evaluation.
pub(super) struct TrainingLoop<'a> {
    pub program: Program<'a>,
    schedule: EvaluationSchedule,
    batch_size: u32,
    pub tracker: TargetTracker,
    interrupt: &'a AtomicBool,
    pub log: Option<StepsLog>,
    pub steps: u64,
    /// The first step whose loss or gradients were not finite.
    diverged_at: Option<u64>,
    /// Steps that were under way when it was noticed.
    pub steps_after_divergence: u64,
    out_of_time: bool,
    last_losses: VecDeque<f32>,
    /// Steps taken at the start of every stretch of them and at the end of each submit.
    pub stamps: Vec<Stamp>,
    pub evaluations: Vec<EvaluationPoint>,
    pub training_seconds: f64,
    pub evaluation_seconds: f64,
}

impl<'a> TrainingLoop<'a> {
    pub fn new(
        program: Program<'a>,
        schedule: EvaluationSchedule,
        batch_size: u32,
        tracker: TargetTracker,
        interrupt: &'a AtomicBool,
        log: Option<StepsLog>,
    ) -> Self {
        Self {
            program,
            schedule,
            batch_size,
            tracker,
            interrupt,
            log,
            steps: 0,
            diverged_at: None,
            steps_after_divergence: 0,
            out_of_time: false,
            last_losses: VecDeque::with_capacity(LAST_LOSSES),
            stamps: Vec::new(),
            evaluations: Vec::new(),
            training_seconds: 0.0,
            evaluation_seconds: 0.0,
        }
    }

    /// `window` meters it.
    pub fn run(
        &mut self,
        observer: &mut dyn Observer,
        window: &Window,
    ) -> Result<Outcome, TrainError> {
        let start = Instant::now();
        while let Some(next) = self.schedule.next_after(self.steps) {
            let wanted = u32::try_from(next - self.steps).unwrap_or(u32::MAX);
            let taken = self.advance(wanted, start, observer)?;
            if self.out_of_time && !self.diverged() {
                break;
            }
            let cut = taken < wanted && !self.diverged();
            if cut || self.interrupt.load(Ordering::Relaxed) {
                return Ok(Outcome::Interrupted);
            }
            if !self.diverged() && !self.schedule.evaluates_after(self.steps) {
                continue;
            }
            let reached = self.evaluate(start, observer)?;
            if self.diverged() {
                return Ok(Outcome::Diverged);
            }
            if reached {
                return Ok(Outcome::TargetReached);
            }
            if self.without_joules(window, start) {
                observer.event(&Event::Note(format!(
                    "the meter gave no joules for {JOULELESS_SECONDS} s and nothing else limits the run, so it ends here"
                )));
                break;
            }
            if self.out_of_joules(window) {
                break;
            }
        }
        // No step was to be taken: the weights as they are.
        if self.steps == 0 && self.evaluate(start, observer)? {
            return Ok(Outcome::TargetReached);
        }
        Ok(match self.tracker.target().thresholds.is_empty() {
            true => Outcome::Completed,
            false => Outcome::TargetNotReached,
        })
    }

    fn budget(&self) -> Budget {
        self.tracker
            .goal()
            .map_or_else(Budget::default, |goal| goal.budget)
    }

    fn diverged(&self) -> bool {
        self.diverged_at.is_some()
    }

    /// Whether the joules that the last evaluation found told are those of the budget.
    fn out_of_joules(&mut self, window: &Window) -> bool {
        let Some(most) = self.budget().joules else {
            return false;
        };
        let told = window.joules_so_far();
        if let Some(point) = self.evaluations.last_mut() {
            point.joules_so_far = told;
        }
        told.is_some_and(|told| told >= most)
    }

    /// Whether a run that only joules limit has gone on for long without any.
    fn without_joules(&self, window: &Window, start: Instant) -> bool {
        let budget = self.budget();
        let alone = Budget {
            joules: budget.joules,
            ..Budget::default()
        };
        budget.joules.is_some()
            && budget == alone
            && start.elapsed().as_secs_f64() > JOULELESS_SECONDS
            && window.joules_so_far().is_none()
    }

    /// Takes `steps` steps, fewer where the run is to stop.
    fn advance(
        &mut self,
        steps: u32,
        start: Instant,
        observer: &mut dyn Observer,
    ) -> Result<u32, TrainError> {
        let begun = Instant::now();
        let batch = u64::from(self.batch_size);
        let seconds = self.budget().seconds;
        // The engine looks at one flag; this one is raised for a stop from outside and for divergence.
        let halt = AtomicBool::new(self.interrupt.load(Ordering::Relaxed));
        let (interrupt, log) = (self.interrupt, &mut self.log);
        let (diverged_at, last) = (&mut self.diverged_at, &mut self.last_losses);
        let out_of_time = &mut self.out_of_time;
        let stamps = &mut self.stamps;
        stamps.push(stamp(self.steps));
        let taken = self.program.train(steps, &halt, &mut |result| {
            let samples = result.step * batch;
            if result.ends_submit {
                stamps.push(stamp(result.step));
            }
            // What follows a step that was not finite is none of the run: how much of it there is depends on the time.
            if diverged_at.is_some() {
                return;
            }
            if let Some(log) = log.as_mut() {
                log.push(result.step, samples, result.loss);
            }
            if last.len() == LAST_LOSSES {
                last.pop_front();
            }
            last.push_back(result.loss);
            if result.non_finite {
                diverged_at.get_or_insert(result.step);
            }
            *out_of_time |= seconds.is_some_and(|most| start.elapsed().as_secs_f64() >= most);
            if diverged_at.is_some() || *out_of_time || interrupt.load(Ordering::Relaxed) {
                halt.store(true, Ordering::Relaxed);
            }
            observer.event(&Event::Step(Step {
                step: result.step,
                samples,
                loss: result.loss,
                correct: result.correct,
                gradient_norm: result.gradient_norm,
                non_finite: result.non_finite,
                seconds: start.elapsed().as_secs_f64(),
            }));
        })?;
        self.steps += u64::from(taken);
        if let Some(at) = self.diverged_at {
            self.steps_after_divergence = self.steps - at;
            self.steps = at;
        }
        self.training_seconds += begun.elapsed().as_secs_f64();
        Ok(taken)
    }

    /// Evaluates the test set: whether the target is reached.
    fn evaluate(
        &mut self,
        start: Instant,
        observer: &mut dyn Observer,
    ) -> Result<bool, TrainError> {
        let begun = Instant::now();
        let found = self.program.evaluate()?;
        self.evaluation_seconds += begun.elapsed().as_secs_f64();
        let point = EvaluationPoint {
            step: self.steps,
            samples: self.samples(),
            seconds: start.elapsed().as_secs_f64(),
            training_seconds: self.training_seconds,
            metrics: found.metrics,
            joules_so_far: None,
        };
        observer.event(&Event::Evaluation(point.clone()));
        self.evaluations.push(point);
        Ok(self.tracker.update(&self.evaluations))
    }

    pub fn samples(&self) -> u64 {
        self.steps * u64::from(self.batch_size)
    }

    pub fn training_loss(&self) -> Option<f64> {
        let sum: f64 = self.last_losses.iter().map(|loss| f64::from(*loss)).sum();
        Some(sum / self.last_losses.len() as f64).filter(|mean| mean.is_finite())
    }
}

/// `steps` taken by now.
fn stamp(steps: u64) -> Stamp {
    Stamp {
        at: Moment::now().monotonic,
        done: steps as f64,
    }
}
