//! Batches: which samples they hold, fetching them, and the counters that move from one to the next. All of it stays on
//! the device, so that steps can follow one another without the host.

mod finish;
mod gather;
pub mod order;
pub mod state;

pub use finish::{finish_evaluation, finish_micro_batch, finish_step};
pub use gather::{Shards, gather, gather_augmented, gather_labels};
pub use order::{BatchOrder, Mode, order};
