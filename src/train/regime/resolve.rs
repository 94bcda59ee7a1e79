//! What a regime's choices become: its update rule, data, network and number of steps.

use std::sync::Arc;

use super::{ClassWeights, Names, Regime};
use crate::data::{DataOptions, Dataset, ReadProgress, Task};
use crate::kernels::{Precision, Shape};
use crate::model::network_file::{self, NetworkFile};
use crate::model::{ModelError, Network, presets};
use crate::optim::{Hyperparameters, OptimError, ParameterGroup, ScheduleOptions, UpdateRule};
use crate::program::LOSS_SCALE;
use crate::train::{MetricTarget, RegimeError, TrainError};

/// Epochs of a run without a limit of epochs or steps.
const DEFAULT_EPOCHS: u32 = 5;

/// Default evaluation batch size: enough to fill a device, few enough for its memory.
const DEFAULT_EVAL_BATCH: u32 = 500;

impl Regime {
    /// The update rule with its hyperparameters.
    ///
    /// # Errors
    /// [`OptimError`] for a value that it does not accept.
    #[doc(hidden)]
    pub fn update_rule(&self) -> Result<Arc<dyn UpdateRule>, OptimError> {
        self.optimizer.rule(Hyperparameters {
            lr: self.lr,
            momentum: self.momentum,
            weight_decay: self.weight_decay,
            nesterov: self.nesterov,
            dampening: self.dampening,
            beta1: self.beta1,
            beta2: self.beta2,
            alpha: self.alpha,
            eps: self.eps,
            centered: self.centered,
        })
    }

    /// The choices of the schedule as given.
    pub(in crate::train) fn schedule_options(&self) -> ScheduleOptions {
        ScheduleOptions {
            schedule: self.schedule,
            schedule_unit: self.schedule_unit,
            step_size: self.step_size,
            milestones: self.milestones.clone(),
            gamma: self.gamma,
            power: self.power,
            min_lr: self.min_lr,
            pct_start: self.pct_start,
            div_factor: self.div_factor,
            final_div_factor: self.final_div_factor,
            cycle_momentum: self.cycle_momentum,
            base_momentum: self.base_momentum,
            max_momentum: self.max_momentum,
            warmup_steps: self.warmup_steps,
            warmup_epochs: self.warmup_epochs,
            warmup_start: self.warmup_start,
        }
    }

    /// The regime with every hyperparameter of its optimizer and its schedule spelled out. What is at a default that
    /// changes nothing is left out: one batch a step, weight decay for all, f32, a constant learning rate.
    ///
    /// # Errors
    /// As [`Regime::check`] for the hyperparameters.
    pub(crate) fn resolved(&self) -> Result<Self, OptimError> {
        let rule = self.update_rule()?;
        let schedule = self.schedule_options().resolved(rule.momentum());
        Ok(Self {
            no_decay_norms: self.no_decay_norms.filter(|on| *on),
            accumulate: self.accumulate.filter(|n| *n != 1),
            precision: self.precision.filter(|on| *on != Precision::F32),
            loss_scale: self.first_loss_scale(),
            // A network file may have weights, which none removes.
            class_weights: self.class_weights.filter(|weights| {
                *weights != ClassWeights::None || network_file::is_file(&self.model)
            }),
            ..self.with(rule.hyperparameters()).with_schedule(schedule)
        })
    }

    pub(in crate::train) fn with(&self, hyperparameters: Hyperparameters) -> Self {
        let Hyperparameters {
            lr,
            momentum,
            weight_decay,
            nesterov,
            dampening,
            beta1,
            beta2,
            alpha,
            eps,
            centered,
        } = hyperparameters;
        Self {
            lr,
            momentum,
            weight_decay,
            nesterov,
            dampening,
            beta1,
            beta2,
            alpha,
            eps,
            centered,
            ..self.clone()
        }
    }

    fn with_schedule(self, options: ScheduleOptions) -> Self {
        let ScheduleOptions {
            schedule,
            schedule_unit,
            step_size,
            milestones,
            gamma,
            power,
            min_lr,
            pct_start,
            div_factor,
            final_div_factor,
            cycle_momentum,
            base_momentum,
            max_momentum,
            warmup_steps,
            warmup_epochs,
            warmup_start,
        } = options;
        Self {
            schedule,
            schedule_unit,
            step_size,
            milestones,
            gamma,
            power,
            min_lr,
            pct_start,
            div_factor,
            final_div_factor,
            cycle_momentum,
            base_momentum,
            max_momentum,
            warmup_steps,
            warmup_epochs,
            warmup_start,
            ..self
        }
    }

    /// Samples of a training step.
    pub fn step_samples(&self) -> u32 {
        let batches = self.accumulate.unwrap_or(1);
        self.batch_size.saturating_mul(batches)
    }

    /// The first scale of the loss; `None` in f32.
    pub(in crate::train) fn first_loss_scale(&self) -> Option<f64> {
        let scale = self.loss_scale.unwrap_or(LOSS_SCALE.into());
        (self.precision == Some(Precision::F16)).then_some(scale)
    }

    /// The parameter groups, which [`Regime::group`] gives to the parameters.
    pub(in crate::train) fn groups(&self) -> Vec<ParameterGroup> {
        let no_decay = self.no_decay_norms.filter(|on| *on).map(|_| 0.0);
        let rates = [None, self.head_lr];
        let decays = [None, no_decay];
        let groups = rates.iter().flat_map(|lr| {
            let decays = decays.iter();
            decays.map(|weight_decay| ParameterGroup {
                lr: *lr,
                weight_decay: *weight_decay,
            })
        });
        match (self.head_lr, no_decay) {
            (None, None) => vec![ParameterGroup::default()],
            _ => groups.collect(),
        }
    }

    /// Puts the parameters of `network` into the groups of [`Regime::groups`].
    pub(in crate::train) fn group(&self, network: &mut Network) {
        if self.groups().len() == 1 {
            return;
        }
        let heads = network.heads();
        let head = |name: &str| self.head_lr.is_some() && heads.iter().any(|head| head == name);
        let no_decay = self.no_decay_norms == Some(true);
        for (at, (in_head, flat)) in [(false, true), (true, false), (true, true)]
            .into_iter()
            .enumerate()
        {
            network.set_group(at as u32 + 1, |spec| {
                head(&spec.name) == in_head && (no_decay && spec.shape.len() == 1) == flat
            });
        }
    }

    /// Opens the data set and selects classes and samples.
    ///
    /// # Errors
    /// As [`Dataset::open`], [`Dataset::with_classes`] and [`Dataset::with_train_fraction`].
    pub fn open_data(&self) -> Result<Dataset, TrainError> {
        self.read_data(&mut |_| ())
    }

    /// Opens the data set and reports how far a long read is.
    ///
    /// # Errors
    /// As [`Regime::open_data`].
    pub fn read_data(&self, progress: &mut dyn FnMut(ReadProgress)) -> Result<Dataset, TrainError> {
        self.select(self.read_whole(progress)?)
    }

    /// The data set with all classes and samples, which several regimes may select from.
    ///
    /// # Errors
    /// As [`Dataset::open_with`].
    pub(crate) fn read_whole(
        &self,
        progress: &mut dyn FnMut(ReadProgress),
    ) -> Result<Dataset, TrainError> {
        Ok(Dataset::open_with(
            &self.data,
            &self.data_options(),
            progress,
        )?)
    }

    /// The samples of `data`, the whole data set, that this regime uses.
    ///
    /// # Errors
    /// As [`Dataset::with_classes`] and [`Dataset::with_train_fraction`].
    pub(crate) fn select(&self, mut data: Dataset) -> Result<Dataset, TrainError> {
        if let Some(classes) = &self.classes {
            data = data.with_classes(classes.classes())?;
        }
        if let Some(share) = self.train_fraction {
            data = data.with_train_fraction(share, self.seed)?;
        }
        Ok(data)
    }

    /// How the data set is read.
    pub fn data_options(&self) -> DataOptions {
        DataOptions {
            image_size: self.image_size,
            window: self.window,
            stride: self.stride,
            split: self.split.clone(),
        }
    }

    /// Builds the network for the samples of `data`, with its frozen parameters.
    ///
    /// # Errors
    /// [`TrainError::Model`] for an unknown name, samples that do not fit or a pattern that matches no parameter,
    /// [`RegimeError::SampleShape`] for samples of more than three dimensions.
    pub fn build_network(&self, data: &Dataset) -> Result<Network, TrainError> {
        let mut network = self.build_whole(data)?;
        self.freeze(&mut network)?;
        if let Some(only) = &self.only {
            only.iter()
                .try_for_each(|name| network.check_pattern(name))?;
        }
        Ok(network)
    }

    /// Freezes what this regime does not train, at first or throughout.
    pub(in crate::train) fn freeze(&self, network: &mut Network) -> Result<(), ModelError> {
        for pattern in self.freeze.iter().flat_map(Names::iter) {
            network.check_pattern(pattern)?;
            network.freeze(pattern);
        }
        match network.parameters().iter().any(|spec| spec.trained()) {
            true => Ok(()),
            false => Err(ModelError::AllFrozen),
        }
    }

    /// The tasks to learn.
    fn chosen_tasks(&self, data: &Dataset) -> Result<Vec<Task>, TrainError> {
        let names: Vec<&str> = self.tasks.iter().flat_map(Names::iter).collect();
        if names.is_empty() {
            let first = data.tasks.first().cloned();
            return Ok(vec![first.unwrap_or_else(|| Task::label(0))]);
        }
        let tasks = names.into_iter().map(|name| Ok(data.task(name)?.clone()));
        tasks.collect()
    }

    /// What the run has to reach without a goal: [`Regime::target_accuracy`], or a value for each task.
    pub(crate) fn target(&self) -> MetricTarget {
        let Some(targets) = &self.task_targets else {
            return MetricTarget::accuracy(self.target_accuracy.as_slice());
        };
        let names = self.tasks.iter().flat_map(Names::iter).map(str::to_owned);
        let each = names.zip(&targets.0);
        MetricTarget {
            tasks: each.map(|(name, value)| (name, vec![*value])).collect(),
            ..MetricTarget::accuracy(&targets.0[..targets.0.len().min(1)])
        }
    }

    fn build_whole(&self, data: &Dataset) -> Result<Network, TrainError> {
        let shape = data
            .train
            .inputs
            .first()
            .map(|column| column.spec.shape.clone())
            .unwrap_or_default();
        let sizes: Option<Vec<u32>> = shape.iter().map(|n| u32::try_from(*n).ok()).collect();
        let input = match sizes.as_deref() {
            Some([features]) => Shape::from([*features]),
            Some([channels, length]) => Shape::from([*channels, *length]),
            Some([channels, height, width]) => Shape::from([*channels, *height, *width]),
            _ => return Err(RegimeError::SampleShape { shape }.into()),
        };
        if network_file::is_file(&self.model) {
            let file = NetworkFile::read(&self.model)?;
            let chosen: Vec<&str> = self.tasks.iter().flat_map(Names::iter).collect();
            chosen
                .iter()
                .try_for_each(|name| data.task(name).map(drop))?;
            let mut network = file.build(input, &data.tasks, &chosen)?;
            let weights = self.task_weights.iter().flat_map(|all| &all.0);
            for (name, weight) in chosen.iter().zip(weights) {
                let losses = network.losses_mut().iter_mut();
                let own = losses.filter(|loss| loss.task == *name);
                own.for_each(|loss| loss.weight = *weight as f32);
            }
            // The file may smooth labels itself.
            if self.label_smoothing > 0.0 {
                network.smooth_labels(self.label_smoothing as f32);
            }
            if let Some(weights) = self.class_weights {
                weights.apply(&mut network, data)?;
            }
            return Ok(network);
        }
        let presets::Trunk {
            mut network,
            features,
            head,
        } = presets::trunk(&self.model, input, self.stem)?;
        let tasks = self.chosen_tasks(data)?;
        for (at, task) in tasks.iter().enumerate() {
            let outputs = u32::try_from(task.kind.outputs()).unwrap_or(u32::MAX);
            let name = match tasks.len() {
                1 => head.to_owned(),
                _ => format!("heads.{}", task.name),
            };
            let output = network.linear(&name, features, outputs)?;
            let weight = self.task_weights.as_ref().and_then(|all| all.0.get(at));
            let weight = weight.map_or(1.0, |weight| *weight as f32);
            network.loss(&task.name, task.kind.into(), output, task.target, weight);
        }
        network.smooth_labels(self.label_smoothing as f32);
        if let Some(weights) = self.class_weights {
            weights.apply(&mut network, data)?;
        }
        Ok(network)
    }

    /// Evaluation batch size for `samples` test samples.
    pub(in crate::train) fn eval_batch(&self, samples: usize) -> u32 {
        let all = u32::try_from(samples).unwrap_or(u32::MAX).max(1);
        // Whoever limits the data on the device has little memory: the activations of an evaluation can be larger.
        let default = match self.data_window {
            Some(_) => self.batch_size.min(DEFAULT_EVAL_BATCH),
            None => DEFAULT_EVAL_BATCH,
        };
        self.eval_batch_size.unwrap_or(default).min(all)
    }

    /// Most training steps.
    pub(in crate::train) fn steps(&self, steps_per_epoch: u32) -> u64 {
        let epochs = |epochs: u32| u64::from(epochs) * u64::from(steps_per_epoch);
        match (self.epochs, self.max_steps) {
            (None, None) => epochs(DEFAULT_EPOCHS),
            (Some(n), None) => epochs(n),
            (None, Some(steps)) => u64::from(steps),
            (Some(n), Some(steps)) => epochs(n).min(u64::from(steps)),
        }
    }
}
