//! Shard windows: the shards of the data set that a gather binds together, whose samples are shuffled together.

use super::{Order, ProgramOptions};
use crate::kernels::batch::{BatchOrder, Mode};

/// Shards that a gather binds at once.
pub(super) const BOUND: usize = 4;

/// A run of samples that the device orders, and the first of the four shards that hold them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ShardWindow {
    shard: usize,
    first: usize,
    samples: usize,
}

/// The windows of a data set. Up to four shards make one window. More shards read in sequence make one window per shard,
/// which binds the four from a batch's first shard on. More shards read in shuffled order are divided into equal parts of
/// whole batches that lie in four shards each; the host shuffles the parts and the device shuffles within a part. The
/// samples that do not fill a batch are in the last part.
#[derive(Clone, Debug)]
pub(super) struct ShardWindows {
    samples: usize,
    per: usize,
    windows: Vec<ShardWindow>,
    /// Whether a window of sequential samples is a part of them, as of shuffled ones.
    streamed: bool,
}

impl ShardWindows {
    /// The windows of `samples` in shards of `per`, read in batches of `batch` that any four neighbouring shards can hold.
    pub fn new(samples: usize, per: usize, batch: usize, sequential: bool) -> ShardWindows {
        let all = |shard| ShardWindow {
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
        ShardWindows {
            samples,
            per,
            windows,
            streamed: false,
        }
    }

    /// The windows of samples that are read in sequence through a ring: parts of whole batches, the last with the rest, each
    /// as long as four shards allow.
    pub fn streamed(samples: usize, per: usize, batch: usize) -> ShardWindows {
        let mut windows = vec![];
        let mut first = 0;
        while first < samples {
            let shard = first / per;
            let room = (shard + BOUND) * per - first;
            let len = match room >= samples - first {
                true => samples - first,
                false => (room / batch).max(1) * batch,
            };
            windows.push(ShardWindow {
                shard,
                first,
                samples: len,
            });
            first += len;
        }
        ShardWindows {
            samples,
            per,
            windows,
            streamed: true,
        }
    }

    pub fn count(&self) -> usize {
        self.windows.len()
    }

    /// Steps of an epoch in a window of shuffled samples.
    pub fn steps(&self, window: usize, batch: u32) -> u32 {
        (self.windows[window].samples / batch as usize) as u32
    }

    /// Whole batches of an epoch.
    pub fn steps_per_epoch(&self, batch: u32) -> u32 {
        (self.samples / batch as usize) as u32
    }

    /// The window of the batch that begins at sample `first`, in sequential order.
    pub fn of_sample(&self, first: usize) -> usize {
        match self.streamed {
            true => self.windows.partition_point(|w| w.first <= first) - 1,
            false if self.count() == 1 => 0,
            false => first / self.per,
        }
    }

    /// The steps from the batch that begins at sample `first`, in sequential order, to the end of its window in a ring.
    pub fn steps_left(&self, first: usize, batch: u32) -> u32 {
        let window = &self.windows[self.of_sample(first)];
        ((window.first + window.samples - first) as u32).div_ceil(batch)
    }

    pub fn is_streamed(&self) -> bool {
        self.streamed
    }

    pub fn batch_order(
        &self,
        window: usize,
        options: &ProgramOptions,
        evaluate: bool,
    ) -> BatchOrder {
        let mode = match (evaluate, options.order) {
            (true, _) => Mode::Evaluate,
            (false, Order::Sequential) => Mode::Sequential,
            (false, Order::Shuffled) => Mode::Shuffled,
        };
        // In sequence a batch is anywhere; the window says which shards are bound.
        let ShardWindow { first, samples, .. } = match mode {
            Mode::Shuffled => self.windows[window],
            _ => ShardWindow {
                shard: 0,
                first: 0,
                samples: self.samples,
            },
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

    pub fn first_shard(&self, window: usize) -> usize {
        self.windows[window].shard
    }

    /// Whether the device moves from one epoch to the next itself; otherwise the host moves between windows.
    pub fn device_turns_epochs(&self, order: Order) -> bool {
        self.count() == 1 || order == Order::Sequential
    }
}

/// The fewest equal parts of whole batches such that each part lies in four shards.
fn shuffled(samples: usize, per: usize, batch: usize) -> Vec<ShardWindow> {
    let batches = samples / batch;
    let end = |shard: usize| (shard + BOUND) * per;
    let divide = |parts: usize| -> Vec<ShardWindow> {
        let start = |part: usize| match part == parts {
            true => samples,
            false => batches * part / parts * batch,
        };
        (0..parts)
            .map(|part| ShardWindow {
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
    // Parts of one batch; the last one has no room for the samples that do not fill a batch.
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
    fn shuffled_windows_hold_every_whole_batch_within_four_shards() {
        for per in 1..=9 {
            for samples in 4 * per + 1..=13 * per {
                for batch in 1..=(3 * per + 1).min(samples) {
                    let windows = ShardWindows::new(samples, per, batch, false);
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
                    // With small batches all samples are shuffled.
                    assert!(at == samples || 2 * batch > 3 * per, "{case}");
                }
            }
        }
    }

    #[test]
    fn shards_of_whole_batches_are_shuffled_by_four() {
        let windows = ShardWindows::new(800, 100, 50, false);
        assert_eq!(windows.count(), 2);
        assert_eq!(windows.windows[1].shard, 4);
        assert_eq!(ShardWindows::new(400, 100, 50, false).count(), 1);
    }

    #[test]
    fn a_ring_reads_every_sample_in_sequence_within_four_shards() {
        for per in 1..=9 {
            for samples in 8 * per + 1..=20 * per {
                for batch in 1..=3 * per + 1 {
                    let windows = ShardWindows::streamed(samples, per, batch);
                    let case = format!("{samples} in shards of {per}, batches of {batch}");
                    let mut at = 0;
                    for (number, window) in windows.windows.iter().enumerate() {
                        assert_eq!(
                            (window.first, window.first / per),
                            (at, window.shard),
                            "{case}"
                        );
                        assert_eq!(at % batch, 0, "{case}");
                        assert_eq!(windows.of_sample(at), number, "{case}");
                        at += window.samples;
                        assert!(at <= (window.shard + BOUND) * per, "{case}");
                        assert_eq!(windows.of_sample(at - 1), number, "{case}");
                        let steps = window.samples.div_ceil(batch) as u32;
                        assert_eq!(
                            windows.steps_left(window.first, batch as u32),
                            steps,
                            "{case}"
                        );
                    }
                    assert_eq!(at, samples, "{case}");
                }
            }
        }
    }
}
