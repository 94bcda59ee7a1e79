//! Windows: which shards of the data set a gather binds together, and which samples are shuffled among themselves.

use super::data::ShardedColumn;
use super::{Order, ProgramOptions};
use crate::kernels::batch::{BatchOrder, Mode, Shards};

/// Shards that a gather binds at once.
pub(super) const BOUND: usize = 4;

/// Samples that the device puts in order, and the first of the four shards that hold them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Window {
    shard: usize,
    first: usize,
    samples: usize,
}

/// The windows of a data set. Up to four shards: one, of all. More, in sequence: one a shard, the four from a batch's first
/// shard on. More, shuffled: whole batches in equal parts that lie in four shards each, whose order the host shuffles and
/// within which the device does; what makes no whole batch is in the last of them.
#[derive(Clone, Debug)]
pub(super) struct Windows {
    samples: usize,
    per: usize,
    windows: Vec<Window>,
}

impl Windows {
    /// Of `samples` in shards of `per`, read in batches of `batch`, which any four neighbouring shards can hold.
    pub fn new(samples: usize, per: usize, batch: usize, sequential: bool) -> Windows {
        let all = |shard| Window {
            shard,
            first: 0,
            samples,
        };
        let shards = samples.div_ceil(per);
        let windows = match (shards > BOUND, sequential) {
            (false, _) => vec![all(0)],
            (true, true) => (0..shards).map(all).collect(),
            (true, false) => shuffled(samples, per, batch),
        };
        Windows {
            samples,
            per,
            windows,
        }
    }

    /// How many windows there are.
    pub fn count(&self) -> usize {
        self.windows.len()
    }

    /// Steps that a window of a shuffle gives an epoch.
    pub fn steps(&self, window: usize, batch: u32) -> u32 {
        (self.windows[window].samples / batch as usize) as u32
    }

    /// Whole batches of an epoch.
    pub fn steps_per_epoch(&self, batch: u32) -> u32 {
        (self.samples / batch as usize) as u32
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
        let Window { first, samples, .. } = self.windows[window];
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
        let from = self.windows[window].shard;
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

/// As few equal parts of whole batches as lie in four shards each.
fn shuffled(samples: usize, per: usize, batch: usize) -> Vec<Window> {
    let batches = samples / batch;
    let end = |shard: usize| (shard + BOUND) * per;
    let divide = |parts: usize| -> Vec<Window> {
        let start = |part: usize| match part == parts {
            true => samples,
            false => batches * part / parts * batch,
        };
        (0..parts)
            .map(|part| Window {
                shard: start(part) / per,
                first: start(part),
                samples: start(part + 1) - start(part),
            })
            .collect()
    };
    for parts in samples.div_ceil(BOUND * per)..=batches {
        let windows = divide(parts);
        if windows.iter().all(|w| w.first + w.samples <= end(w.shard)) {
            return windows;
        }
    }
    // Parts of one batch, the last of which cannot hold what makes no whole batch too.
    let mut windows = divide(batches);
    for window in &mut windows {
        window.samples = window.samples.min(end(window.shard) - window.first);
    }
    windows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_of_a_shuffle_hold_every_whole_batch_within_four_shards() {
        for per in 1..=9 {
            for samples in 4 * per + 1..=13 * per {
                for batch in 1..=(3 * per + 1).min(samples) {
                    let windows = Windows::new(samples, per, batch, false);
                    let case = format!("{samples} in shards of {per}, batches of {batch}");
                    let mut at = 0;
                    let mut steps = 0;
                    for (number, window) in windows.windows.iter().enumerate() {
                        assert_eq!(window.first, at, "{case}");
                        at += window.samples;
                        let shards = (at - 1) / per - window.shard + 1;
                        assert!(window.first / per == window.shard && shards <= 4, "{case}");
                        let last = number + 1 == windows.count();
                        assert!(last || window.samples.is_multiple_of(batch), "{case}");
                        assert!(windows.steps(number, batch as u32) > 0, "{case}");
                        steps += windows.steps(number, batch as u32);
                    }
                    assert!(samples - at < batch, "{case}");
                    assert_eq!(steps, windows.steps_per_epoch(batch as u32), "{case}");
                    assert_eq!(steps as usize, samples / batch, "{case}");
                    // Where batches are small, all samples take part in the shuffle.
                    assert!(at == samples || 2 * batch > 3 * per, "{case}");
                }
            }
        }
    }

    #[test]
    fn shards_of_whole_batches_are_shuffled_by_four() {
        let windows = Windows::new(800, 100, 50, false);
        assert_eq!(windows.count(), 2);
        assert_eq!(windows.windows[1].shard, 4);
        assert_eq!(Windows::new(400, 100, 50, false).count(), 1);
    }
}
