use crate::data::DataError;
use crate::device::DeviceError;
use crate::model::ModelError;
use crate::model::weights::WeightsError;

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
    /// The weights do not fit the network.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The batch is empty or larger than the data set.
    #[error(
        "the batch size must be between 1 and the {samples} training samples, got {batch}: choose a batch size in that range"
    )]
    Batch {
        /// The batch size.
        batch: u32,
        /// Training samples.
        samples: usize,
    },
    /// The network reads or predicts what the data set does not hold.
    #[error("the network does not fit the data set {data:?}: {why}")]
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
    /// A tensor is larger than the device can bind.
    #[error(
        "tensor {tensor:?} needs {bytes} bytes, but this device binds at most {limit} at once: choose a smaller batch \
         size or network, or an adapter with a larger limit"
    )]
    TooLarge {
        /// Its name.
        tensor: String,
        /// Bytes that it needs.
        bytes: u64,
        /// Bytes that the device can bind.
        limit: u64,
    },
    /// The device profile is for subgroups that this device does not have.
    #[error(
        "profile {profile:?} needs a software device whose subgroups have {needed} lanes, and this device has {found}: \
         leave --profile out, or set texel in the profile to match (wattgrad doctor -v)"
    )]
    Lanes {
        /// Name of the profile.
        profile: String,
        /// Lanes of the profile.
        needed: u32,
        /// Lanes of the device, in words.
        found: String,
    },
    /// A kernel needs more workgroups than any device runs.
    #[error("kernel {why}")]
    Grid {
        /// Which kernel, what it needs, and what to change.
        why: String,
    },
    /// A batch spans more shards than can be bound at once.
    #[error(
        "a batch of {batch} samples spans more than four shards of {samples} samples: raise the shard limit or lower \
         the batch size"
    )]
    Shards {
        /// The batch size.
        batch: u32,
        /// Samples of a shard.
        samples: usize,
    },
    /// The state of a snapshot has another layout.
    #[error(
        "the state has {found} words and not {expected}, as another version of wattgrad or other options write it: \
         continue with that version, or start again"
    )]
    State {
        /// Words of the snapshot.
        found: usize,
        /// Words of this program.
        expected: usize,
    },
    /// The thread that reads a streamed data set has ended.
    #[error(
        "the thread that reads the data set has ended: report this as a bug, and train without --data-window"
    )]
    Stream,
    /// The augmentation does not suit the samples.
    #[error("the samples of {data:?} {why}")]
    Augmentation {
        /// Name of the data set.
        data: String,
        /// What does not fit, as a predicate, and what to do.
        why: String,
    },
    /// A batch spans more than a bank of the data window.
    #[error(
        "a batch of {batch} samples does not fit the data window, which is read in shards of {samples} samples: raise \
         --data-window or lower the batch size"
    )]
    DataWindow {
        /// The batch size.
        batch: u32,
        /// Samples of a shard.
        samples: usize,
    },
    /// A shader could not be composed: a kernel definition or an edited shader file is wrong.
    #[error("cannot compose a kernel: {why}: correct the shader file, or unset WATTGRAD_SHADERS")]
    Compose {
        /// Which kernel, and what is wrong.
        why: String,
    },
}
