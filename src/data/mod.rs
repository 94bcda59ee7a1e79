//! Datasets, independent of models and devices.
//!
//! [`Dataset::open`] reads a dataset by name or folder, [`Dataset::from_arrays`] takes arrays in memory. A dataset is two
//! [`Split`]s of [`Column`]s; [`Column::shards`] divides a column into pieces that fit a device's bindings, and
//! [`permute`] gives the order in which an epoch visits the samples.
//!
//! A format of data folders is a `Reader` in a file of its own and a line in `locate::READERS`.
mod arrays;
mod augmentation;
mod bytes;
mod cifar;
mod column;
mod dataset;
mod digits;
mod error;
mod idx;
mod idx_folder;
mod images;
mod locate;
mod normalisation;
mod open;
mod options;
mod order;
mod pamap2;
mod parts;
mod reader;
mod size;
mod subset;
mod synthetic;
mod task;
mod ts;

pub use arrays::read_npy;
pub use augmentation::{Augmentation, AugmentationError, Changes};
pub use bytes::Bytes;
pub use column::{Column, ColumnSpec, Dtype, Shard, Split};
pub use dataset::{Arrays, Dataset, InputValues};
pub use error::DataError;
pub use idx::{IdxArray, read_idx};
pub use locate::{DataLocation, SearchPaths, locate};
pub use normalisation::Normalisation;
pub use options::{DataOptions, ReadProgress};
pub use order::{ROUNDS, half_bits, mix, permute};
pub use parts::Parts;
pub use size::{ByteSize, ByteSizeError};
pub use task::{Task, TaskKind};
