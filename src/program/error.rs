use crate::data::DataError;
use crate::device::DeviceError;
use crate::model::ModelError;

/// A program that cannot be built or run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// The device failed.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The network cannot be built.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The data set cannot be used.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Weights that do not fit the network.
    #[error(transparent)]
    Weights(#[from] crate::model::weights::WeightsError),
    /// A batch of no sample, or of more than there are.
    #[error(
        "a batch of {batch} does not fit {samples} training samples; choose a batch size from 1 to {samples}"
    )]
    Batch {
        /// The batch size.
        batch: u32,
        /// Training samples.
        samples: usize,
    },
    /// The network reads or predicts what the data set does not hold.
    #[error("the network and the data set {data:?} do not fit: {why}")]
    Fit {
        /// Name of the data set.
        data: String,
        /// What does not fit.
        why: String,
    },
    /// A parameter belongs to a group that the options do not define.
    #[error(
        "parameter {parameter:?} is in parameter group {group}, but only {groups} groups are defined: define the \
         group, or put the parameter into another"
    )]
    Group {
        /// Its name.
        parameter: String,
        /// Index of its group.
        group: u32,
        /// How many groups there are.
        groups: usize,
    },
    /// A tensor larger than the device can bind.
    #[error(
        "tensor {tensor:?} needs {bytes} bytes and this device binds at most {limit} at once; choose a smaller batch \
         size or network, or an adapter with a larger limit"
    )]
    TooLarge {
        /// Its name.
        tensor: String,
        /// What it needs.
        bytes: u64,
        /// What the device can.
        limit: u64,
    },
    /// A kernel larger than any device runs.
    #[error("kernel {why}")]
    Grid {
        /// Which one, what it needs, and how to mend it.
        why: String,
    },
    /// A batch that does not fit the shards bound at once.
    #[error(
        "a batch of {batch} samples spans more than four shards of {samples}; raise the shard limit or lower the batch size"
    )]
    Shards {
        /// The batch size.
        batch: u32,
        /// Samples of a shard.
        samples: usize,
    },
    /// A shader could not be filled: a fault of a definition or of an edited shader file.
    #[error(
        "a kernel could not be composed: {why}; mend the shader file, or unset WATTGRAD_SHADERS"
    )]
    Compose {
        /// What is wrong.
        why: String,
    },
}
