//! The default regime, and one in which every field has a value.

use super::{Init, Names, Regime};
use crate::data::{Augmentation, ByteSize};
use crate::model::presets::Stem;
use crate::optim::{Optimizer, RateSchedule, ScheduleUnit};
use crate::program::Order;

impl Default for Regime {
    fn default() -> Self {
        Self {
            model: "mlp".into(),
            stem: None,
            data: "auto".into(),
            classes: None,
            train_fraction: None,
            init: None,
            only: None,
            new_head: None,
            freeze: None,
            unfreeze_at: None,
            image_size: None,
            window: None,
            stride: None,
            split: None,
            augment: None,
            data_window: None,
            batch_size: 64,
            eval_batch_size: None,
            optimizer: Optimizer::Sgd,
            lr: None,
            momentum: None,
            weight_decay: None,
            nesterov: None,
            dampening: None,
            beta1: None,
            beta2: None,
            alpha: None,
            eps: None,
            centered: None,
            no_decay_norms: None,
            head_lr: None,
            clip_norm: None,
            accumulate: None,
            schedule: None,
            schedule_unit: None,
            step_size: None,
            milestones: None,
            gamma: None,
            power: None,
            min_lr: None,
            pct_start: None,
            div_factor: None,
            final_div_factor: None,
            cycle_momentum: None,
            base_momentum: None,
            max_momentum: None,
            warmup_steps: None,
            warmup_epochs: None,
            warmup_start: None,
            label_smoothing: 0.0,
            epochs: None,
            max_steps: None,
            seed: 0,
            order: Order::Shuffled,
            eval_every: 1.0,
            target_accuracy: None,
        }
    }
}

impl Regime {
    /// Every field with a value, so that all of their keys can be listed.
    pub(in crate::train) fn with_everything() -> Self {
        let one = Some(1.0);
        Self {
            lr: one,
            momentum: one,
            weight_decay: one,
            nesterov: Some(true),
            dampening: one,
            beta1: one,
            beta2: one,
            alpha: one,
            eps: one,
            centered: Some(true),
            no_decay_norms: Some(true),
            head_lr: one,
            clip_norm: one,
            accumulate: Some(1),
            schedule: Some(RateSchedule::Constant),
            schedule_unit: Some(ScheduleUnit::Epoch),
            step_size: Some(1),
            milestones: "1".parse().ok(),
            gamma: one,
            power: one,
            min_lr: one,
            pct_start: one,
            div_factor: one,
            final_div_factor: one,
            cycle_momentum: Some(true),
            base_momentum: one,
            max_momentum: one,
            warmup_steps: Some(1),
            warmup_epochs: one,
            warmup_start: one,
            stem: Some(Stem::Small),
            image_size: Some(1),
            window: Some(1),
            stride: Some(1),
            split: Some(String::new()),
            augment: Some(Augmentation::default()),
            data_window: Some(ByteSize(1)),
            classes: "0".parse().ok(),
            train_fraction: one,
            init: Some(Init::Scratch),
            only: Some(Names::default()),
            new_head: Some(true),
            freeze: Some(Names::default()),
            unfreeze_at: one,
            ..Self::default()
        }
    }
}
