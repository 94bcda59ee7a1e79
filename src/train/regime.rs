//! A regime: all choices of a training run, as plain data.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::data::Dataset;
use crate::kernels::Shape;
use crate::model::{Network, presets};
use crate::optim::{Hyperparameters, OptimError, Optimizer, UpdateRule};
use crate::program::Order;

use super::error::TrainError;
use super::regime_error::RegimeError;
#[cfg(feature = "cli")]
use crate::suggest::Suggest;

/// Epochs of a run without a limit of epochs or steps.
const DEFAULT_EPOCHS: u32 = 5;

/// Default evaluation batch size: enough to fill a device, few enough for its memory.
const DEFAULT_EVAL_BATCH: u32 = 500;

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
    /// Data set: auto, fashion-mnist, digits, or a folder of IDX files
    #[cfg_attr(feature = "cli", arg(
        long,
        value_name = "DATA",
        default_value_t = Regime::default().data,
    ))]
    pub data: String,
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
            data: "auto".into(),
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

impl Regime {
    /// Checks every value that can be checked without data or device.
    ///
    /// # Errors
    /// [`RegimeError`] for the first invalid value.
    pub fn check(&self) -> Result<(), RegimeError> {
        for (what, size) in self.batches() {
            if size == Some(0) {
                return Err(RegimeError::BatchZero { what });
            }
        }
        self.update_rule()?;
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

    fn batches(&self) -> [(&'static str, Option<u32>); 2] {
        [
            ("batch size", Some(self.batch_size)),
            ("evaluation batch size", self.eval_batch_size),
        ]
    }

    /// The update rule with its hyperparameters.
    ///
    /// # Errors
    /// [`OptimError`] for a value that it does not accept.
    pub(crate) fn update_rule(&self) -> Result<Arc<dyn UpdateRule>, OptimError> {
        self.optimizer.rule(Hyperparameters {
            lr: self.lr,
            momentum: self.momentum,
            weight_decay: self.weight_decay,
            nesterov: self.nesterov,
        })
    }

    /// The regime with every hyperparameter of its optimizer spelled out.
    ///
    /// # Errors
    /// As [`Regime::check`] for the hyperparameters.
    pub(crate) fn resolved(&self) -> Result<Self, OptimError> {
        Ok(self.with(self.update_rule()?.hyperparameters()))
    }

    pub(super) fn with(&self, hyperparameters: Hyperparameters) -> Self {
        let Hyperparameters {
            lr,
            momentum,
            weight_decay,
            nesterov,
        } = hyperparameters;
        Self {
            lr,
            momentum,
            weight_decay,
            nesterov,
            ..self.clone()
        }
    }

    /// Opens the data set.
    ///
    /// # Errors
    /// As [`Dataset::open`].
    pub fn open_data(&self) -> Result<Dataset, TrainError> {
        Ok(Dataset::open(&self.data)?)
    }

    /// Builds the network for the samples of `data`.
    ///
    /// # Errors
    /// [`TrainError::Model`] for an unknown name or samples that do not fit, [`RegimeError::SampleShape`] for samples
    /// of more than three dimensions.
    pub fn build_network(&self, data: &Dataset) -> Result<Network, TrainError> {
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
        let classes = u32::try_from(data.classes).unwrap_or(u32::MAX);
        let mut network = presets::by_name(&self.model, input, classes)?;
        network.smooth_labels(self.label_smoothing as f32);
        Ok(network)
    }

    #[cfg(feature = "cli")]
    fn parse_order(text: &str) -> Result<Order, RegimeError> {
        match text {
            "shuffled" => Ok(Order::Shuffled),
            "sequential" => Ok(Order::Sequential),
            given => Err(RegimeError::UnknownOrder {
                given: given.to_owned(),
            }),
        }
    }

    /// Evaluation batch size for `samples` test samples.
    pub(super) fn eval_batch(&self, samples: usize) -> u32 {
        let all = u32::try_from(samples).unwrap_or(u32::MAX).max(1);
        self.eval_batch_size.unwrap_or(DEFAULT_EVAL_BATCH).min(all)
    }

    /// Most training steps.
    pub(super) fn steps(&self, steps_per_epoch: u32) -> u64 {
        let epochs = |epochs: u32| u64::from(epochs) * u64::from(steps_per_epoch);
        match (self.epochs, self.max_steps) {
            (None, None) => epochs(DEFAULT_EPOCHS),
            (Some(n), None) => epochs(n),
            (None, Some(steps)) => u64::from(steps),
            (Some(n), Some(steps)) => epochs(n).min(u64::from(steps)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_each_invalid_value() {
        let good = Regime::default();
        assert_eq!(good.check(), Ok(()));
        let error = |regime: Regime| regime.check().unwrap_err().to_string();
        let batch = error(Regime {
            batch_size: 0,
            ..good.clone()
        });
        assert!(batch.contains("batch size must be at least 1"), "{batch}");
        for eval_every in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let text = error(Regime {
                eval_every,
                ..good.clone()
            });
            assert!(text.contains("epochs between evaluations"), "{text}");
        }
        for target in [86.0, -0.1, f64::NAN] {
            let text = error(Regime {
                target_accuracy: Some(target),
                ..good.clone()
            });
            assert!(text.contains("target accuracy"), "{text}");
        }
        let text = error(Regime {
            lr: Some(-1.0),
            ..good.clone()
        });
        assert!(
            text.contains("learning rate") && text.contains("got -1"),
            "{text}"
        );
    }

    #[test]
    fn the_lower_limit_of_epochs_and_steps_counts() {
        let steps = |epochs, max_steps| {
            Regime {
                epochs,
                max_steps,
                ..Regime::default()
            }
            .steps(10)
        };
        assert_eq!(steps(None, None), 50);
        assert_eq!(steps(Some(2), None), 20);
        assert_eq!(steps(None, Some(200)), 200);
        assert_eq!(steps(Some(2), Some(7)), 7);
        assert_eq!(steps(Some(2), Some(70)), 20);
        assert_eq!(steps(Some(2), Some(0)), 0);
    }

    #[cfg(feature = "cli")]
    #[test]
    fn flags_are_the_fields_and_default_to_the_default_regime() {
        use clap::{Args as _, FromArgMatches as _};

        let command = Regime::augment_args(clap::Command::new("regime"));
        let parse = |flags: &[&str]| {
            let given = [&["regime"], flags].concat();
            let matches = command.clone().try_get_matches_from(given).unwrap();
            Regime::from_arg_matches(&matches).unwrap()
        };
        assert_eq!(parse(&[]), Regime::default());
        let fields: Vec<String> = Regime::default()
            .choices()
            .into_iter()
            .map(|(key, _)| key.replace('_', "-"))
            .collect();
        let flags: Vec<&str> = command
            .get_arguments()
            .filter_map(|a| a.get_long())
            .collect();
        assert_eq!(fields, flags);
        for argument in command.get_arguments() {
            assert!(
                argument
                    .get_help()
                    .is_some_and(|help| !help.to_string().ends_with('.'))
            );
            assert!(argument.get_long_help().is_none(), "{argument}");
        }
        let given = parse(&["--lr", "0.1", "--nesterov", "--order", "sequential"]);
        let expected = Regime {
            lr: Some(0.1),
            nesterov: Some(true),
            order: Order::Sequential,
            ..Regime::default()
        };
        assert_eq!(given, expected);
    }

    #[test]
    fn a_regime_round_trips_through_json() {
        let regime = Regime {
            target_accuracy: Some(0.86),
            order: Order::Sequential,
            max_steps: Some(3),
            ..Regime::default()
        };
        let text = serde_json::to_string(&regime).unwrap();
        assert!(text.contains(r#""order":"sequential""#), "{text}");
        assert!(text.contains(r#""optimizer":"sgd""#), "{text}");
        assert_eq!(serde_json::from_str::<Regime>(&text).unwrap(), regime);
        assert!(serde_json::from_str::<Regime>(r#"{"learning_rate": 1}"#).is_err());
    }
}
