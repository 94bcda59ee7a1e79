use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::data::Augmentation;
use crate::kernels::optim::NormUse;
use crate::kernels::{Precision, Tuning};
use crate::optim::{ParameterGroup, Schedule, UpdateRule};

/// PyTorch's first scale of the loss.
pub const LOSS_SCALE: f32 = 65_536.0;
/// PyTorch's number of steps after which it doubles the scale.
const GROWTH_INTERVAL: u32 = 2_000;

/// The order of the training samples in an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// A permutation keyed by seed and epoch.
    Shuffled,
    /// As stored.
    Sequential,
}

/// Options of a program.
#[derive(Clone, Debug)]
pub struct ProgramOptions {
    /// Samples of a forward and backward pass: a micro-batch.
    pub batch_size: u32,
    /// Micro-batches of a training step, at least 1.
    pub accumulate: u32,
    /// Samples of an evaluation batch; the last may be shorter.
    pub eval_batch_size: u32,
    /// Seed of the order of samples.
    pub seed: u32,
    /// Order of samples.
    pub order: Order,
    /// Random changes of the training inputs.
    pub augmentation: Option<Augmentation>,
    /// Update rule.
    pub update_rule: Arc<dyn UpdateRule>,
    /// The parameter groups that the network's parameters name.
    pub groups: Vec<ParameterGroup>,
    /// Learning rates by step.
    pub schedule: Schedule,
    /// Largest norm of the gradients of all parameters together; longer ones are scaled down to it.
    pub clip_norm: Option<f64>,
    /// How activations, their gradients and the weights that products read are stored.
    pub precision: Precision,
    /// The first scale of the loss where gradients are f16.
    pub loss_scale: f32,
    /// Which kernel variants to use.
    pub tuning: Tuning,
    /// Most bytes of a shard of the data set; `None`: as many as the device can bind.
    pub shard_limit: Option<u64>,
    /// Most bytes of the data set on the device: what is larger streams through two banks of shards, in the order that shards
    /// of an eighth of them give. `None`: all of it.
    pub data_window: Option<u64>,
    /// Most bytes of an arena of parameters, gradients, optimizer state or running statistics; `None`: as many as the
    /// device can bind. A larger network uses several arenas, with the same results.
    pub arena_limit: Option<u64>,
    /// Gives every tensor its own memory, so that any dispatch can be repeated on its inputs.
    pub replay: bool,
    /// Steps per submit; `None`: chosen from measured time so that a submit stays under 200 ms.
    pub steps_per_submit: Option<u32>,
}

impl ProgramOptions {
    /// Options of a run with one parameter group, in shuffled order from seed 0, limited only by the device.
    pub fn new(
        batch_size: u32,
        eval_batch_size: u32,
        update_rule: Arc<dyn UpdateRule>,
        tuning: Tuning,
    ) -> Self {
        Self {
            batch_size,
            accumulate: 1,
            eval_batch_size,
            seed: 0,
            order: Order::Shuffled,
            augmentation: None,
            update_rule,
            groups: vec![ParameterGroup::default()],
            schedule: Schedule::constant(),
            clip_norm: None,
            precision: Precision::F32,
            loss_scale: LOSS_SCALE,
            tuning,
            shard_limit: None,
            data_window: None,
            arena_limit: None,
            replay: false,
            steps_per_submit: None,
        }
    }

    /// What an update needs the norm of all gradients for.
    pub(super) fn norm_use(&self) -> Option<NormUse> {
        let scaled = self.precision == Precision::F16;
        (scaled || self.clip_norm.is_some()).then(|| NormUse {
            limit: self.clip_norm.map(|limit| limit as f32),
            growth_interval: scaled.then_some(GROWTH_INTERVAL),
        })
    }

    /// Samples of a training step.
    pub fn step_samples(&self) -> u32 {
        self.batch_size.saturating_mul(self.accumulate)
    }
}
