use std::time::{Duration, Instant};

use super::{
    Checkpoint, CheckpointEvery, CheckpointFolder, Checkpoints, Identity, MadeBy, SavedProgress,
};
use crate::energy::{Status, Window};
use crate::program::Program;
use crate::train::durations::Durations;
use crate::train::energy_figure::{Derivation, EnergyFigure};
use crate::train::error::TrainError;
use crate::train::evaluation_schedule::EvaluationSchedule;
use crate::train::events::{Event, Observer};
use crate::train::sessions::Session;

/// What is known of this part of a run before its first step.
#[derive(Clone, Debug, Default)]
pub struct SessionStart {
    /// Seconds since 1970.
    pub started: f64,
    pub step: u64,
    pub evaluations: usize,
    pub startup_seconds: f64,
    pub compile_seconds: f64,
}

/// Writes the checkpoints of a run.
pub struct Checkpointer {
    folder: CheckpointFolder,
    every: CheckpointEvery,
    steps: Option<EvaluationSchedule>,
    /// The next step at which one is due, where steps decide.
    next_step: Option<u64>,
    /// When the next one is due, where time decides.
    next_time: Option<Instant>,
    /// The step of the last one.
    written: Option<u64>,
    run: Identity,
    made_by: MadeBy,
    steps_per_epoch: u32,
    /// The earlier parts of the run.
    earlier: Vec<Session>,
    start: SessionStart,
}

impl Checkpointer {
    pub fn new(
        checkpoints: &Checkpoints,
        folder: CheckpointFolder,
        (run, made_by): (Identity, MadeBy),
        steps_per_epoch: u32,
        earlier: Vec<Session>,
        start: SessionStart,
    ) -> Self {
        let steps = checkpoints.every.steps(steps_per_epoch);
        let mut checkpointer = Self {
            folder,
            every: checkpoints.every,
            steps,
            next_step: None,
            next_time: None,
            written: (start.step > 0).then_some(start.step),
            run,
            made_by,
            steps_per_epoch,
            earlier,
            start,
        };
        checkpointer.plan(checkpointer.start.step);
        checkpointer
    }

    fn plan(&mut self, step: u64) {
        self.next_step = self.steps.and_then(|steps| steps.next_after(step));
        self.next_time = match self.every {
            CheckpointEvery::Seconds(seconds) => {
                let wait = Duration::try_from_secs_f64(seconds).ok();
                wait.and_then(|wait| Instant::now().checked_add(wait))
            }
            _ => None,
        };
    }

    /// The next step at which training pauses for a checkpoint, if steps decide.
    pub fn next_step(&self) -> Option<u64> {
        self.next_step
    }

    /// When training pauses for a checkpoint, if time decides.
    pub fn next_time(&self) -> Option<Instant> {
        self.next_time
    }

    /// Whether a checkpoint is due after `step`.
    pub fn is_due(&self, step: u64) -> bool {
        self.next_step.is_some_and(|next| step >= next)
            || self.next_time.is_some_and(|next| Instant::now() >= next)
    }

    /// Writes a checkpoint; `progress` is what was done so far, `durations` how long that took in this part of the run, and how
    /// many submits. A file that cannot be written is noted: the run goes on, and earlier checkpoints
    /// stay.
    ///
    /// # Errors
    /// The device failed.
    pub fn write(
        &mut self,
        program: &Program<'_>,
        window: &Window,
        (progress, durations, submits): (SavedProgress, Durations, u64),
        observer: &mut dyn Observer,
    ) -> Result<(), TrainError> {
        let step = program.step();
        if self.written == Some(step) {
            self.plan(step);
            return Ok(());
        }
        let session = Session {
            started: self.start.started,
            from_step: self.start.step,
            to_step: step,
            evaluations: (progress.evaluations.len() - self.start.evaluations) as u64,
            submits,
            durations: Durations {
                startup_seconds: self.start.startup_seconds,
                compile_seconds: self.start.compile_seconds,
                total_seconds: self.start.startup_seconds + durations.total_seconds,
                ..durations
            },
            energy: measured_so_far(window),
        };
        let sessions = self.earlier.iter().cloned().chain([session]);
        let checkpoint = Checkpoint {
            run: self.run.clone(),
            made_by: self.made_by.clone(),
            epoch: step / u64::from(self.steps_per_epoch.max(1)),
            progress: SavedProgress {
                sessions: sessions.collect(),
                ..progress
            },
            snapshot: program.snapshot()?,
        };
        match self.folder.write(step, &checkpoint.to_bytes()?) {
            Ok(()) => self.written = Some(step),
            Err(error) => {
                let kept = match self.written {
                    Some(step) => format!("the one of step {step} stays"),
                    None => "there is none yet".to_owned(),
                };
                observer.event(&Event::Note(format!(
                    "cannot write the checkpoint of step {step} ({error}): the run goes on, and {kept}"
                )));
            }
        }
        self.plan(step);
        Ok(())
    }
}

fn measured_so_far(window: &Window) -> Vec<EnergyFigure> {
    let measured = window.so_far().filter_map(|(source, estimate)| {
        let estimate = estimate?;
        Some(EnergyFigure {
            source: source.to_owned(),
            status: Status::Measured,
            derivation: Derivation::Direct,
            joules: estimate.joules,
            ci: Some(estimate.ci),
            accuracy: Some(estimate.accuracy),
        })
    });
    measured.collect()
}
