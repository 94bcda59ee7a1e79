//! Networks: graphs of named layers, presets, initialisation, weights and metrics.

pub mod graph;
pub mod init;
pub mod layers;
pub mod loss;
pub mod metric;
pub mod network_file;
pub mod parameter;
pub mod pattern;
pub mod presets;
pub mod weights;

pub use graph::{Network, Node, NodeKind, Value};
pub use layers::{Backward, Forward, GradientTarget, Layer, Phase};
pub use loss::{Loss, LossKind};
pub use metric::{Metric, MetricValue};
pub use parameter::{ParameterKind, ParameterLayout, ParameterSpec};

/// Why a network cannot be built or used.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ModelError {
    /// No preset has the name.
    #[error(
        "unknown network {name:?}: choose one of {known}, or give a network file that ends in .toml"
    )]
    Unknown {
        /// The name.
        name: String,
        /// The presets.
        known: String,
    },
    /// A network file cannot be read.
    #[error(
        "cannot read the network file {path:?} ({why}): check that the file exists and that you may read it"
    )]
    ReadFile {
        /// The file.
        path: String,
        /// The system's reason.
        why: String,
    },
    /// A mistake in a network file.
    #[error("{file}:{line}: {what}")]
    File {
        /// The file as it was given.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong, and what to do.
        what: String,
    },
    /// No stem has the name.
    #[error("unknown stem {name:?}: choose imagenet or small")]
    UnknownStem {
        /// The name.
        name: String,
    },
    /// A pattern matches no parameter.
    #[error("{pattern:?} matches no parameter of the network: its layers are {known}")]
    NoParameter {
        /// The pattern.
        pattern: String,
        /// The layers with parameters.
        known: String,
    },
    /// Nothing is left to train.
    #[error("every parameter of the network is frozen: freeze fewer")]
    AllFrozen,
    /// A layer does not fit its inputs.
    #[error("layer {layer:?} does not fit its inputs: {why}")]
    Misfit {
        /// The layer's name.
        layer: String,
        /// The reason.
        why: String,
    },
    /// Two layers have one name.
    #[error(
        "two layers are named {name:?}: give each its own name, under which its parameters are stored"
    )]
    Duplicate {
        /// The name.
        name: String,
    },
    /// Two tasks have one name.
    #[error("two tasks are named {name:?}: give each loss its own task name")]
    DuplicateTask {
        /// The name.
        name: String,
    },
    /// No task has the name.
    #[error("the network has no task {name:?}: choose one of {known}")]
    UnknownTask {
        /// The task of the target.
        name: String,
        /// The tasks.
        known: String,
    },
    /// The numbers of a loss are wrong.
    #[error("the loss of task {task:?}: {why}")]
    Loss {
        /// The task.
        task: String,
        /// What is wrong.
        why: String,
    },
    /// A task does not have the metric.
    #[error("task {task:?} has no metric {metric}: choose one of {known}")]
    MetricOfTask {
        /// The task.
        task: String,
        /// The metric.
        metric: Metric,
        /// Its metrics.
        known: String,
    },
    /// No metric has the name.
    #[error("unknown metric {name:?}: choose one of {known}")]
    UnknownMetric {
        /// The name.
        name: String,
        /// The metrics.
        known: String,
    },
    /// The network has no loss.
    #[error("the network has no loss: add one with Network::cross_entropy")]
    NoLoss,
}
