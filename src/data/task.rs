//! Tasks: what a network can learn from a dataset, each a target column and how it is read.
use super::dataset::{MAX_CLASSES, check_labels};
use super::{Column, DataError, Split};

/// What a target column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TaskKind {
    /// One of this many classes: an integer per sample, in `0..n`.
    Classes(usize),
    /// This many independent labels, each 0 or 1: a column of shape `[n]`.
    Labels(usize),
    /// This many numbers: a column of shape `[n]`.
    Values(usize),
}

impl TaskKind {
    /// Outputs of a network for this task.
    pub const fn outputs(self) -> usize {
        match self {
            TaskKind::Classes(n) | TaskKind::Labels(n) | TaskKind::Values(n) => n,
        }
    }
}

/// A task of a dataset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// The name, under which its metrics are recorded.
    pub name: String,
    /// Index of its column in [`Split::targets`].
    pub target: usize,
    /// What the column holds.
    pub kind: TaskKind,
}

impl Task {
    /// A task that reads target column `target`.
    pub fn new(name: impl Into<String>, target: usize, kind: TaskKind) -> Task {
        Task {
            name: name.into(),
            target,
            kind,
        }
    }

    /// The task `label` of a dataset with one label of `classes` classes per sample.
    pub fn label(classes: usize) -> Task {
        Task::new("label", 0, TaskKind::Classes(classes))
    }

    /// Checks the column of this task in `split`, the split `place`.
    pub(super) fn check(&self, place: &str, split: &Split) -> Result<(), DataError> {
        let outputs = self.kind.outputs();
        if !(1..=MAX_CLASSES).contains(&outputs) {
            return Err(DataError::BadClasses { classes: outputs });
        }
        let Some(column) = split.targets.get(self.target) else {
            return Err(DataError::NoTarget {
                task: self.name.clone(),
                target: self.target,
                targets: split.targets.len(),
            });
        };
        let of = || format!("{place}, column \"{}\"", column.spec.name);
        let shape = column.spec.shape.as_slice();
        let (fits, wanted) = match self.kind {
            TaskKind::Classes(_) => (shape.is_empty(), "one label per sample"),
            TaskKind::Labels(n) => (shape == [n], "one value for each label of the task"),
            TaskKind::Values(n) => (shape == [n], "one value for each output of the task"),
        };
        if !fits {
            return Err(DataError::BadShape {
                place: of(),
                shape: shape.to_vec(),
                wanted,
            });
        }
        match self.kind {
            TaskKind::Values(_) => Ok(()),
            _ if !column.spec.dtype.is_integer() => Err(DataError::LabelType {
                place: of(),
                dtype: column.spec.dtype,
            }),
            TaskKind::Classes(classes) => check_labels(place, column, 0, classes),
            TaskKind::Labels(labels) => check_binary(place, column, labels),
        }
    }

    /// Outputs of the task that have no training sample: classes that never occur.
    pub(super) fn empty_classes(&self, train: &Split) -> Vec<usize> {
        let (TaskKind::Classes(classes), Some(labels)) =
            (self.kind, train.targets.get(self.target))
        else {
            return vec![];
        };
        let mut seen = vec![false; classes];
        labels
            .values()
            .for_each(|label| seen[label as usize] = true);
        (0..classes).filter(|class| !seen[*class]).collect()
    }
}

/// Checks that every value is 0 or 1.
fn check_binary(place: &str, column: &Column, labels: usize) -> Result<(), DataError> {
    match column
        .values()
        .enumerate()
        .find(|(_, v)| *v != 0.0 && *v != 1.0)
    {
        Some((at, value)) => Err(DataError::LabelRange {
            place: format!("{place}, column \"{}\"", column.spec.name),
            sample: at / labels,
            label: value as i64,
            first: 0,
            last: 1,
        }),
        None => Ok(()),
    }
}
