//! How much the classes count in the losses of classification tasks.

use serde::{Deserialize, Serialize};

use crate::data::{Column, Dataset};
use crate::model::{LossKind, Network};
use crate::train::RegimeError;

/// The weights of the classes in the losses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClassWeights {
    /// Every sample counts alike, whatever a network file says.
    #[default]
    None,
    /// Every class counts alike, however many training samples it has: the weight of a class is samples / (classes x
    /// samples of the class), as scikit-learn's `class_weight="balanced"`; absent classes do not count. A positive label
    /// of a binary cross-entropy counts negatives / positives times, as PyTorch's `BCEWithLogitsLoss` suggests.
    Balanced,
}

impl ClassWeights {
    /// The names.
    pub const NAMES: &[&str] = &["none", "balanced"];

    /// Sets the weights of the losses of `network` by the training labels.
    ///
    /// # Errors
    /// [`RegimeError::NothingToBalance`] where no loss has classes or labels.
    pub(super) fn apply(self, network: &mut Network, data: &Dataset) -> Result<(), RegimeError> {
        let mut weighted = false;
        for loss in network.losses_mut() {
            let column = &data.train.targets[loss.target];
            match &mut loss.kind {
                LossKind::CrossEntropy { class_weights, .. } => {
                    let task = data.tasks.iter().find(|task| task.name == loss.task);
                    let classes = task.map_or(0, |task| task.kind.outputs());
                    *class_weights = (self == Self::Balanced).then(|| balanced(column, classes));
                }
                LossKind::BinaryCrossEntropy { pos_weight } => {
                    *pos_weight = (self == Self::Balanced).then(|| positives(column));
                }
                LossKind::MeanSquaredError => continue,
            }
            weighted = true;
        }
        match self == Self::Balanced && !weighted {
            true => Err(RegimeError::NothingToBalance),
            false => Ok(()),
        }
    }
}

impl std::str::FromStr for ClassWeights {
    type Err = RegimeError;

    fn from_str(name: &str) -> Result<Self, RegimeError> {
        match name {
            "none" => Ok(Self::None),
            "balanced" => Ok(Self::Balanced),
            _ => Err(RegimeError::UnknownClassWeights { given: name.into() }),
        }
    }
}

/// A weight for each class; 0 for classes without samples.
fn balanced(labels: &Column, classes: usize) -> Vec<f32> {
    let mut counts = vec![0_usize; classes];
    for label in labels.values() {
        if let Some(count) = counts.get_mut(label as usize) {
            *count += 1;
        }
    }
    let present = counts.iter().filter(|count| **count > 0).count();
    let samples: usize = counts.iter().sum();
    let weight = |count: usize| match count {
        0 => 0.0,
        _ => (samples as f64 / (present * count) as f64) as f32,
    };
    counts.into_iter().map(weight).collect()
}

/// A weight of the positive labels of each output; 1 where all labels are alike.
fn positives(labels: &Column) -> Vec<f32> {
    let outputs = labels.spec.elements();
    let mut counts = vec![0_usize; outputs];
    for (at, label) in labels.values().enumerate() {
        counts[at % outputs] += usize::from(label != 0.0);
    }
    let samples = labels.len();
    let weight = |count: usize| match count {
        0 => 1.0,
        all if all == samples => 1.0,
        _ => ((samples - count) as f64 / count as f64) as f32,
    };
    counts.into_iter().map(weight).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{ColumnSpec, Dtype};

    fn column(shape: &[usize], values: &[u8]) -> Column {
        let spec = ColumnSpec {
            name: "labels".into(),
            dtype: Dtype::U8,
            shape: shape.to_vec(),
        };
        Column {
            spec,
            bytes: values.to_vec().into(),
        }
    }

    #[test]
    fn classes_count_alike() {
        // sklearn.utils.class_weight.compute_class_weight("balanced", classes=[0, 1, 3], y=[0, 0, 0, 1, 3, 3])
        let weights = balanced(&column(&[], &[0, 0, 0, 1, 3, 3]), 4);
        assert_eq!(weights, [2.0 / 3.0, 2.0, 0.0, 1.0]);
        let weights = positives(&column(&[3], &[1, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1]));
        assert_eq!(weights, [3.0, 1.0, 1.0]);
    }
}
