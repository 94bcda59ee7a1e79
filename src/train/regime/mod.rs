//! A regime: all choices of a training run, as plain data.

mod check;
mod class_weights;
mod default;
mod init;
mod list;
#[cfg(feature = "cli")]
mod order;
mod resolve;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use class_weights::ClassWeights;
pub use init::Init;
pub use list::{ClassSet, Names, Numbers};

use crate::data::{Augmentation, ByteSize};
use crate::kernels::Precision;
#[cfg(feature = "cli")]
use crate::model::presets;
use crate::model::presets::Stem;
use crate::optim::{Milestones, Optimizer, RateSchedule, ScheduleUnit};
use crate::program::Order;
#[cfg(feature = "cli")]
use crate::suggest::Suggest;

/// All choices of one training run.
///
/// Each field is a flag of `train` and `explain`, a key and an axis of a study file, and a key of every record.
///
/// ```
/// use wattgrad::Regime;
///
/// let regime = Regime { lr: Some(0.01), max_steps: Some(100), ..Regime::default() };
/// regime.check()?;
/// assert!(Regime { lr: Some(f64::NAN), ..regime }.check().is_err());
/// # Ok::<(), wattgrad::RegimeError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(clap::Args), command(about = None, long_about = None))]
#[serde(default, deny_unknown_fields)]
pub struct Regime {
    /// Name of the network: a preset or a network file (`.toml`), unless the trainer is given a network.
    #[cfg_attr(feature = "cli", arg(
        long,
        help = "Network: a preset, or a network file (.toml)",
        value_name = "NAME",
        default_value_t = Regime::default().model,
        value_parser = Suggest::text(presets::NAMES),
    ))]
    pub model: String,
    /// First layers of `resnet18`; `None`: [`Stem::Imagenet`] for images of 64x64 and larger, otherwise [`Stem::Small`].
    #[cfg_attr(feature = "cli", arg(
        long,
        help = "First layers of resnet18 [default: imagenet from 64x64 on, else small]",
        value_name = "NAME",
        value_parser = Suggest::read(Stem::NAMES, |name| name.parse::<Stem>().map_err(sentence)),
    ))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stem: Option<Stem>,
    /// Data set: auto, fashion-mnist, digits, synthetic, or a data folder
    #[cfg_attr(feature = "cli", arg(
        long,
        value_name = "DATA",
        default_value_t = Regime::default().data,
    ))]
    pub data: String,
    /// Width and height to which the images of a folder are scaled. This and the following three are `None` where the
    /// format's default is meant, or where the data has no such choice.
    #[cfg_attr(
        feature = "cli",
        arg(
            long,
            help = "Width and height of the images of a folder, in pixels",
            value_name = "PIXELS",
        )
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_size: Option<u32>,
    /// Samples of a window of a recording.
    #[cfg_attr(
        feature = "cli",
        arg(
            long,
            help = "Samples of a window of a recording [default: 512]",
            value_name = "N",
        )
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<u32>,
    /// Samples from the start of a window to the start of the next.
    #[cfg_attr(
        feature = "cli",
        arg(
            long,
            help = "Samples from one window to the next [default: 100]",
            value_name = "N",
        )
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stride: Option<u32>,
    /// How CelebA is divided: `official` or `within-identity`.
    #[cfg_attr(
        feature = "cli",
        arg(
            long,
            help = "Division of CelebA: official, within-identity",
            value_name = "NAME",
        )
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub split: Option<String>,
    /// Random changes of the training images.
    #[cfg_attr(feature = "cli", arg(
        long,
        help = "Random changes of training images: flip,crop:4,cutout:8",
        value_name = "LIST",
        value_parser = |text: &str| text.parse::<Augmentation>().map_err(sentence),
    ))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub augment: Option<Augmentation>,
    /// Most bytes of the data set on the device; a larger one is streamed. `None`: all of it.
    #[cfg_attr(feature = "cli", arg(
        long,
        help = "Most bytes of data on the device; more is streamed: 64MB [default: all]",
        value_name = "SIZE",
        value_parser = |text: &str| text.parse::<ByteSize>().map_err(sentence),
    ))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_window: Option<ByteSize>,
    /// Use only samples of these classes, numbered anew from 0: 0-4 or 0,3,5
    #[cfg_attr(feature = "cli", arg(long, value_name = "LIST"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classes: Option<ClassSet>,
    /// Use only this share of the training samples of each class
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "SHARE", allow_hyphen_values = true)
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub train_fraction: Option<f64>,
    /// Learn these tasks together, such as label,kind [default: the first]
    #[cfg_attr(feature = "cli", arg(long, value_name = "TASKS"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tasks: Option<Names>,
    /// Weights of the tasks' losses, in their order [default: 1 each]
    #[cfg_attr(feature = "cli", arg(long, value_name = "W,W"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_weights: Option<Numbers>,
    /// What each of the tasks has to reach for the run to end, in its first metric.
    #[cfg_attr(
        feature = "cli",
        arg(
            long,
            help = "Stop when every task reaches its value, such as 0.85,0.97",
            value_name = "V,V",
            conflicts_with = "target_accuracy",
        )
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_targets: Option<Numbers>,
    /// Where the initial weights come from; `None`: [`Init::Scratch`].
    #[cfg_attr(feature = "cli", arg(
        long,
        help = "Initial weights: scratch, or pretrained with --init-weights",
        value_name = "ORIGIN",
        value_parser = Suggest::read(Init::NAMES, |name| name.parse::<Init>().map_err(sentence)),
    ))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init: Option<Init>,
    /// Take only parameters that match, such as 'conv*'; others stay new
    #[cfg_attr(feature = "cli", arg(long, value_name = "PATTERN", num_args = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub only: Option<Names>,
    /// Whether the last layer before each loss stays new, even if pretrained weights have its shape.
    #[cfg_attr(feature = "cli", arg(
        long,
        help = "Keep the last layer new with pretrained weights [default: false]",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        hide_possible_values = true,
    ))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub new_head: Option<bool>,
    /// Do not train parameters that match, such as 'layer1.*,conv1'
    #[cfg_attr(feature = "cli", arg(long, value_name = "PATTERN", num_args = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub freeze: Option<Names>,
    /// Train frozen parameters too after this many epochs
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "EPOCHS", allow_hyphen_values = true)
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unfreeze_at: Option<f64>,
    /// Samples per training step
    #[cfg_attr(feature = "cli", arg(
        long,
        value_name = "N",
        default_value_t = Regime::default().batch_size,
    ))]
    pub batch_size: u32,
    /// Samples per evaluation step, which changes no result. `None`: 500, with a data window as many as a training step has;
    /// all if there are fewer.
    #[cfg_attr(
        feature = "cli",
        arg(
            long,
            help = "Samples per evaluation step; changes no result [default: at most 500]",
            value_name = "N",
        )
    )]
    pub eval_batch_size: Option<u32>,
    /// Update rule
    #[cfg_attr(feature = "cli", arg(
        long,
        value_name = "NAME",
        default_value_t = Regime::default().optimizer,
        value_parser = Suggest::read(Optimizer::NAMES, |name| name.parse::<Optimizer>().map_err(sentence)),
    ))]
    pub optimizer: Optimizer,
    /// Learning rate. This and the other hyperparameters are `None` where the optimizer's default is meant, or where the
    /// optimizer has no such hyperparameter; those of a record are never left to the default.
    #[cfg_attr(
        feature = "cli",
        arg(
            long,
            help = "Learning rate [default: sgd 0.05, adam 0.001, rmsprop 0.01, lion 0.0001]",
            value_name = "LR",
            allow_hyphen_values = true,
        )
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lr: Option<f64>,
    /// Momentum, from 0 to below 1 [default: sgd 0.9, rmsprop 0]
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "M", allow_hyphen_values = true)
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub momentum: Option<f64>,
    /// Weight decay; adamw and lion decay the weights [default: 0; adamw 0.01]
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "D", allow_hyphen_values = true)
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<f64>,
    /// Use Nesterov momentum [default: false]
    #[cfg_attr(feature = "cli", arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nesterov: Option<bool>,
    /// Dampening of the momentum, 0 to 1 [default: 0]
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "D", allow_hyphen_values = true)
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dampening: Option<f64>,
    /// Decay rate of the first moment [default: 0.9]
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "B", allow_hyphen_values = true)
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beta1: Option<f64>,
    /// Decay rate of the second moment [default: 0.999; lion 0.99]
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "B", allow_hyphen_values = true)
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beta2: Option<f64>,
    /// Decay rate of the mean of squared gradients [default: 0.99]
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "A", allow_hyphen_values = true)
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alpha: Option<f64>,
    /// Added to a root before dividing by it [default: 1e-8]
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "E", allow_hyphen_values = true)
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eps: Option<f64>,
    /// Divide by the variance of gradients, not their mean square [default: false]
    #[cfg_attr(feature = "cli", arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub centered: Option<bool>,
    /// No weight decay for biases and norm parameters (1 dimension)
    #[cfg_attr(feature = "cli", arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_decay_norms: Option<bool>,
    /// Learning rate of the last layer before each loss [default: --lr]
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "LR", allow_hyphen_values = true)
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head_lr: Option<f64>,
    /// Clip the norm of all gradients together to this
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "NORM", allow_hyphen_values = true)
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
    /// Batches whose gradients make one step [default: 1]
    #[cfg_attr(feature = "cli", arg(long, value_name = "N"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accumulate: Option<u32>,
    /// How activations and their gradients are stored, and the weights that products read; sums and parameters are f32
    /// always. `None`: [`Precision::F32`].
    #[cfg_attr(feature = "cli", arg(
        long,
        help = "Storage of activations: f32, or f16 with a dynamic loss scale [default: f32]",
        value_name = "TYPE",
        value_parser = Suggest::read(Precision::NAMES, |name| name.parse::<Precision>().map_err(sentence)),
    ))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub precision: Option<Precision>,
    /// First loss scale of the precision f16 [default: 65536]
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "S", allow_hyphen_values = true)
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss_scale: Option<f64>,
    /// Learning-rate schedule [default: constant]
    #[cfg_attr(feature = "cli", arg(long, value_name = "NAME", value_parser = Suggest::read(RateSchedule::NAMES, |name| name.parse::<RateSchedule>().map_err(sentence))))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<RateSchedule>,
    /// Unit of step-size, milestones and gamma: step or epoch [default: epoch]
    #[cfg_attr(feature = "cli", arg(long, value_name = "UNIT", value_parser = Suggest::read(ScheduleUnit::NAMES, |name| name.parse::<ScheduleUnit>().map_err(sentence))))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule_unit: Option<ScheduleUnit>,
    /// Units between reductions of the schedule step
    #[cfg_attr(feature = "cli", arg(long, value_name = "N"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_size: Option<u32>,
    /// Units after which the schedule multistep reduces, such as 3,5
    #[cfg_attr(feature = "cli", arg(long, value_name = "N,N"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub milestones: Option<Milestones>,
    /// Factor of a reduction [default: 0.1; exponential: none]
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "G", allow_hyphen_values = true)
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gamma: Option<f64>,
    /// Exponent of the schedule polynomial [default: 1]
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "P", allow_hyphen_values = true)
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub power: Option<f64>,
    /// Learning rate at the end of the schedule cosine [default: 0]
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "LR", allow_hyphen_values = true)
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_lr: Option<f64>,
    /// Share of the steps in which one-cycle rises [default: 0.3]
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "SHARE", allow_hyphen_values = true)
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pct_start: Option<f64>,
    /// Learning rate over the first one of one-cycle [default: 25]
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "F", allow_hyphen_values = true)
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub div_factor: Option<f64>,
    /// First learning rate of one-cycle over the last [default: 10000]
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "F", allow_hyphen_values = true)
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub final_div_factor: Option<f64>,
    /// Cycle the momentum against the learning rate [default: true]
    #[cfg_attr(feature = "cli", arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cycle_momentum: Option<bool>,
    /// Lowest momentum of one-cycle [default: 0.85]
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "M", allow_hyphen_values = true)
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_momentum: Option<f64>,
    /// Highest momentum of one-cycle [default: 0.95]
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "M", allow_hyphen_values = true)
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_momentum: Option<f64>,
    /// Steps of a linear warm-up of the learning rate
    #[cfg_attr(feature = "cli", arg(long, value_name = "N"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warmup_steps: Option<u32>,
    /// Epochs of the warm-up; may be a fraction
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "EPOCHS", allow_hyphen_values = true)
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warmup_epochs: Option<f64>,
    /// Share of the learning rate in the first step [default: 0.01]
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "SHARE", allow_hyphen_values = true)
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warmup_start: Option<f64>,
    /// Label smoothing: share of a label spread over all classes, from 0 to below 1
    #[cfg_attr(feature = "cli", arg(
        long,
        value_name = "E",
        default_value_t = Regime::default().label_smoothing,
        allow_hyphen_values = true,
    ))]
    pub label_smoothing: f64,
    /// Weights of the classes in the losses [default: none]
    #[cfg_attr(feature = "cli", arg(
        long,
        value_name = "WEIGHTS",
        value_parser = Suggest::read(ClassWeights::NAMES, |name| name.parse::<ClassWeights>().map_err(sentence)),
    ))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_weights: Option<ClassWeights>,
    /// Most epochs; 5 if neither this nor `max_steps` is given.
    #[cfg_attr(
        feature = "cli",
        arg(
            long,
            help = "Maximum number of epochs [default: 5 without --max-steps]",
            value_name = "N",
        )
    )]
    pub epochs: Option<u32>,
    /// Most training steps; 0 only evaluates. With `epochs` too, the lower limit counts.
    #[cfg_attr(
        feature = "cli",
        arg(
            long,
            help = "Maximum number of training steps; 0 only evaluates",
            value_name = "N",
        )
    )]
    pub max_steps: Option<u32>,
    /// Seed of the initial weights and the order of samples
    #[cfg_attr(feature = "cli", arg(
        long,
        value_name = "SEED",
        default_value_t = Regime::default().seed,
    ))]
    pub seed: u32,
    /// Order of the training samples
    #[cfg_attr(feature = "cli", arg(
        long,
        value_name = "ORDER",
        default_value = "shuffled",
        value_parser = Suggest::read(order::NAMES, |name| order::parse(name).map_err(sentence)),
    ))]
    pub order: Order,
    /// Epochs between evaluations; may be a fraction. One more evaluation follows the last step.
    #[cfg_attr(feature = "cli", arg(
        long,
        help = "Epochs between evaluations; may be a fraction",
        value_name = "EPOCHS",
        default_value_t = Regime::default().eval_every,
        allow_hyphen_values = true,
    ))]
    pub eval_every: f64,
    /// Stop at the first evaluation with at least this accuracy, 0 to 1
    #[cfg_attr(
        feature = "cli",
        arg(long, value_name = "SHARE", allow_hyphen_values = true,)
    )]
    pub target_accuracy: Option<f64>,
}

#[cfg(feature = "cli")]
fn sentence(error: impl std::error::Error) -> String {
    error.to_string()
}
