//! The resident data set: its columns as shards, and the windows of up to four shards that a gather binds.

use super::{Order, ProgramError, ProgramOptions};
use crate::data::{Column, Dtype, Shard, Split};
use crate::kernels::batch::{BatchOrder, Mode, Shards};
use crate::kernels::{List, Role, Tensor};

/// Shards that a gather binds at once.
const BOUND: usize = 4;

/// A column's shards on the device.
#[derive(Debug)]
pub(super) struct ShardedColumn {
    pub dtype: Dtype,
    pub shards: Vec<(Tensor, Shard)>,
}

/// A split's columns, all cut at the same samples.
#[derive(Debug)]
pub(super) struct Feed {
    pub inputs: Vec<ShardedColumn>,
    pub targets: Vec<ShardedColumn>,
    pub windows: Windows,
}

impl Feed {
    /// Cuts a split into shards of at most `limit` bytes.
    pub fn new(
        list: &mut List,
        name: &str,
        split: &Split,
        options: &ProgramOptions,
        limit: u64,
        evaluate: bool,
    ) -> Result<Feed, ProgramError> {
        let words = limit & !3;
        let columns = || split.inputs.iter().chain(&split.targets);
        let per = columns()
            .map(|c| words / (c.field.sample_bytes() as u64).max(1))
            .min()
            .unwrap_or(0)
            .min(split.len as u64);
        if per == 0 {
            // The column whose single sample is too large says so itself.
            for column in columns() {
                column.shards(limit)?;
            }
        }
        let per = (per as usize).max(1);
        let mut cut = |kind: &str, columns: &[Column]| -> Vec<ShardedColumn> {
            let sharded = columns.iter().map(|column| {
                let size = column.field.sample_bytes();
                let shards = (0..split.len).step_by(per).enumerate().map(|(at, first)| {
                    let len = per.min(split.len - first);
                    let shard = Shard {
                        first,
                        len,
                        bytes: first * size..(first + len) * size,
                    };
                    let quads = (len * size).div_ceil(16) as u64;
                    (
                        list.buffer(
                            format!("{name} {kind} {} shard {at}", column.field.name),
                            Role::Data,
                            quads,
                        ),
                        shard,
                    )
                });
                ShardedColumn {
                    dtype: column.field.dtype,
                    shards: shards.collect(),
                }
            });
            sharded.collect()
        };
        let inputs = cut("input", &split.inputs);
        let targets = cut("target", &split.targets);
        let shards: Vec<(usize, usize)> = (0..split.len)
            .step_by(per)
            .map(|first| (first, per.min(split.len - first)))
            .collect();
        let batch = if evaluate {
            options.eval_batch_size
        } else {
            options.batch_size
        };
        let sequential = evaluate || options.order == Order::Sequential;
        if sequential && shards.len() > BOUND && batch as usize > (BOUND - 1) * per + 1 {
            return Err(ProgramError::Shards {
                batch,
                samples: per,
            });
        }
        Ok(Feed {
            inputs,
            targets,
            windows: Windows {
                samples: split.len,
                per,
                shards: shards.len(),
                sequential,
            },
        })
    }
}

/// Which shards are bound together. Up to four: all of them. More, in sequence: the four from a batch's first shard on.
/// More, shuffled: groups of four, whose order the host shuffles and within which the device does.
#[derive(Clone, Debug)]
pub(super) struct Windows {
    samples: usize,
    per: usize,
    shards: usize,
    sequential: bool,
}

impl Windows {
    /// How many windows there are.
    pub fn count(&self) -> usize {
        match (self.shards > BOUND, self.sequential) {
            (false, _) => 1,
            (true, true) => self.shards,
            (true, false) => self.shards.div_ceil(BOUND),
        }
    }

    /// First shard of a window.
    fn first_shard(&self, window: usize) -> usize {
        if self.sequential || self.count() == 1 {
            window
        } else {
            window * BOUND
        }
    }

    /// First sample of a window and how many it shuffles.
    pub fn span(&self, window: usize) -> (usize, usize) {
        if self.sequential || self.count() == 1 {
            return (0, self.samples);
        }
        let first = self.first_shard(window) * self.per;
        (first, (BOUND * self.per).min(self.samples - first))
    }

    /// Steps that a window gives an epoch.
    pub fn steps(&self, window: usize, batch: u32) -> u32 {
        (self.span(window).1 / batch as usize) as u32
    }

    /// Whole batches of an epoch.
    pub fn steps_per_epoch(&self, batch: u32) -> u32 {
        if self.sequential {
            (self.samples / batch as usize) as u32
        } else {
            (0..self.count()).map(|w| self.steps(w, batch)).sum()
        }
    }

    /// The window of a batch of a sequence.
    pub fn of_sample(&self, first: usize) -> usize {
        if self.count() == 1 {
            0
        } else {
            first / self.per
        }
    }

    /// How the order kernel fills the batch in a window.
    pub fn order(&self, window: usize, options: &ProgramOptions, evaluate: bool) -> BatchOrder {
        let (first, samples) = self.span(window);
        let mode = match (evaluate, options.order) {
            (true, _) => Mode::Evaluate,
            (false, Order::Sequential) => Mode::Sequential,
            (false, Order::Shuffled) => Mode::Shuffled,
        };
        let size = if evaluate {
            options.eval_batch_size
        } else {
            options.batch_size
        };
        BatchOrder {
            mode,
            samples: samples as u32,
            first: first as u32,
            size,
            seed: options.seed,
        }
    }

    /// The shards of a column that a window binds and the first sample of each; where there are fewer than four, the
    /// last is bound again for no sample.
    pub fn shards(&self, window: usize, column: &ShardedColumn) -> Shards {
        let from = self.first_shard(window);
        let bound = &column.shards[from..(from + BOUND).min(column.shards.len())];
        let last = &bound[bound.len() - 1];
        let end = (last.1.first + last.1.len) as u32;
        let mut bounds = [end; 5];
        let mut tensors = [last.0; 4];
        for (at, (tensor, shard)) in bound.iter().enumerate() {
            tensors[at] = *tensor;
            bounds[at] = shard.first as u32;
        }
        Shards {
            tensors,
            bounds,
            dtype: column.dtype,
        }
    }
}
