//! Data sets: readers that know no model and no device.
//!
//! [`Dataset::open`] reads Fashion-MNIST, MNIST, EMNIST or the embedded digits, [`Dataset::from_arrays`] takes a user's
//! own numbers. A data set is two [`Split`]s of [`Column`]s, each a [`Field`] and its bytes; [`Column::shards`] divides
//! one into pieces that fit a device's bindings, and [`permute`] says in which order an epoch visits the samples.
mod column;
mod dataset;
mod digits;
mod error;
mod folder;
mod idx;
mod locate;
mod order;

pub use column::{Column, Dtype, Field, Shard, Split};
pub use dataset::{Arrays, Dataset, Values};
pub use error::DataError;
pub use idx::{IdxArray, read_idx};
pub use locate::{Found, Places, locate, locate_in};
pub use order::{ROUNDS, half_bits, mix, permute};
