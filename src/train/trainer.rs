//! The trainer: everything that a run is built from.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::checkpoint::{Checkpoints, Identity, MadeBy};
use super::error::TrainError;
use super::goal::Goal;
use super::lr_sweep::LrSweep;
use super::outputs::Outputs;
use super::pause::PauseAt;
use super::regime::Regime;
use super::regime_error::RegimeError;
use crate::data::Dataset;
use crate::device::{AdapterKind, AdapterSummary, Gpu};
use crate::energy::{DeviceKind, MeterOptions, MeteredDevice, Moment};
use crate::kernels::{Tuning, default_profile};
use crate::model::weights::Weights;
use crate::model::{Network, init};
use crate::optim::{Schedule, Steps};
use crate::program::{Program, ProgramOptions};

/// Trains one [`Regime`] on one device.
///
/// ```no_run
/// use wattgrad::GpuOptions;
/// use wattgrad::{Event, Gpu, Regime, Trainer};
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
    pub(super) gpu: &'g Gpu,
    pub(super) regime: Regime,
    data: Option<Dataset>,
    network: Option<Network>,
    weights: Option<(Weights, String)>,
    pub(super) meter: MeterOptions,
    tuning: Option<Tuning>,
    pub(super) outputs: Outputs,
    pub(super) stop: Arc<AtomicBool>,
    shard_limit: Option<u64>,
    replay: bool,
    steps_per_submit: Option<u32>,
    pub(super) goal: Option<Goal>,
    /// Replaces the learning rate of every step.
    pub(super) sweep: Option<LrSweep>,
    pub(super) checkpoints: Option<Checkpoints>,
    pub(super) pause: Option<PauseAt>,
}

/// What the programs of a run are built from.
pub(super) struct Blueprint<'g> {
    gpu: &'g Gpu,
    pub data: Dataset,
    /// With its frozen parameters.
    pub network: Network,
    options: ProgramOptions,
    /// The steps after which every parameter is trained, if some are frozen before.
    pub unfreeze_at: Option<u64>,
}

impl<'g> Blueprint<'g> {
    /// The program of the steps after `step`.
    pub fn program(&self, step: u64) -> Result<Program<'g>, TrainError> {
        let unfrozen = self.unfreeze_at.is_some_and(|at| step >= at);
        let unfrozen = unfrozen.then(|| self.network.unfrozen());
        let network = unfrozen.as_ref().unwrap_or(&self.network);
        Ok(Program::new(self.gpu, network, &self.data, &self.options)?)
    }
}

/// A run that is ready for its first step.
pub(super) struct Built<'g> {
    pub blueprint: Blueprint<'g>,
    /// Origin of the initial weights.
    pub origin: String,
    pub program: Program<'g>,
    /// What a checkpoint must be of.
    pub identity: (Identity, MadeBy),
    /// Start and end of compilation, on the meter's clock.
    pub compilation: (f64, f64),
}

impl<'g> Trainer<'g> {
    /// A trainer of `regime` on `gpu`. Nothing is opened or built yet.
    ///
    /// # Errors
    /// [`TrainError::Regime`] for an invalid value.
    pub fn new(gpu: &'g Gpu, regime: Regime) -> Result<Self, TrainError> {
        regime.check()?;
        let regime = regime.resolved()?;
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
            sweep: None,
            checkpoints: None,
            pause: None,
        })
    }

    /// Sets a goal, whose target, evaluation interval and budget replace the regime's `epochs`, `max_steps`, `eval_every`
    /// and `target_accuracy`.
    #[must_use]
    pub fn goal(mut self, goal: Goal) -> Self {
        self.goal = Some(goal);
        self
    }

    /// Sets the data set, instead of the regime's.
    #[must_use]
    pub fn data(mut self, data: Dataset) -> Self {
        self.data = Some(data);
        self
    }

    /// Sets the network, instead of the regime's preset.
    #[must_use]
    pub fn network(mut self, network: Network) -> Self {
        self.network = Some(network);
        self
    }

    /// Sets the initial weights, instead of drawing them from the seed; the record keeps their `origin`.
    #[must_use]
    pub fn weights(mut self, weights: Weights, origin: impl Into<String>) -> Self {
        self.weights = Some((weights, origin.into()));
        self
    }

    /// Sets the options of the meter, instead of all available sources.
    #[must_use]
    pub fn meter(mut self, options: MeterOptions) -> Self {
        self.meter = options;
        self
    }

    /// Sets the device profile that chooses kernel variants, instead of the installed or built-in one.
    #[doc(hidden)]
    #[must_use]
    pub fn tuning(mut self, tuning: Tuning) -> Self {
        self.tuning = Some(tuning);
        self
    }

    /// Sets the files to write.
    #[must_use]
    pub fn outputs(mut self, outputs: Outputs) -> Self {
        self.outputs = outputs;
        self
    }

    /// Sets where and how often checkpoints are written, and whether the run continues from one.
    #[must_use]
    pub fn checkpoints(mut self, checkpoints: Checkpoints) -> Self {
        self.checkpoints = Some(checkpoints);
        self
    }

    /// Sets where the run pauses.
    #[doc(hidden)]
    #[must_use]
    pub fn pause_at(mut self, pause: PauseAt) -> Self {
        self.pause = Some(pause);
        self
    }

    /// Sets a flag that interrupts the run soon after it becomes true.
    #[must_use]
    pub fn stop(mut self, flag: Arc<AtomicBool>) -> Self {
        self.stop = flag;
        self
    }

    /// Limits the bytes of a shard of the data set. With more than four shards this changes the shuffled order.
    #[doc(hidden)]
    #[must_use]
    pub fn shard_limit(mut self, bytes: u64) -> Self {
        self.shard_limit = Some(bytes);
        self
    }

    /// Gives every tensor its own memory. Results do not change.
    #[doc(hidden)]
    #[must_use]
    pub fn replay(mut self, on: bool) -> Self {
        self.replay = on;
        self
    }

    /// Sets the steps per submit, instead of choosing them by time. Results do not change.
    #[doc(hidden)]
    #[must_use]
    pub fn steps_per_submit(mut self, steps: u32) -> Self {
        self.steps_per_submit = Some(steps);
        self
    }

    /// Builds the program without running it, for `wattgrad explain`.
    ///
    /// # Errors
    /// As [`Trainer::run`] before its first step.
    #[doc(hidden)]
    pub fn program(self) -> Result<Program<'g>, TrainError> {
        Ok(self.build(0)?.0.program)
    }

    /// Builds everything for a run that continues after `step` steps.
    pub(super) fn build(mut self, step: u64) -> Result<(Built<'g>, Self), TrainError> {
        let data = match self.data.take() {
            Some(data) => data,
            None => self.regime.open_data()?,
        };
        self.regime.check_data(&data)?;
        let mut network = match self.network.take() {
            Some(mut network) => {
                self.regime.freeze(&mut network)?;
                network
            }
            None => self.regime.build_network(&data)?,
        };
        self.regime.check_weights(self.weights.is_some())?;
        self.regime.group(&mut network);
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
        let tuning = self.tuning.take();
        let tuning = tuning.unwrap_or_else(|| default_profile(self.gpu));
        let eval_batch = self.regime.eval_batch(data.test.len);
        let rule = self.regime.update_rule()?;
        let options = ProgramOptions {
            seed: self.regime.seed,
            order: self.regime.order,
            augmentation: self.regime.augment,
            data_window: self.regime.data_window.map(|size| size.0),
            shard_limit: self.shard_limit,
            replay: self.replay,
            steps_per_submit: self.steps_per_submit,
            accumulate: self.regime.accumulate.unwrap_or(1),
            groups: self.regime.groups(),
            clip_norm: self.regime.clip_norm,
            precision: self.regime.precision.unwrap_or_default(),
            loss_scale: self.regime.first_loss_scale().unwrap_or_default() as f32,
            schedule: self.rate_schedule(rule.momentum(), data.train.len)?,
            ..ProgramOptions::new(self.regime.batch_size, eval_batch, rule, tuning)
        };
        let identity = (
            Identity::new(&self.regime, self.goal.as_ref(), &data, &network),
            MadeBy::new(&self.gpu.adapter, &options.tuning.name),
        );
        let begun = Moment::now().monotonic;
        let steps_per_epoch = data.train.len as u32 / self.regime.step_samples().max(1);
        let blueprint = Blueprint {
            gpu: self.gpu,
            unfreeze_at: self.regime.unfreeze_step(steps_per_epoch),
            data,
            network,
            options,
        };
        let mut program = blueprint.program(step)?;
        let compilation = (begun, Moment::now().monotonic);
        program.load(&weights)?;
        let built = Built {
            blueprint,
            origin,
            program,
            identity,
            compilation,
        };
        Ok((built, self))
    }

    /// The learning rates of a run over `samples` training samples.
    fn rate_schedule(
        &self,
        momentum: Option<f64>,
        samples: usize,
    ) -> Result<Schedule, RegimeError> {
        let per_epoch = samples / (self.regime.step_samples() as usize).max(1);
        let per_epoch = u32::try_from(per_epoch).unwrap_or(u32::MAX);
        if let Some(LrSweep { from, to, steps }) = self.sweep {
            return Ok(Schedule::sweep(from, to, u64::from(steps)));
        }
        let total = self.schedule(per_epoch).total();
        let steps = Steps {
            total: (total < u64::MAX).then_some(total),
            per_epoch,
        };
        Ok(self.regime.schedule_options().schedule(steps, momentum)?)
    }
}

/// The device of `adapter`, for a meter.
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
