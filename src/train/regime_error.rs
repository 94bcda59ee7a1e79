use crate::optim::{OptimError, ScheduleError};

/// A choice of a regime or a goal is invalid.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RegimeError {
    /// A batch size is 0.
    #[error("the {what} must be at least 1, got 0")]
    BatchZero {
        /// Which batch size.
        what: &'static str,
    },
    /// A batch size is larger than the data set.
    #[error("the {what} must be at most {samples}, the samples of {data:?}, got {batch}")]
    BatchAboveData {
        /// Which batch size.
        what: &'static str,
        /// The size given.
        batch: u32,
        /// Number of samples.
        samples: usize,
        /// Name of the data set.
        data: String,
    },
    /// The preset has no choice of stems.
    #[error("{model} has no choice of stems: leave the stem out, or use it with resnet18")]
    Stem {
        /// The preset.
        model: String,
    },
    /// The classes are no numbers and ranges.
    #[error("classes are numbers and ranges of numbers, such as 0-4 or 0,3,5, got {given:?}")]
    Classes {
        /// The text given.
        given: String,
    },
    /// A list of numbers is none.
    #[error("expected numbers separated by commas, such as 1,0.5, got {given:?}")]
    Numbers {
        /// The text given.
        given: String,
    },
    /// A list has not one value for each task.
    #[error(
        "{flag} needs one value for each of the {tasks} tasks, in the order of --tasks, got {given}"
    )]
    PerTask {
        /// The flag.
        flag: &'static str,
        /// Number of tasks.
        tasks: usize,
        /// Number of values.
        given: usize,
    },
    /// The weight of a task is invalid.
    #[error("the weight of a task must be above 0, got {weight}")]
    TaskWeight {
        /// The value given.
        weight: f64,
    },
    /// A task is listed twice.
    #[error("--tasks lists {task:?} twice: list each task once")]
    TaskTwice {
        /// The task.
        task: String,
    },
    /// The share of the training samples is out of range.
    #[error(
        "the share of the training samples must be above 0 and at most 1, such as 0.1, got {share}"
    )]
    TrainFraction {
        /// The value given.
        share: f64,
    },
    /// No origin of initial weights has this name.
    #[error("unknown origin of initial weights {given:?}: choose scratch or pretrained")]
    UnknownInit {
        /// The name given.
        given: String,
    },
    /// No weights of classes have this name.
    #[error("unknown class weights {given:?}: choose none or balanced")]
    UnknownClassWeights {
        /// The name given.
        given: String,
    },
    /// Classes are to be balanced, and there are none.
    #[error(
        "--class-weights balanced weighs classes and labels, but every loss is a mean squared error: leave it out"
    )]
    NothingToBalance,
    /// The initial weights are to be pretrained, and there are none.
    #[error(
        "pretrained initial weights need a file or a run: give --init-weights FILE, or in a study file a [pretrain] table"
    )]
    NoPretrained,
    /// Weights are given to a run that is to start from scratch.
    #[error("--init scratch takes no weights: leave --init-weights out, or use --init pretrained")]
    ScratchWithWeights,
    /// A choice needs pretrained weights.
    #[error(
        "{flag} chooses among pretrained weights: add --init-weights FILE, or leave {flag} out"
    )]
    NeedsWeights {
        /// The flag.
        flag: &'static str,
    },
    /// The epochs until unfreezing are invalid.
    #[error(
        "--unfreeze-at takes a finite number of epochs above 0, such as 1, and needs --freeze, got {epochs}"
    )]
    UnfreezeAt {
        /// The value given.
        epochs: f64,
    },
    /// No batch makes a step.
    #[error("the batches accumulated in a step must be at least 1, got 0")]
    AccumulateZero,
    /// A loss scale without f16.
    #[error(
        "only the precision f16 scales the loss: give --precision f16 too, or leave out --loss-scale"
    )]
    LossScale,
    /// A learning rate or norm is out of range.
    #[error("{what} must be a finite number above 0, got {value}")]
    Positive {
        /// Name of the choice.
        what: &'static str,
        /// The value given.
        value: f64,
    },
    /// A choice of the schedule is invalid.
    #[error(transparent)]
    Schedule(#[from] ScheduleError),
    /// A learning-rate range test cannot be made.
    #[error("{what}")]
    Sweep {
        /// What is invalid, and what to do.
        what: String,
    },
    /// No order has this name.
    #[error("unknown order {given:?}: choose shuffled or sequential")]
    UnknownOrder {
        /// The name given.
        given: String,
    },
    /// The interval between evaluations is invalid.
    #[error(
        "the epochs between evaluations must be a finite number above 0, such as 0.5, got {eval_every}"
    )]
    EvalEvery {
        /// The value given.
        eval_every: f64,
    },
    /// The target is not an accuracy.
    #[error("the target accuracy must be between 0 and 1, got {target}: write 85 % as 0.85")]
    Target {
        /// The value given.
        target: f64,
    },
    /// A hyperparameter of the optimizer is invalid.
    #[error(transparent)]
    Optimizer(#[from] OptimError),
    /// A goal is invalid.
    #[error("{what}")]
    Goal {
        /// What is invalid, and what to do.
        what: String,
    },
    /// The label smoothing is out of range.
    #[error("the label smoothing must be at least 0 and below 1, such as 0.1, got {share}")]
    LabelSmoothing {
        /// The value given.
        share: f64,
    },
    /// A preset cannot read samples of this shape.
    #[error(
        "presets read samples of 1 to 3 dimensions (channels, rows, columns), got {shape:?}: reshape the samples, or \
         build a network of your own"
    )]
    SampleShape {
        /// The shape of one sample.
        shape: Vec<usize>,
    },
}
