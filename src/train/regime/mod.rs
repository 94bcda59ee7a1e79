//! A regime: all choices of a training run, as plain data.

mod check;
mod list;
mod resolve;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use list::{ClassSet, Names};

use super::regime_error::RegimeError;
use crate::data::Augmentation;
#[cfg(feature = "cli")]
use crate::model::presets;
use crate::model::presets::Stem;
use crate::optim::Optimizer;
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
    /// Name of the network: a preset, unless the trainer is given a network.
    #[cfg_attr(feature = "cli", arg(
        long,
        help = "Network",
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
    /// Classes of the default task whose samples are trained on and tested with, numbered anew from 0; `None`: all.
    #[cfg_attr(
        feature = "cli",
        arg(
            long,
            help = "Use only samples of these classes: 0-4 or 0,3,5",
            value_name = "LIST"
        )
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classes: Option<ClassSet>,
    /// Share of the training samples of each class that are used, chosen by the seed; `None`: all.
    #[cfg_attr(
        feature = "cli",
        arg(
            long,
            help = "Use only this share of the training samples of each class",
            value_name = "SHARE",
            allow_hyphen_values = true,
        )
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub train_fraction: Option<f64>,
    /// Where the initial weights come from; `None`: [`Init::Scratch`].
    #[cfg_attr(feature = "cli", arg(
        long,
        help = "Initial weights: scratch, or pretrained with --init-weights",
        value_name = "ORIGIN",
        value_parser = Suggest::read(Init::NAMES, |name| name.parse::<Init>().map_err(sentence)),
    ))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init: Option<Init>,
    /// Patterns of the parameters that are taken from pretrained weights; `None`: all. Others stay new.
    #[cfg_attr(
        feature = "cli",
        arg(
            long,
            help = "Take only parameters that match, such as 'conv*'; others stay new",
            value_name = "PATTERN",
            num_args = 1,
        )
    )]
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
    /// Patterns of the parameters that are not trained. A batch norm whose parameters are all frozen uses its running
    /// statistics in training and keeps them.
    #[cfg_attr(
        feature = "cli",
        arg(
            long,
            help = "Do not train parameters that match, such as 'layer1.*,conv1'",
            value_name = "PATTERN",
            num_args = 1,
        )
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub freeze: Option<Names>,
    /// Epochs after which frozen parameters are trained too; may be a fraction. `None`: never.
    #[cfg_attr(
        feature = "cli",
        arg(
            long,
            help = "Train frozen parameters too after this many epochs",
            value_name = "EPOCHS",
            allow_hyphen_values = true,
        )
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
    /// Samples per evaluation step, which changes no result. `None`: 500, or all if there are fewer.
    #[cfg_attr(
        feature = "cli",
        arg(
            long,
            help = "Samples per evaluation step; changes no result [default: 500, or all]",
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
            help = "Learning rate [default: 0.05]",
            value_name = "LR",
            allow_hyphen_values = true,
        )
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lr: Option<f64>,
    /// Momentum, from 0 to below 1.
    #[cfg_attr(
        feature = "cli",
        arg(
            long,
            help = "Momentum, from 0 to below 1 [default: 0.9]",
            value_name = "M",
            allow_hyphen_values = true,
        )
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub momentum: Option<f64>,
    /// Weight decay, added to the gradient.
    #[cfg_attr(
        feature = "cli",
        arg(
            long,
            help = "Weight decay, added to the gradient [default: 0]",
            value_name = "D",
            allow_hyphen_values = true,
        )
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<f64>,
    /// Whether the step uses Nesterov momentum.
    #[cfg_attr(feature = "cli", arg(
        long,
        help = "Use Nesterov momentum [default: false]",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        hide_possible_values = true,
    ))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nesterov: Option<bool>,
    /// Label smoothing: share of a label spread over all classes, from 0 to below 1
    #[cfg_attr(feature = "cli", arg(
        long,
        value_name = "E",
        default_value_t = Regime::default().label_smoothing,
        allow_hyphen_values = true,
    ))]
    pub label_smoothing: f64,
    /// Most epochs; 5 if neither this nor `max_steps` is given.
    #[cfg_attr(
        feature = "cli",
        arg(
            long,
            help = "Most epochs [default: 5 without --max-steps]",
            value_name = "N",
        )
    )]
    pub epochs: Option<u32>,
    /// Most training steps; 0 only evaluates. With `epochs` too, the lower limit counts.
    #[cfg_attr(
        feature = "cli",
        arg(long, help = "Most training steps; 0 only evaluates", value_name = "N",)
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
        value_parser = Suggest::read(ORDERS, |name| Regime::parse_order(name).map_err(sentence)),
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

/// Where the initial weights of a run come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Init {
    /// They are drawn from the seed.
    #[default]
    Scratch,
    /// They are taken from a file, or in a study from the run of its `[pretrain]` table.
    Pretrained,
}

impl Init {
    /// The names.
    pub const NAMES: &[&str] = &["scratch", "pretrained"];
}

impl std::str::FromStr for Init {
    type Err = RegimeError;

    fn from_str(name: &str) -> Result<Self, RegimeError> {
        match name {
            "scratch" => Ok(Self::Scratch),
            "pretrained" => Ok(Self::Pretrained),
            _ => Err(RegimeError::UnknownInit { given: name.into() }),
        }
    }
}

#[cfg(feature = "cli")]
const ORDERS: &[&str] = &["shuffled", "sequential"];

#[cfg(feature = "cli")]
fn sentence(error: impl std::error::Error) -> String {
    error.to_string()
}

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
            batch_size: 64,
            eval_batch_size: None,
            optimizer: Optimizer::Sgd,
            lr: None,
            momentum: None,
            weight_decay: None,
            nesterov: None,
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

#[cfg(feature = "cli")]
impl Regime {
    fn parse_order(text: &str) -> Result<Order, RegimeError> {
        match text {
            "shuffled" => Ok(Order::Shuffled),
            "sequential" => Ok(Order::Sequential),
            given => Err(RegimeError::UnknownOrder {
                given: given.to_owned(),
            }),
        }
    }
}
