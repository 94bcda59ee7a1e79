//! The training loop: steps, evaluations and stop rules, from the first step to the last evaluation.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::checkpoint::{Checkpointer, FrozenSteps, SavedProgress};
use super::durations::Durations;
use super::error::TrainError;
use super::evaluation::EvaluationPoint;
use super::evaluation_schedule::EvaluationSchedule;
use super::events::{Event, Observer, Step};
use super::goal::Budget;
use super::pause::PauseAt;
use super::record::Outcome;
use super::steps_log::StepsLog;
use super::target_tracker::TargetTracker;
use super::trainer::Blueprint;
use super::work::{work, work_per_step};
use crate::energy::{Moment, Stamp, Window};
use crate::program::Program;

/// How many of the last losses the training loss of a record averages.
const LAST_LOSSES: usize = 10;
/// A run that only joules limit ends after this time without any: it would never end.
const SECONDS_WITHOUT_JOULES: f64 = 30.0;

pub(super) struct TrainingLoop<'a> {
    pub blueprint: Blueprint<'a>,
    pub program: Program<'a>,
    /// Longest submit in seconds, if a meter limits it.
    pub longest_submit: Option<f64>,
    pub schedule: EvaluationSchedule,
    pub batch_size: u32,
    pub tracker: TargetTracker,
    pub interrupt: &'a AtomicBool,
    pub pause: Option<PauseAt>,
    pub log: Option<StepsLog>,
    pub checkpoints: Option<Checkpointer>,
    pub progress: Progress,
    pub clock: RunClock,
}

/// Seconds since the first step of a run; those of the earlier parts of a resumed run are included.
#[derive(Clone, Copy)]
pub(super) struct RunClock {
    start: Instant,
    before: f64,
}

impl RunClock {
    /// Starts now, after `before` seconds in earlier parts of the run.
    pub fn start(before: f64) -> Self {
        Self {
            start: Instant::now(),
            before,
        }
    }

    fn seconds(&self) -> f64 {
        self.before + self.session_seconds()
    }

    /// Without the earlier parts.
    fn session_seconds(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }
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
    /// Of this part of the run; start-up is not included.
    pub durations: Durations,
    /// Those of the earlier parts of a resumed run.
    pub earlier: Durations,
    /// Submits of programs that were replaced.
    earlier_submits: u64,
    /// The steps in which parameters were frozen that are trained now.
    pub frozen: Option<FrozenSteps>,
    /// Joules that the first source measured in the earlier parts of a resumed run.
    pub earlier_joules: f64,
}

impl Progress {
    /// The progress at a checkpoint.
    pub fn resumed(step: u64, saved: &SavedProgress) -> Self {
        let sessions = saved.sessions.iter();
        let durations = sessions.clone().map(|session| session.durations);
        let joules = sessions.filter_map(|session| session.energy.first());
        Self {
            steps: step,
            last_losses: saved.last_losses.iter().copied().collect(),
            evaluations: saved.evaluations.clone(),
            frozen: saved.frozen,
            earlier: durations.fold(Durations::default(), Durations::plus),
            earlier_joules: joules.map(|figure| figure.joules).sum(),
            ..Self::default()
        }
    }

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
        let outcome = self.run_to_end(observer, window)?;
        if outcome == Outcome::Interrupted {
            self.checkpoint(true, observer, window)?;
        }
        Ok(outcome)
    }

    fn run_to_end(
        &mut self,
        observer: &mut dyn Observer,
        window: &Window,
    ) -> Result<Outcome, TrainError> {
        loop {
            // A run that was interrupted between a step and its evaluation continues with the evaluation.
            if !self.evaluation_is_due() {
                if self.pause_is_due(window) {
                    return Ok(Outcome::Interrupted);
                }
                let Some(next) = self.schedule.next_after(self.progress.steps) else {
                    break;
                };
                let checkpoint = self.checkpoints.as_ref().and_then(Checkpointer::next_step);
                let unfreeze = self.unfreeze_step();
                let next = next.min(checkpoint.unwrap_or(u64::MAX));
                let next = next.min(unfreeze.unwrap_or(u64::MAX));
                let wanted = u32::try_from(next - self.progress.steps).unwrap_or(u32::MAX);
                self.train(wanted, observer)?;
                if unfreeze == Some(self.progress.steps) && !self.progress.diverged() {
                    self.unfreeze(observer)?;
                }
                if self.progress.out_of_time && !self.progress.diverged() {
                    break;
                }
                if self.interrupt.load(Ordering::Relaxed) {
                    return Ok(Outcome::Interrupted);
                }
                if !self.progress.diverged() && !self.evaluation_is_due() {
                    self.checkpoint(false, observer, window)?;
                    continue;
                }
            }
            let ended = self.evaluate(observer)?;
            if self.progress.diverged() {
                return Ok(Outcome::Diverged);
            }
            if let Some(outcome) = ended {
                return Ok(outcome);
            }
            if self.without_joules(window) {
                observer.event(&Event::Note(format!(
                    "the run ends: only joules limit it, and the meter reported none for {SECONDS_WITHOUT_JOULES} s"
                )));
                break;
            }
            if self.out_of_joules(window) {
                break;
            }
            self.checkpoint(false, observer, window)?;
        }
        // A run without steps evaluates its initial weights.
        if self.progress.steps == 0
            && let Some(outcome) = self.evaluate(observer)?
        {
            return Ok(outcome);
        }
        Ok(match self.tracker.target().thresholds.is_empty() {
            true => Outcome::Completed,
            false => Outcome::TargetNotReached,
        })
    }

    /// The step after which frozen parameters are trained, if it is to come.
    fn unfreeze_step(&self) -> Option<u64> {
        let step = self.blueprint.unfreeze_at;
        step.filter(|step| *step > self.progress.steps)
    }

    /// Continues with a program that trains every parameter.
    fn unfreeze(&mut self, observer: &mut dyn Observer) -> Result<(), TrainError> {
        let step = self.progress.steps;
        let work = work_per_step(&self.program.summary());
        self.progress.frozen = Some(FrozenSteps {
            steps: step,
            flops_per_step: work.flops_per_step,
            bytes_per_step: work.bytes_per_step,
        });
        self.progress.earlier_submits += self.program.counters().submits;
        let snapshot = self.program.snapshot()?;
        let mut program = self.blueprint.program(step)?;
        program.restore(&snapshot)?;
        if let Some(seconds) = self.longest_submit {
            program.keep_submits_below(seconds);
        }
        self.program = program;
        observer.event(&Event::Note(format!(
            "every parameter is trained from step {} on",
            step + 1
        )));
        Ok(())
    }

    /// Submits of this part of the run.
    pub fn submits(&self) -> u64 {
        self.progress.earlier_submits + self.program.counters().submits
    }

    /// Whether the last step is one after which the run is evaluated, and it is not yet.
    fn evaluation_is_due(&self) -> bool {
        let step = self.progress.steps;
        let last = self.progress.evaluations.last();
        self.schedule.evaluates_at(step) && last.is_none_or(|last| last.step < step)
    }

    /// Writes a checkpoint if one is due, or if it is the `last` one of an interrupted run.
    fn checkpoint(
        &mut self,
        last: bool,
        observer: &mut dyn Observer,
        window: &Window,
    ) -> Result<(), TrainError> {
        let Some(checkpoints) = self.checkpoints.as_mut() else {
            return Ok(());
        };
        let progress = &mut self.progress;
        if progress.diverged() || !(last || checkpoints.is_due(progress.steps)) {
            return Ok(());
        }
        let begun = Instant::now();
        let saved = SavedProgress {
            evaluations: progress.evaluations.clone(),
            last_losses: progress.last_losses.iter().copied().collect(),
            seconds: self.clock.seconds(),
            log_bytes: self.log.as_mut().and_then(StepsLog::sync),
            frozen: progress.frozen,
            sessions: Vec::new(),
        };
        let durations = Durations {
            total_seconds: self.clock.session_seconds(),
            ..progress.durations
        };
        let submits = progress.earlier_submits + self.program.counters().submits;
        let done = (saved, durations, submits);
        checkpoints.write(&self.program, window, done, observer)?;
        progress.durations.checkpoint_seconds += begun.elapsed().as_secs_f64();
        Ok(())
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
        let joules = window
            .joules_so_far()
            .map(|joules| joules + self.progress.earlier_joules);
        if let Some(point) = self.progress.evaluations.last_mut() {
            point.joules_so_far = joules;
        }
        joules.is_some_and(|joules| joules >= most)
    }

    /// Whether the run pauses here, right after an evaluation.
    fn pause_is_due(&self, window: &Window) -> bool {
        let progress = &self.progress;
        let last = progress.evaluations.last();
        let Some(pause) = self
            .pause
            .filter(|_| last.is_some_and(|at| at.step == progress.steps))
        else {
            return false;
        };
        match pause {
            PauseAt::Samples(most) => self.samples() as f64 >= most,
            // The seconds of a record, in which checkpoints do not count.
            PauseAt::Seconds(most) => {
                let times = progress.earlier.plus(progress.durations);
                times.training_seconds + times.evaluation_seconds >= most
            }
            PauseAt::Flops(most) => {
                let summary = self.program.summary();
                work(&summary, progress.steps, progress.frozen, 0).training_flops >= most
            }
            PauseAt::Joules(most) => {
                let joules = window.joules_so_far().unwrap_or(0.0);
                joules + progress.earlier_joules >= most
            }
        }
    }

    /// Whether a run that only joules limit has gone on for long without any.
    fn without_joules(&self, window: &Window) -> bool {
        let budget = self.budget();
        let only_joules = Budget {
            joules: budget.joules,
            ..Budget::default()
        };
        budget.joules.is_some()
            && budget == only_joules
            && self.clock.session_seconds() > SECONDS_WITHOUT_JOULES
            && window.joules_so_far().is_none()
    }

    /// Takes `steps` steps, fewer if the run has to stop or a checkpoint is due.
    fn train(&mut self, steps: u32, observer: &mut dyn Observer) -> Result<(), TrainError> {
        let begun = Instant::now();
        let batch = u64::from(self.batch_size);
        let seconds = self.budget().seconds;
        let clock = self.clock;
        let pause = self.checkpoints.as_ref().and_then(Checkpointer::next_time);
        // The program checks this flag only; it is set for an interrupt, a divergence, the end of the time and a checkpoint.
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
            let elapsed = clock.seconds();
            progress.out_of_time |= seconds.is_some_and(|most| elapsed >= most);
            let due = pause.is_some_and(|pause| Instant::now() >= pause);
            let ended = progress.diverged() || progress.out_of_time;
            if ended || due || interrupt.load(Ordering::Relaxed) {
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
        progress.durations.training_seconds += begun.elapsed().as_secs_f64();
        Ok(())
    }

    /// Evaluates the test set; the outcome if that ends the run.
    fn evaluate(&mut self, observer: &mut dyn Observer) -> Result<Option<Outcome>, TrainError> {
        let begun = Instant::now();
        let found = self.program.evaluate()?;
        self.progress.durations.evaluation_seconds += begun.elapsed().as_secs_f64();
        let point = EvaluationPoint {
            step: self.progress.steps,
            samples: self.samples(),
            seconds: self.clock.seconds(),
            training_seconds: self.progress.earlier.training_seconds
                + self.progress.durations.training_seconds,
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
