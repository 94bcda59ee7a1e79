//! The data set on the device: its columns, cut into shards.

use super::windows::{BOUND, ShardWindows};
use super::{Order, ProgramError, ProgramOptions};
use crate::data::{Column, Dtype, Shard, Split};
use crate::kernels::batch::Shards;
use crate::kernels::{List, Role, Tensor};

#[derive(Debug)]
pub(super) struct ShardedColumn {
    pub dtype: Dtype,
    pub shards: Vec<(Tensor, Shard)>,
}

impl ShardedColumn {
    /// The shards that a window binds, and the first sample of each. With fewer than four shards the last is
    /// bound again, for no samples.
    pub fn bound(&self, windows: &ShardWindows, window: usize) -> Shards {
        let from = windows.first_shard(window);
        let bound = &self.shards[from..(from + BOUND).min(self.shards.len())];
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
            dtype: self.dtype,
        }
    }
}

/// The columns of a split, all cut at the same samples.
#[derive(Debug)]
pub(super) struct ShardedSplit {
    pub inputs: Vec<ShardedColumn>,
    pub targets: Vec<ShardedColumn>,
    pub windows: ShardWindows,
}

impl ShardedSplit {
    /// Cuts a split into shards of at most `limit` bytes.
    pub fn new(
        list: &mut List,
        name: &str,
        split: &Split,
        options: &ProgramOptions,
        limit: u64,
        evaluate: bool,
    ) -> Result<ShardedSplit, ProgramError> {
        let words = limit & !3;
        let columns = || split.inputs.iter().chain(&split.targets);
        let per = columns()
            .map(|c| words / (c.spec.sample_bytes() as u64).max(1))
            .min()
            .unwrap_or(0)
            .min(split.len as u64);
        if per == 0 {
            // Fails for the column whose single sample is too large.
            for column in columns() {
                column.shards(limit)?;
            }
        }
        let per = (per as usize).max(1);
        let mut cut = |kind: &str, columns: &[Column]| -> Vec<ShardedColumn> {
            let sharded = columns.iter().map(|column| {
                let size = column.spec.sample_bytes();
                let shards = (0..split.len).step_by(per).enumerate().map(|(at, first)| {
                    let len = per.min(split.len - first);
                    let shard = Shard {
                        first,
                        len,
                        bytes: first * size..(first + len) * size,
                    };
                    let quads = ((len * size) as u64).div_ceil(Dtype::I32.quad_bytes());
                    (
                        list.integers(
                            format!("{name} {kind} {} shard {at}", column.spec.name),
                            Role::Data,
                            quads,
                        ),
                        shard,
                    )
                });
                ShardedColumn {
                    dtype: column.spec.dtype,
                    shards: shards.collect(),
                }
            });
            sharded.collect()
        };
        let inputs = cut("input", &split.inputs);
        let targets = cut("target", &split.targets);
        let batch = if evaluate {
            options.eval_batch_size
        } else {
            options.step_samples()
        };
        let shards = split.len.div_ceil(per);
        if shards > BOUND && batch as usize > (BOUND - 1) * per + 1 {
            return Err(ProgramError::Shards {
                batch,
                samples: per,
            });
        }
        let sequential = evaluate || options.order == Order::Sequential;
        Ok(ShardedSplit {
            inputs,
            targets,
            windows: ShardWindows::new(split.len, per, batch as usize, sequential),
        })
    }
}
