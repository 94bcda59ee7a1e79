//! A whole run: start-up, the training loop, the windows after it, and the record.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::after_run::AfterRun;
use super::checkpoint::{CheckpointError, Resumption, SessionStart};
use super::contention::Contention;
use super::durations::Durations;
use super::environment::{DeviceRecord, Host, Versions};
use super::error::TrainError;
use super::evaluation_schedule::EvaluationSchedule;
use super::events::{Event, Observer, RunSetup};
use super::metered_windows::MeteredWindows;
use super::outputs::Outputs;
use super::phases::RunCounts;
use super::record::{DataRecord, MeterRecord, NetworkRecord, Outcome, Record, SCHEMA, Work};
use super::run_energy::RunEnergy;
use super::target_tracker::TargetTracker;
use super::trainer::{Built, Trainer, metered_device};
use super::training_loop::{Progress, RunClock, TrainingLoop};
use super::warm_up::WarmUp;
use super::work::work;
use crate::energy::{Meter, WindowResult};
use crate::model::Network;
use crate::model::weights::{Weights, WeightsError};

/// What `energy` in a record covers.
const WINDOW: &str =
    "training steps and the evaluations between and after them; start-up is not included";

/// Fewest submits per update interval of the sensor while it is metered, unless a submit is one step.
const SUBMITS_PER_UPDATE: f64 = 5.0;

/// The result of a run.
#[derive(Clone, Debug)]
pub struct TrainingResult {
    /// The record.
    pub record: Record,
    /// The weights after the last step.
    pub weights: Weights,
}

impl Trainer<'_> {
    /// Trains, evaluates and meters, passes events to `observer`, and writes the files of [`Trainer::outputs`].
    ///
    /// # Errors
    /// Before the first step: every [`TrainError`] about data, network, weights, meter, program and files that cannot
    /// be written. After it: [`TrainError::Program`] if the device fails, and [`TrainError::Output`] if a file cannot be
    /// written; all other files are written by then.
    pub fn run(self, observer: &mut dyn Observer) -> Result<TrainingResult, TrainError> {
        let begun = Instant::now();
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
        let started = since_1970.map_or(0.0, |since| since.as_secs_f64());
        self.outputs.check()?;
        let wanted = self.checkpoints.clone();
        let checkpoints = Resumption::open(wanted.as_ref())?;
        if let Some(goal) = &self.goal {
            goal.check(self.regime.step_samples())?;
        }
        let device = metered_device(&self.gpu.adapter);
        let meter = Meter::open(&self.meter, Some(&device))?;
        // A window waits for the sensors at its ends, which is in vain if none can be read.
        let starting = meter.measures().then(|| meter.start());
        let found = checkpoints.newest()?;
        let (built, trainer) = self.build(found.step())?;
        let Built {
            blueprint,
            origin,
            mut program,
            identity,
            compilation,
        } = built;
        let start_up = starting.map_or_else(WindowResult::default, |window| {
            window.finish(&[compilation])
        });
        let steps_per_epoch = program.steps_per_epoch();
        let resumed = found.restore(&identity, &mut program, trainer.pause.is_some())?;
        let schedule = trainer.schedule(steps_per_epoch);
        let (step, steps) = (program.step(), schedule.total());
        if step > steps {
            return Err(CheckpointError::Past { step, steps }.into());
        }
        let mut tracker = trainer.tracker(&blueprint.network)?;
        for count in 1..=resumed.progress.evaluations.len() {
            tracker.update(&resumed.progress.evaluations[..count]);
        }
        let log = trainer.outputs.open_steps_log(resumed.progress.log_bytes)?;
        let progress = Progress::resumed(program.step(), &resumed.progress);
        let startup_seconds = begun.elapsed().as_secs_f64();
        let start = SessionStart {
            started,
            step: progress.steps,
            evaluations: progress.evaluations.len(),
            startup_seconds,
            compile_seconds: program.compile_seconds(),
        };
        let earlier = resumed.progress.sessions;
        let mut training = TrainingLoop {
            longest_submit: None,
            schedule,
            batch_size: trainer.regime.step_samples(),
            tracker,
            interrupt: &trainer.stop,
            pause: trainer.pause,
            log,
            checkpoints: checkpoints.writer(identity, steps_per_epoch, &earlier, start.clone()),
            progress,
            clock: RunClock::start(resumed.progress.seconds),
            program,
            blueprint,
        };
        let data = training.blueprint.data.clone();
        observer.event(&Event::Ready(RunSetup {
            model: trainer.regime.model.clone(),
            data: data.name.clone(),
            source: data.source.clone(),
            device: trainer.gpu.adapter.name.clone(),
            steps: training.schedule.total(),
            steps_per_epoch,
            batch_size: training.batch_size,
            seconds: startup_seconds,
        }));
        for note in data.notes.iter().chain(&resumed.notes) {
            observer.event(&Event::Note(note.clone()));
        }
        let samples = u32::try_from(data.train.len).unwrap_or(u32::MAX);
        let dropped = samples.saturating_sub(steps_per_epoch.saturating_mul(training.batch_size));
        if dropped > 0 {
            observer.event(&Event::Note(format!(
                "{samples} samples make {steps_per_epoch} batches of {}; the last {dropped} of each epoch are left out",
                training.batch_size
            )));
        }

        let watch = Contention::watch();
        let window = meter.start();
        if let Some(interval) = window.update_interval() {
            let seconds = interval / SUBMITS_PER_UPDATE;
            training.program.keep_submits_below(seconds);
            training.longest_submit = Some(seconds);
        }
        training.clock = RunClock::start(resumed.progress.seconds);
        let ended = training.run(observer, &window);
        let contention = watch.stop();
        let warm_up = WarmUp::of(&training.progress.stamps);
        let first = window.from().monotonic;
        let parts = warm_up.iter().map(|warm_up| (first, warm_up.until));
        let mut metered = window.finish(&parts.collect::<Vec<_>>());
        let durations = Durations {
            startup_seconds,
            compile_seconds: start.compile_seconds,
            total_seconds: begun.elapsed().as_secs_f64(),
            ..training.progress.durations
        };
        let logged = trainer.outputs.close_steps_log(training.log.take());
        let outcome = ended?;

        let weights = training.program.weights()?;
        let loss_scale = training.program.loss_scale()?;
        let submits = training.submits();
        let taken = training.progress.steps + training.progress.steps_after_divergence;
        let counts = RunCounts {
            steps: taken - start.step,
            evaluations: (training.progress.evaluations.len() - start.evaluations) as u64,
            warm_up,
            uniform: training.blueprint.unfreeze_at.is_none(),
        };
        // Diverged runs too: most are too short for the sensors, and what they used still counts.
        let after = match outcome != Outcome::Interrupted && training.progress.steps > 0 {
            true => AfterRun::measure(
                &mut training.program,
                taken,
                counts.evaluations > 0,
                (&meter, &metered.sources),
                &trainer.stop,
            )?,
            false => AfterRun::default(),
        };
        let energy = RunEnergy::new(&start_up, &metered, &counts, &after, &earlier);
        for (source, note) in energy.disagreements() {
            observer.event(&Event::Note(format!("{source}: {note}")));
            let mut sources = metered.sources.iter_mut();
            if let Some(result) = sources.find(|result| result.source == source) {
                result.notes.push(note);
            }
        }

        let summary = training.program.summary();
        let record = Record {
            schema: SCHEMA,
            started: earlier.first().map_or(started, |first| first.started),
            outcome,
            network: NetworkRecord {
                name: trainer.regime.model.clone(),
                parameters: values(&training.blueprint.network),
                file: training.blueprint.network.source().cloned(),
                initial_weights: origin,
            },
            data: DataRecord::new(&data),
            device: DeviceRecord::new(&trainer.gpu.adapter),
            host: Host::current(),
            versions: Versions::current(),
            steps: training.progress.steps,
            steps_after_divergence: training.progress.steps_after_divergence,
            samples: training.samples(),
            steps_per_epoch,
            dropped_per_epoch: dropped,
            loss_scale,
            training_loss: training.progress.training_loss(),
            target_results: training.tracker.results(),
            goal: trainer.goal,
            contention,
            durations: training.progress.earlier.plus(durations),
            work: Work {
                submits: submits + earlier.iter().map(|one| one.submits).sum::<u64>(),
                ..work(
                    &summary,
                    training.progress.steps,
                    training.progress.frozen,
                    {
                        let batch = trainer.regime.eval_batch(data.test.len) as usize;
                        training.progress.evaluations.len() as u64
                            * data.test.len.div_ceil(batch.max(1)) as u64
                    },
                )
            },
            evaluations: training.progress.evaluations,
            meter: MeterRecord {
                selection: trainer.meter.selection.to_string(),
                assume_watts_per_core: trainer.meter.assume_watts_per_core,
                window: WINDOW.to_owned(),
            },
            energy_per_step: energy.per_step,
            energy_per_evaluation: energy.per_evaluation,
            energy_to_end: energy.to_end,
            energy_by_phase: energy.by_phase,
            metered_windows: Some(MeteredWindows::new(
                start_up,
                compilation,
                counts.warm_up.ok(),
                after,
            )),
            energy: metered.sources,
            program: serde_json::to_value(&summary).map_err(|error| TrainError::Serialize {
                detail: error.to_string(),
            })?,
            regime: trainer.regime,
            earlier_sessions: earlier,
        };
        observer.event(&Event::Finished(Box::new(record.clone())));
        write(&trainer.outputs, &record, &weights, logged, observer)?;
        Ok(TrainingResult { record, weights })
    }

    pub(super) fn schedule(&self, steps_per_epoch: u32) -> EvaluationSchedule {
        let regime = &self.regime;
        match &self.goal {
            Some(goal) => EvaluationSchedule::every_samples(
                goal.budget.steps(regime.step_samples(), steps_per_epoch),
                regime.step_samples(),
                goal.every_samples,
            ),
            None => EvaluationSchedule::new(
                regime.steps(steps_per_epoch),
                steps_per_epoch,
                regime.eval_every,
            ),
        }
    }

    fn tracker(&self, network: &Network) -> Result<TargetTracker, TrainError> {
        let tracker = match &self.goal {
            Some(goal) => TargetTracker::windows(goal.clone()),
            None => TargetTracker::Single(self.regime.target()),
        };
        tracker.target().check_network(network)?;
        Ok(tracker)
    }
}

/// Writes every file, whatever happens to the others: a run is too expensive to lose to one bad path.
fn write(
    outputs: &Outputs,
    record: &Record,
    weights: &Weights,
    logged: Result<(), TrainError>,
    observer: &mut dyn Observer,
) -> Result<(), TrainError> {
    let saved = outputs.write_weights(weights, record.outcome.name());
    if outputs.weights.is_some()
        && saved.is_ok()
        && let Err(WeightsError::NonFinite { name, index, value }) = weights.check_finite()
    {
        observer.event(&Event::Note(format!(
            "the saved weights are not finite: tensor {name:?} has the value {value} at index {index:?}"
        )));
    }
    let recorded = outputs.write_record(record);
    let results = [logged, saved, recorded];
    let mut failures = results.into_iter().filter_map(Result::err);
    let first = failures.next();
    for other in failures {
        observer.event(&Event::Note(other.to_string()));
    }
    first.map_or(Ok(()), Err)
}

/// Number of values in all parameters.
pub(super) fn values(network: &Network) -> u64 {
    let sizes = network.parameters().iter();
    sizes
        .map(|spec| spec.shape.iter().product::<usize>() as u64)
        .sum()
}
