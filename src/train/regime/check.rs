//! The checks of a regime: what can be checked without a device.

use super::{Names, Regime};
use crate::data::Dataset;
use crate::kernels::Precision;
use crate::model::{network_file, presets};
use crate::optim::Steps;
use crate::train::{Budget, RegimeError};

impl Regime {
    /// Checks every value that can be checked without data or device.
    ///
    /// # Errors
    /// [`RegimeError`] for the first invalid value.
    pub fn check(&self) -> Result<(), RegimeError> {
        if self.accumulate == Some(0) {
            return Err(RegimeError::AccumulateZero);
        }
        for (what, size) in self.batches() {
            if size == Some(0) {
                return Err(RegimeError::BatchZero { what });
            }
        }
        if self.stem.is_some()
            && !presets::has_stem(&self.model)
            && (presets::NAMES.contains(&self.model.as_str()) || network_file::is_file(&self.model))
        {
            return Err(RegimeError::Stem {
                model: self.model.clone(),
            });
        }
        self.check_tasks()?;
        if let Some(share) = self.train_fraction
            && !(share > 0.0 && share <= 1.0)
        {
            return Err(RegimeError::TrainFraction { share });
        }
        if let Some(epochs) = self.unfreeze_at
            && !(epochs.is_finite() && epochs > 0.0 && self.freezes())
        {
            return Err(RegimeError::UnfreezeAt { epochs });
        }
        let rule = self.update_rule()?;
        self.schedule_options().check(rule.momentum())?;
        let rates = [
            ("head-lr", self.head_lr, 0.0),
            ("clip-norm", self.clip_norm, f64::MIN_POSITIVE),
            ("loss-scale", self.loss_scale, f64::from(f32::MIN_POSITIVE)),
        ];
        for (what, value, least) in rates {
            if let Some(value) = value
                && !(value.is_finite() && value >= least)
            {
                return Err(RegimeError::Positive { what, value });
            }
        }
        if self.loss_scale.is_some() && self.precision != Some(Precision::F16) {
            return Err(RegimeError::LossScale);
        }
        if !(0.0..1.0).contains(&self.label_smoothing) {
            return Err(RegimeError::LabelSmoothing {
                share: self.label_smoothing,
            });
        }
        if !(self.eval_every.is_finite() && self.eval_every > 0.0) {
            return Err(RegimeError::EvalEvery {
                eval_every: self.eval_every,
            });
        }
        match self.target_accuracy {
            Some(target) if !(0.0..=1.0).contains(&target) => Err(RegimeError::Target { target }),
            _ => Ok(()),
        }
    }

    /// Checks the schedule against a budget, which may not limit the steps of a run.
    ///
    /// # Errors
    /// [`RegimeError::Schedule`].
    pub(crate) fn check_budget(&self, budget: &Budget) -> Result<(), RegimeError> {
        let limited = budget.samples.is_some() || budget.steps.is_some() || budget.epochs.is_some();
        if !limited {
            let steps = Steps {
                total: None,
                per_epoch: 1,
            };
            let momentum = self.update_rule()?.momentum();
            self.schedule_options().schedule(steps, momentum)?;
        }
        Ok(())
    }

    /// Checks the batch sizes against the number of samples.
    ///
    /// # Errors
    /// [`RegimeError::BatchAboveData`].
    pub fn check_data(&self, data: &Dataset) -> Result<(), RegimeError> {
        let samples = [data.train.len, data.test.len];
        for ((what, size), samples) in self.batches().into_iter().zip(samples) {
            if let Some(batch) = size
                && batch as usize > samples
            {
                let data = data.name.clone();
                return Err(RegimeError::BatchAboveData {
                    what,
                    batch,
                    samples,
                    data,
                });
            }
        }
        Ok(())
    }

    fn check_tasks(&self) -> Result<(), RegimeError> {
        let names: Vec<&str> = self.tasks.iter().flat_map(Names::iter).collect();
        let twice = |(at, task): &(usize, &&str)| names[..*at].contains(task);
        if let Some((_, task)) = names.iter().enumerate().find(twice) {
            return Err(RegimeError::TaskTwice {
                task: (*task).to_owned(),
            });
        }
        let tasks = names.len().max(1);
        for (flag, numbers) in [
            ("--task-weights", &self.task_weights),
            ("--task-targets", &self.task_targets),
        ] {
            let given = numbers.as_ref().map_or(tasks, |numbers| numbers.0.len());
            if given != tasks {
                return Err(RegimeError::PerTask { flag, tasks, given });
            }
        }
        let mut weights = self.task_weights.iter().flat_map(|numbers| &numbers.0);
        match weights.find(|weight| **weight <= 0.0) {
            Some(weight) => Err(RegimeError::TaskWeight { weight: *weight }),
            None => Ok(()),
        }
    }

    /// Whether parameters are frozen, at first or throughout.
    pub(in crate::train) fn freezes(&self) -> bool {
        self.freeze.as_ref().is_some_and(|names| !names.is_empty())
    }

    fn batches(&self) -> [(&'static str, Option<u32>); 2] {
        [
            ("batch size", Some(self.step_samples())),
            ("evaluation batch size", self.eval_batch_size),
        ]
    }
}
