//! The data set on the device: its columns, cut into shards, all of them resident or the few of a ring that is refilled.

use super::windows::{BOUND, ShardWindows};
use super::{Order, ProgramError, ProgramOptions};
use crate::data::{Column, Dtype, Shard, Split};
use crate::kernels::batch::Shards;
use crate::kernels::{List, Role, Tensor};

/// Banks of a ring: one is read while the other is filled.
pub(super) const BANKS: usize = 2;

#[derive(Debug)]
pub(super) struct ShardedColumn {
    pub dtype: Dtype,
    pub shards: Vec<Shard>,
    /// A tensor per shard, or those of the banks, one bank after another.
    pub tensors: Vec<Tensor>,
    streamed: bool,
}

impl ShardedColumn {
    /// The tensor that holds shard `from + at` of a window that begins with shard `from`.
    pub fn tensor(&self, from: usize, at: usize, bank: usize) -> Tensor {
        match self.streamed {
            true => self.tensors[bank * BOUND + at],
            false => self.tensors[from + at],
        }
    }

    /// The shards that a window binds.
    pub fn of_window(&self, windows: &ShardWindows, window: usize) -> &[Shard] {
        let from = windows.first_shard(window);
        &self.shards[from..(from + BOUND).min(self.shards.len())]
    }

    /// The shards that a window binds, and the first sample of each. With fewer than four shards the last is
    /// bound again, for no samples.
    pub fn bound(&self, windows: &ShardWindows, window: usize, bank: usize) -> Shards {
        let from = windows.first_shard(window);
        let bound = self.of_window(windows, window);
        let last = &bound[bound.len() - 1];
        let end = (last.first + last.len) as u32;
        let mut bounds = [end; 5];
        let mut tensors = [self.tensor(from, bound.len() - 1, bank); 4];
        for (at, shard) in bound.iter().enumerate() {
            tensors[at] = self.tensor(from, at, bank);
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
    pub streamed: bool,
}

impl ShardedSplit {
    /// Cuts a split into shards of at most `limit` bytes. With `ring` they are not resident, but share that many bytes.
    pub fn new(
        list: &mut List,
        name: &str,
        split: &Split,
        options: &ProgramOptions,
        limit: u64,
        ring: Option<u64>,
        evaluate: bool,
    ) -> Result<ShardedSplit, ProgramError> {
        let words = limit & !3;
        let columns = || split.inputs.iter().chain(&split.targets);
        let mut per = columns()
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
        if let Some(bytes) = ring {
            let sample: u64 = columns().map(|c| c.spec.sample_bytes() as u64).sum();
            per = per.min(bytes / ((BANKS * BOUND) as u64 * sample.max(1)));
        }
        let per = (per as usize).max(1);
        let mut cut = |kind: &str, columns: &[Column]| -> Vec<ShardedColumn> {
            let sharded = columns.iter().map(|column| {
                let size = column.spec.sample_bytes();
                let shards: Vec<Shard> = (0..split.len)
                    .step_by(per)
                    .map(|first| {
                        let len = per.min(split.len - first);
                        Shard {
                            first,
                            len,
                            bytes: first * size..(first + len) * size,
                        }
                    })
                    .collect();
                let mut tensor = |at: usize, len: usize| {
                    let quads = ((len * size) as u64).div_ceil(Dtype::I32.quad_bytes());
                    let name = format!("{name} {kind} {} shard {at}", column.spec.name);
                    list.integers(name, Role::Data, quads)
                };
                let tensors = match ring.is_some() {
                    true => (0..BANKS * BOUND).map(|at| tensor(at, per)).collect(),
                    false => {
                        let shards = shards.iter().enumerate();
                        shards.map(|(at, shard)| tensor(at, shard.len)).collect()
                    }
                };
                ShardedColumn {
                    dtype: column.spec.dtype,
                    shards,
                    tensors,
                    streamed: ring.is_some(),
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
            return Err(match ring {
                Some(_) => ProgramError::DataWindow {
                    batch,
                    samples: per,
                },
                None => ProgramError::Shards {
                    batch,
                    samples: per,
                },
            });
        }
        let sequential = evaluate || options.order == Order::Sequential;
        let windows = match ring.is_some() && sequential {
            true => ShardWindows::streamed(split.len, per, batch as usize),
            false => ShardWindows::new(split.len, per, batch as usize, sequential),
        };
        Ok(ShardedSplit {
            inputs,
            targets,
            windows,
            streamed: ring.is_some(),
        })
    }

    /// Banks in which the shards of a window may lie.
    pub fn banks(&self) -> usize {
        match self.streamed {
            true => BANKS,
            false => 1,
        }
    }
}

/// The bytes of the rings of the training and the test split where at most `bytes` of the data set may be on the device; no
/// ring for a split that stays resident.
pub(super) fn rings(bytes: Option<u64>, train: &Split, test: &Split) -> [Option<u64>; 2] {
    let size = |split: &Split| split.columns().map(|c| c.bytes.len() as u64).sum::<u64>();
    let (train, test) = (size(train), size(test));
    let Some(bytes) = bytes.filter(|bytes| train + test > *bytes) else {
        return [None, None];
    };
    // The test split stays where a quarter is enough for it.
    let quarter = bytes / 4;
    match test <= quarter {
        true => [Some(bytes - test), None],
        false if train <= bytes - quarter => [None, Some(bytes - train)],
        false => [Some(bytes - quarter), Some(quarter)],
    }
}
