//! Choices that no run can be made of; each message is one sentence that ends with a way out.

use crate::optim::OptimError;

/// A choice that no run can be made of.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RegimeError {
    /// A batch without samples.
    #[error("a {what} of 0 trains nothing: give at least 1")]
    BatchZero {
        /// Which batch size.
        what: &'static str,
    },
    /// A batch with more samples than there are.
    #[error(
        "a {what} of {batch} is above the {samples} samples of {data:?}: give at most {samples}"
    )]
    BatchAboveData {
        /// Which batch size.
        what: &'static str,
        /// The size given.
        batch: u32,
        /// Samples there are.
        samples: usize,
        /// Name of the data set.
        data: String,
    },
    /// No order has this name.
    #[error("there is no order {given:?}: choose shuffled or sequential")]
    UnknownOrder {
        /// What was given.
        given: String,
    },
    /// Epochs between evaluations that are no stretch of training.
    #[error(
        "an evaluation every {eval_every} epochs cannot be: give a finite number above 0, such as 0.5"
    )]
    EvalEvery {
        /// The value given.
        eval_every: f64,
    },
    /// A target that no accuracy can be held against.
    #[error("a target accuracy of {target} is outside 0 to 1: write 86 % as 0.86")]
    Target {
        /// The value given.
        target: f64,
    },
    /// A value the update rule cannot work with.
    #[error(transparent)]
    Optimizer(#[from] OptimError),
    /// A goal that no run can be held to.
    #[error("{what}")]
    Goal {
        /// What cannot be, and what can.
        what: String,
    },
    /// Smoothing that leaves a label no weight, or too much.
    #[error("a label smoothing of {share} cannot be: give at least 0 and less than 1, such as 0.1")]
    LabelSmoothing {
        /// The share given.
        share: f64,
    },
    /// Samples that are no image and no vector.
    #[error(
        "samples of shape {shape:?} cannot be read by a preset: give 1 to 3 dimensions (channels, rows, columns)"
    )]
    SampleShape {
        /// The shape of one sample.
        shape: Vec<usize>,
    },
}
