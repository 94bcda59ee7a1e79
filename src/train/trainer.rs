//! The loop: steps up to the next evaluation, the evaluation, the stop rules; metered and recorded.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::after_run::{AfterRun, meter_after_run};
use super::contention::Contention;
use super::error::TrainError;
use super::evaluation_schedule::EvaluationSchedule;
use super::events::{Event, Observer, RunSetup};
use super::goal::Goal;
use super::host::{Host, Versions};
use super::metered_windows_windows::MeteredWindows;
use super::outputs::Outputs;
use super::record::{
    DataRecord, DeviceRecord, Durations, MeterRecord, NetworkRecord, Outcome, Record, SCHEMA, Work,
};
use super::regime::Regime;
use super::run_energy::{RunCounts, RunEnergy};
use super::target::{MetricTarget, TargetTracker};
use super::training_loop::TrainingLoop;
use super::warm_up::WarmUp;
use crate::data::Dataset;
use crate::device::{AdapterKind, AdapterSummary, Gpu};
use crate::energy::{DeviceKind, Meter, MeterOptions, MeteredDevice, Moment};
use crate::kernels::Tuning;
use crate::model::weights::{Weights, WeightsError};
use crate::model::{Network, init};
use crate::optim::ParameterGroup;
use crate::program::{Program, ProgramOptions, Summary};

/// What the energy rows of a run cover.
const WINDOW: &str =
    "training steps and the evaluations between and after them; start-up is not in it";

/// While metered, so many submits fit into a tick of the instrument at least (or a submit is one step).
const SUBMITS_PER_TICK: f64 = 5.0;

/// Trains one [`Regime`] on one device.
///
/// ```no_run
/// use wattgrad::internals::device::{Gpu, GpuOptions};
/// use wattgrad::internals::train::{Event, Regime, Trainer};
///
/// let gpu = Gpu::open(&GpuOptions::default())?;
/// let regime = Regime { data: "digits".into(), epochs: Some(2), ..Regime::default() };
/// let run = Trainer::new(&gpu, regime)?.run(&mut |event: &Event| {
///     if let Event::Evaluation(point) = event {
///         println!("{} after {} steps", point.describe(), point.step);
///     }
/// })?;
/// println!("{}", run.record.outcome);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Trainer<'g> {
    gpu: &'g Gpu,
    regime: Regime,
    data: Option<Dataset>,
    network: Option<Network>,
    weights: Option<(Weights, String)>,
    meter: MeterOptions,
    tuning: Option<Tuning>,
    outputs: Outputs,
    stop: Arc<AtomicBool>,
    shard_limit: Option<u64>,
    replay: bool,
    steps_per_submit: Option<u32>,
    goal: Option<Goal>,
}

/// What a run leaves.
#[derive(Clone, Debug)]
pub struct Run {
    /// Everything about it.
    pub record: Record,
    /// The weights after the last step.
    pub weights: Weights,
}

/// A run that is ready for its first step.
struct Built<'g> {
    data: Dataset,
    network: Network,
    origin: String,
    program: Program<'g>,
    /// When compiling began and ended, on the meter's clock.
    compiling: (f64, f64),
}

impl<'g> Trainer<'g> {
    /// A trainer of `regime` on `gpu`; nothing is opened or built yet.
    ///
    /// # Errors
    /// [`TrainError::Regime`] for a value that can be judged already.
    pub fn new(gpu: &'g Gpu, regime: Regime) -> Result<Self, TrainError> {
        regime.check()?;
        let regime = regime.resolved().map_err(super::RegimeError::from)?;
        Ok(Self {
            gpu,
            regime,
            data: None,
            network: None,
            weights: None,
            meter: MeterOptions::default(),
            tuning: None,
            outputs: Outputs::default(),
            stop: Arc::default(),
            shard_limit: None,
            replay: false,
            steps_per_submit: None,
            goal: None,
        })
    }

    /// Holds the run to `goal`: its cadence, targets and budget stand in the place of the regime's `epochs`, `max_steps`,
    /// `eval_every` and `target_accuracy`.
    #[must_use]
    pub fn goal(mut self, goal: Goal) -> Self {
        self.goal = Some(goal);
        self
    }

    /// Trains on this data set instead of opening the regime's.
    #[must_use]
    pub fn data(mut self, data: Dataset) -> Self {
        self.data = Some(data);
        self
    }

    /// Trains this network instead of the preset the regime names.
    #[must_use]
    pub fn network(mut self, network: Network) -> Self {
        self.network = Some(network);
        self
    }

    /// Starts from these weights instead of drawing them; `origin` says in the record where they came from.
    #[must_use]
    pub fn weights(mut self, weights: Weights, origin: impl Into<String>) -> Self {
        self.weights = Some((weights, origin.into()));
        self
    }

    /// Meters with these options instead of every source there is.
    #[must_use]
    pub fn meter(mut self, options: MeterOptions) -> Self {
        self.meter = options;
        self
    }

    /// Chooses kernels by this profile instead of the device's own.
    #[must_use]
    pub fn tuning(mut self, tuning: Tuning) -> Self {
        self.tuning = Some(tuning);
        self
    }

    /// Writes these files.
    #[must_use]
    pub fn outputs(mut self, outputs: Outputs) -> Self {
        self.outputs = outputs;
        self
    }

    /// Ends the run cleanly, as interrupted, soon after this flag is set.
    #[must_use]
    pub fn stop(mut self, flag: Arc<AtomicBool>) -> Self {
        self.stop = flag;
        self
    }

    /// Cuts the data set into shards of at most this many bytes; changes no result but, in more than four shards, the
    /// order of a shuffle.
    #[must_use]
    pub fn shard_limit(mut self, bytes: u64) -> Self {
        self.shard_limit = Some(bytes);
        self
    }

    /// Gives every tensor memory of its own; changes no result.
    #[must_use]
    pub fn replay(mut self, on: bool) -> Self {
        self.replay = on;
        self
    }

    /// Puts this many steps into a submit instead of as many as time allows; changes no result.
    #[must_use]
    pub fn steps_per_submit(mut self, steps: u32) -> Self {
        self.steps_per_submit = Some(steps);
        self
    }

    /// Builds the step without running it: what `wattgrad explain` prints.
    ///
    /// # Errors
    /// As [`Trainer::run`] until its first step.
    pub fn program(self) -> Result<Program<'g>, TrainError> {
        Ok(self.build()?.0.program)
    }

    fn build(mut self) -> Result<(Built<'g>, Self), TrainError> {
        let data = match self.data.take() {
            Some(data) => data,
            None => self.regime.open_data()?,
        };
        self.regime.check_data(&data)?;
        let network = match self.network.take() {
            Some(network) => network,
            None => self.regime.build_network(&data)?,
        };
        let (weights, origin) = match self.weights.take() {
            Some((weights, origin)) => {
                weights.check(network.parameters())?;
                (weights, origin)
            }
            None => (
                init::initial(network.parameters(), self.regime.seed)?,
                "default".to_owned(),
            ),
        };
        let options = ProgramOptions {
            batch_size: self.regime.batch_size,
            eval_batch_size: self.regime.eval_batch(data.test.len),
            seed: self.regime.seed,
            order: self.regime.order,
            update_rule: self
                .regime
                .update_rule()
                .map_err(super::RegimeError::from)?,
            groups: vec![ParameterGroup::default()],
            tuning: match self.tuning.take() {
                Some(tuning) => tuning,
                None => Tuning::for_device(
                    self.gpu.texel_lanes(),
                    self.gpu.adapter.kind == AdapterKind::Cpu,
                ),
            },
            shard_limit: self.shard_limit,
            arena_limit: None,
            replay: self.replay,
            steps_per_submit: self.steps_per_submit,
        };
        let compiling = Moment::now().monotonic;
        let mut program = Program::new(self.gpu, &network, &data, &options)?;
        let compiling = (compiling, Moment::now().monotonic);
        program.load(&weights)?;
        let built = Built {
            data,
            network,
            origin,
            program,
            compiling,
        };
        Ok((built, self))
    }

    /// Trains, evaluates and meters, tells `observer` of it, and writes the files asked for.
    ///
    /// # Errors
    /// Before the first step: every [`TrainError`] about data, network, weights, meter, program and files that cannot
    /// be written. After it: [`TrainError::Program`] where the device fails. A file that cannot be written at the end
    /// is the last thing told; the others have been written by then.
    pub fn run(self, observer: &mut dyn Observer) -> Result<Run, TrainError> {
        let begun = Instant::now();
        let started = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0.0, |since| since.as_secs_f64());
        self.outputs.check()?;
        if let Some(goal) = &self.goal {
            goal.check(self.regime.batch_size)?;
        }
        let target = metered_device(&self.gpu.adapter);
        let meter = Meter::open(&self.meter, Some(&target))?;
        // Where nothing can be read there is nothing to wait for at a window's ends.
        let starting = meter.measures().then(|| meter.start());
        let (built, this) = self.build()?;
        let start_up = starting.map(|window| window.finish(&[built.compiling]));
        let log = this.outputs.open_steps_log()?;

        let steps_per_epoch = built.program.steps_per_epoch();
        let samples = u32::try_from(built.data.train.len).unwrap_or(u32::MAX);
        let dropped =
            samples.saturating_sub(steps_per_epoch.saturating_mul(this.regime.batch_size));
        let schedule = match &this.goal {
            Some(goal) => EvaluationSchedule::every_samples(
                goal.budget.steps(this.regime.batch_size, steps_per_epoch),
                this.regime.batch_size,
                goal.every_samples,
            ),
            None => EvaluationSchedule::new(
                this.regime.steps(steps_per_epoch),
                steps_per_epoch,
                this.regime.eval_every,
            ),
        };
        let startup_seconds = begun.elapsed().as_secs_f64();
        observer.event(&Event::Ready(RunSetup {
            model: this.regime.model.clone(),
            data: built.data.name.clone(),
            source: built.data.source.clone(),
            device: this.gpu.adapter.name.clone(),
            steps: schedule.total(),
            steps_per_epoch,
            batch_size: this.regime.batch_size,
            seconds: startup_seconds,
        }));
        if dropped > 0 {
            observer.event(&Event::Note(format!(
                "{samples} samples make {steps_per_epoch} batches of {}; the last {dropped} of each epoch's order are left out",
                this.regime.batch_size
            )));
        }

        let Built {
            data,
            network,
            origin,
            program,
            compiling,
        } = built;
        let tracker = match &this.goal {
            Some(goal) => TargetTracker::windows(goal.clone()),
            None => TargetTracker::Single(MetricTarget::accuracy(
                this.regime.target_accuracy.as_slice(),
            )),
        };
        tracker.target().check_network(&network)?;
        let mut course = TrainingLoop::new(
            program,
            schedule,
            this.regime.batch_size,
            tracker,
            &this.stop,
            log,
        );
        let watch = Contention::watch();
        let window = meter.start();
        if let Some(tick) = window.update_interval() {
            course.program.keep_submits_below(tick / SUBMITS_PER_TICK);
        }
        let ended = course.run(observer, &window);
        let contention = watch.stop();
        let warm_up = WarmUp::of(&course.stamps);
        let began = window.from().monotonic;
        let parts = warm_up.iter().map(|warm_up| (began, warm_up.until));
        let mut metered = window.finish(&parts.collect::<Vec<_>>());
        let total_seconds = begun.elapsed().as_secs_f64();
        let logged = this.outputs.close_steps_log(course.log.take());
        let outcome = ended?;

        let weights = course.program.weights()?;
        let submits = course.program.counters().submits;
        let evaluations = course.evaluations.len() as u64;
        // A run that diverged is most often too short for its instrument, and keeps what it cost all the same.
        let on = if outcome != Outcome::Interrupted && course.steps > 0 {
            meter_after_run(
                &mut course.program,
                (course.steps + course.steps_after_divergence, evaluations),
                (&meter, &metered.sources),
                &this.stop,
            )?
        } else {
            AfterRun::default()
        };
        let done = RunCounts {
            steps: course.steps + course.steps_after_divergence,
            evaluations,
            warm_up,
        };
        let start_up = start_up.unwrap_or_default();
        let figures = RunEnergy::new(&start_up, &metered, &done, &on);
        for (source, told) in figures.disagreements() {
            observer.event(&Event::Note(format!("{source}: {told}")));
            let rows = metered.sources.iter_mut();
            let mut own = rows.filter(|row| row.source == source);
            own.next()
                .into_iter()
                .for_each(|row| row.notes.push(told.clone()));
        }
        let kept = MeteredWindows::new(start_up, compiling, done.warm_up.ok(), on);

        let summary = course.program.summary();
        let mut work = work(&summary, course.steps);
        work.evaluation_flops =
            evaluation_flops(&this.regime, &data, &summary) * course.evaluations.len() as f64;
        work.submits = submits;
        let record = Record {
            schema: SCHEMA,
            started,
            outcome,
            network: NetworkRecord {
                name: this.regime.model.clone(),
                parameters: network
                    .parameters()
                    .iter()
                    .map(|spec| spec.shape.iter().product::<usize>() as u64)
                    .sum(),
                initial_weights: origin,
            },
            data: DataRecord::new(&data),
            device: DeviceRecord::new(&this.gpu.adapter),
            host: Host::current(),
            versions: Versions::current(),
            steps: course.steps,
            steps_after_divergence: course.steps_after_divergence,
            samples: course.samples(),
            steps_per_epoch,
            dropped_per_epoch: dropped,
            training_loss: course.training_loss(),
            evaluations: course.evaluations,
            target_results: course.tracker.results(),
            goal: this.goal,
            contention,
            durations: Durations {
                startup_seconds,
                compile_seconds: summary.compile_seconds,
                training_seconds: course.training_seconds,
                evaluation_seconds: course.evaluation_seconds,
                total_seconds,
            },
            work,
            meter: MeterRecord {
                selection: this.meter.selection.to_string(),
                assume_watts_per_core: this.meter.assume_watts_per_core,
                window: WINDOW.to_owned(),
            },
            energy_per_step: figures.per_step,
            energy_per_evaluation: figures.per_evaluation,
            energy_to_end: figures.to_end,
            energy_by_phase: figures.by_phase,
            metered_windows: Some(kept),
            energy: metered.sources,
            program: serde_json::to_value(&summary).map_err(|error| TrainError::Summary {
                detail: error.to_string(),
            })?,
            regime: this.regime,
        };
        observer.event(&Event::Finished(Box::new(record.clone())));

        // Each is tried whatever became of the others; a run is too dear to lose to one bad path.
        let saved = this.outputs.write_weights(&weights, outcome.name());
        let recorded = this.outputs.write_record(&record);
        let mut failures = [logged, saved, recorded]
            .into_iter()
            .filter_map(Result::err);
        let first = failures.next();
        for other in failures {
            observer.event(&Event::Note(other.to_string()));
        }
        match first {
            Some(error) => Err(error),
            None => Ok(Run { record, weights }),
        }
    }
}

/// The adapter as a meter has to know it.
pub fn metered_device(adapter: &AdapterSummary) -> MeteredDevice {
    MeteredDevice {
        pci_id: adapter.pci_id.clone(),
        kind: match adapter.kind {
            AdapterKind::Discrete => DeviceKind::Discrete,
            AdapterKind::Integrated => DeviceKind::Integrated,
            AdapterKind::Cpu => DeviceKind::Cpu,
            AdapterKind::Virtual | AdapterKind::Other => DeviceKind::Other,
        },
        name: adapter.name.clone(),
    }
}

/// The work of `steps` training steps: every list but the evaluation's runs once a step.
fn work(summary: &Summary, steps: u64) -> Work {
    let mut work = Work::default();
    for list in summary.lists.iter().filter(|list| list.name != "evaluate") {
        work.flops_per_step += list.flops;
        work.bytes_per_step += list.bytes;
        work.dispatches_per_step += list.dispatches.len() as u64;
    }
    work.training_flops = work.flops_per_step as f64 * steps as f64;
    work.training_bytes = work.bytes_per_step as f64 * steps as f64;
    work
}

/// Floating-point operations of one evaluation of the test set; its list runs once a batch.
fn evaluation_flops(regime: &Regime, data: &Dataset, summary: &Summary) -> f64 {
    let batch = regime.eval_batch(data.test.len) as usize;
    let batches = data.test.len.div_ceil(batch.max(1)) as f64;
    let list = summary.lists.iter().find(|list| list.name == "evaluate");
    list.map_or(0.0, |list| list.flops as f64 * batches)
}

impl Regime {
    /// Reads weights from a file and checks them against the network of this regime for `data`.
    ///
    /// # Errors
    /// [`WeightsError`] as [`TrainError::Weights`], and those of [`Regime::build_network`].
    pub fn read_weights(&self, path: &Path, data: &Dataset) -> Result<Weights, TrainError> {
        let weights = Weights::read(path)?;
        let network = self.build_network(data)?;
        weights
            .check(network.parameters())
            .map_err(|error: WeightsError| TrainError::Weights(error))?;
        Ok(weights)
    }
}
