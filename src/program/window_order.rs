//! Which shard window each training step binds, and before which steps the host has to start a window.

use super::windows::ShardWindows;
use super::{Order, ProgramOptions};
use crate::data::permute;

#[derive(Debug)]
pub(super) struct WindowOrder {
    windows: ShardWindows,
    batch: u32,
    seed: u32,
    order: Order,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    pub window: usize,
    pub epoch: u32,
    /// Steps done in this window, or in this epoch if the device moves from epoch to epoch itself.
    pub done: u32,
    /// Steps until the next window, where the host has a part in the change; `u32::MAX`: never.
    pub left: u32,
    /// Whether the host starts the window, on whose first step this position is.
    pub starts: bool,
}

impl WindowOrder {
    pub fn new(windows: &ShardWindows, options: &ProgramOptions) -> WindowOrder {
        WindowOrder {
            windows: windows.clone(),
            batch: options.step_samples(),
            seed: options.seed,
            order: options.order,
        }
    }

    pub fn steps_per_epoch(&self) -> u32 {
        self.windows.steps_per_epoch(self.batch)
    }

    pub fn position(&self, step: u64) -> Position {
        let per_epoch = u64::from(self.steps_per_epoch());
        let (epoch, mut done) = ((step / per_epoch) as u32, (step % per_epoch) as u32);
        if self.windows.device_turns_epochs(self.order) {
            let first = done as usize * self.batch as usize;
            let window = match self.order {
                Order::Sequential => self.windows.of_sample(first),
                Order::Shuffled => 0,
            };
            let left = match self.windows.is_streamed() {
                true => {
                    let left = self.windows.steps_left(first, self.batch);
                    left.min(self.steps_per_epoch() - done)
                }
                false => u32::MAX,
            };
            return Position {
                window,
                epoch,
                done,
                left,
                starts: false,
            };
        }
        let count = self.windows.count() as u32;
        for at in 0..count {
            let window = permute(self.seed, epoch, at, count) as usize;
            let steps = self.windows.steps(window, self.batch);
            if done < steps {
                return Position {
                    window,
                    epoch,
                    done,
                    left: steps - done,
                    starts: done == 0,
                };
            }
            done -= steps;
        }
        Position {
            window: 0,
            epoch,
            done: 0,
            left: 1,
            starts: true,
        }
    }
}
