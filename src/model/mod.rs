//! Networks: named layers in a graph, their presets, their initialisation and their weights.

pub mod graph;
pub mod init;
pub mod layers;
pub mod metric;
pub mod parameter;
pub mod presets;
pub mod weights;

pub use graph::{Loss, Network, Node, NodeKind, Value};
pub use layers::{Backward, Forward, GradientTarget, Layer, Phase};
pub use metric::{Metric, MetricValue};
pub use parameter::{ParameterKind, ParameterLayout, ParameterSpec};

/// A network that cannot be built.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ModelError {
    /// No preset has the name.
    #[error("no network is named {name:?}; choose one of {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// The presets.
        known: String,
    },
    /// A layer does not fit what it is given.
    #[error("layer {layer:?} does not fit: {why}")]
    Misfit {
        /// The layer's name.
        layer: String,
        /// What does not fit, and what would.
        why: String,
    },
    /// Two layers have one name.
    #[error(
        "two layers are named {name:?}; give each its own name, for its parameters are stored under it"
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
    /// No task has the name, or none is named and there are several.
    #[error("{}: choose one of {known}", match name {
        Some(name) => format!("the network has no task {name:?}"),
        None => "the network has several tasks and the target names none".to_owned(),
    })]
    UnknownTask {
        /// What was asked for.
        name: Option<String>,
        /// The tasks.
        known: String,
    },
    /// No metric has the name.
    #[error("no metric is named {name:?}: choose one of {known}")]
    UnknownMetric {
        /// What was asked for.
        name: String,
        /// The metrics.
        known: String,
    },
    /// No loss was attached.
    #[error("the network has no loss; attach one with Network::cross_entropy")]
    NoLoss,
}
