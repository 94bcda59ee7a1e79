//! Which samples the next batch holds.

use crate::kernels::elementwise::lanes_grid;
use crate::kernels::{Dispatch, List, Tensor, Tuning};

/// Words of a batch before its first sample; word 0 says how many rows are valid, the others are zero.
pub const BATCH_HEADER: u32 = 4;
/// What stands in place of a sample in a row that is not valid.
pub const NO_SAMPLE: u32 = u32::MAX;

/// Quads of the u32 buffer of a batch of `size` rows.
pub const fn batch_quads(size: u32) -> u64 {
    (BATCH_HEADER + size).div_ceil(4) as u64
}

/// How positions become samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// The window's samples in their order.
    Sequential,
    /// The window's samples in an order of their own for every seed and epoch: [`crate::data::permute`].
    Shuffled,
    /// The window's samples in their order, counted by the evaluation's batches.
    Evaluate,
}

/// Where batches come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BatchOrder {
    /// How positions become samples.
    pub mode: Mode,
    /// Samples of the window.
    pub samples: u32,
    /// The window's first sample.
    pub first: u32,
    /// Rows of a batch.
    pub size: u32,
    /// Key of the shuffle.
    pub seed: u32,
}

/// Appends the choice of the next batch, by the counters in `state`: `batch` (u32, [`batch_quads`]) becomes the number of
/// valid rows, three zeros, and a sample a row, [`NO_SAMPLE`] where the window has no more.
pub fn order(
    list: &mut List,
    tuning: &Tuning,
    label: &str,
    state: Tensor,
    batch: Tensor,
    order: BatchOrder,
) {
    let mut d = Dispatch::new(label, "batch/order");
    let mode = match order.mode {
        Mode::Sequential => 0,
        Mode::Shuffled => 1,
        Mode::Evaluate => 2,
    };
    d.constants = vec![("W", tuning.lanes), ("MODE", mode)];
    d.operands = vec![("state", state), ("batch", batch)];
    d.sizes = vec![order.samples, order.first, order.size, order.seed];
    d.grid = lanes_grid(order.size, tuning);
    list.push(d);
}
