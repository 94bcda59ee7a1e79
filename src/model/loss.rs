//! The losses of a network, one per task.

use super::Metric;
use super::Value;
use crate::data::TaskKind;
use crate::kernels::Shape;

/// A task of the network: a loss between an output and a target column of the dataset.
#[derive(Clone, Debug, PartialEq)]
pub struct Loss {
    /// Name of the task, under which its metrics are recorded.
    pub task: String,
    /// Kind of the loss.
    pub kind: LossKind,
    /// The output that it judges.
    pub output: Value,
    /// Index of the target column among [`Split::targets`](crate::data::Split::targets).
    pub target: usize,
    /// Weight in the total loss.
    pub weight: f32,
}

/// Kind of a loss, as PyTorch defines it with its mean reduction. Evaluations measure the plain loss, without weights and
/// label smoothing.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum LossKind {
    /// Softmax cross-entropy between logits and the label of a class (`CrossEntropyLoss`).
    CrossEntropy {
        /// Share of a label that is spread evenly over all classes, 0 to below 1.
        label_smoothing: f32,
        /// How much the samples of each class count in the mean; `None`: all alike.
        class_weights: Option<Vec<f32>>,
    },
    /// Binary cross-entropy between logits and independent labels, each 0 or 1 (`BCEWithLogitsLoss`).
    BinaryCrossEntropy {
        /// How much a positive label of each output counts; `None`: as much as a negative one.
        pos_weight: Option<Vec<f32>>,
    },
    /// Squared difference between values (`MSELoss`).
    MeanSquaredError,
}

impl From<TaskKind> for LossKind {
    /// The usual loss of a task: cross-entropy of classes, binary cross-entropy of labels, squared error of values.
    fn from(kind: TaskKind) -> LossKind {
        match kind {
            TaskKind::Classes(_) => LossKind::cross_entropy(),
            TaskKind::Labels(_) => LossKind::binary_cross_entropy(),
            TaskKind::Values(_) => LossKind::MeanSquaredError,
        }
    }
}

impl LossKind {
    /// A cross-entropy without label smoothing and class weights.
    #[must_use]
    pub fn cross_entropy() -> LossKind {
        LossKind::CrossEntropy {
            label_smoothing: 0.0,
            class_weights: None,
        }
    }

    /// A binary cross-entropy without weights.
    #[must_use]
    pub fn binary_cross_entropy() -> LossKind {
        LossKind::BinaryCrossEntropy { pos_weight: None }
    }

    /// Name of the kind, such as `cross-entropy`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            LossKind::CrossEntropy { .. } => "cross-entropy",
            LossKind::BinaryCrossEntropy { .. } => "binary-cross-entropy",
            LossKind::MeanSquaredError => "mean-squared-error",
        }
    }

    /// The metrics that an evaluation reports; the first is what a target means by default.
    #[must_use]
    pub fn metrics(&self) -> &'static [Metric] {
        match self {
            LossKind::CrossEntropy { .. } => &[Metric::Accuracy, Metric::Loss],
            LossKind::BinaryCrossEntropy { .. } => {
                &[Metric::MeanAccuracy, Metric::F1, Metric::Loss]
            }
            LossKind::MeanSquaredError => &[Metric::Mse, Metric::Loss],
        }
    }

    /// Whether targets are the numbers of classes; otherwise they are vectors of the output's size.
    pub(crate) fn takes_classes(&self) -> bool {
        matches!(self, LossKind::CrossEntropy { .. })
    }

    /// Rows of results per sample in an evaluation.
    pub(crate) fn evaluation_rows(&self) -> u32 {
        match self {
            LossKind::BinaryCrossEntropy { .. } => 2,
            _ => 1,
        }
    }

    /// Checks the numbers of the loss against an output of shape `output`.
    ///
    /// # Errors
    /// Which number is wrong, in words.
    pub(crate) fn check(&self, output: Shape) -> Result<(), String> {
        let n = output.elements() as usize;
        let weights = |what: &str, weights: &Option<Vec<f32>>| {
            let Some(weights) = weights else {
                return Ok(());
            };
            if weights.len() != n {
                return Err(format!(
                    "there must be one {what} for each of the {n} outputs, got {}",
                    weights.len()
                ));
            }
            match weights.iter().find(|w| !(w.is_finite() && **w >= 0.0)) {
                Some(bad) => Err(format!(
                    "a {what} must be a finite number of at least 0, got {bad}"
                )),
                None => Ok(()),
            }
        };
        match self {
            LossKind::CrossEntropy {
                label_smoothing,
                class_weights,
            } => {
                if !(0.0..1.0).contains(label_smoothing) {
                    return Err(format!(
                        "the label smoothing must be at least 0 and below 1, got {label_smoothing}"
                    ));
                }
                weights("class weight", class_weights)
            }
            LossKind::BinaryCrossEntropy { pos_weight } => weights("positive weight", pos_weight),
            LossKind::MeanSquaredError => Ok(()),
        }
    }
}
