//! Which window each training step binds, and where the host has to start a window.

use super::windows::Windows;
use super::{Order, ProgramOptions};
use crate::data::permute;

/// The order of windows over the steps of a run.
#[derive(Debug)]
pub(super) struct Schedule {
    windows: Windows,
    batch: u32,
    seed: u32,
    sequential: bool,
}

/// Where a step lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Position {
    /// Window to bind.
    pub window: usize,
    /// Epoch.
    pub epoch: u32,
    /// Steps done in this window (of the epoch, where the device turns epochs itself).
    pub done: u32,
    /// Steps until the host has to start another window; `u32::MAX` where it never has to.
    pub left: u32,
}

impl Schedule {
    pub fn new(windows: &Windows, options: &ProgramOptions) -> Schedule {
        Schedule {
            windows: windows.clone(),
            batch: options.batch_size,
            seed: options.seed,
            sequential: options.order == Order::Sequential,
        }
    }

    pub fn steps_per_epoch(&self) -> u32 {
        self.windows.steps_per_epoch(self.batch)
    }

    pub fn position(&self, step: u64) -> Position {
        let per_epoch = u64::from(self.steps_per_epoch());
        let (epoch, mut done) = ((step / per_epoch) as u32, (step % per_epoch) as u32);
        if self.sequential || self.windows.count() == 1 {
            let window = if self.sequential {
                self.windows.of_sample(done as usize * self.batch as usize)
            } else {
                0
            };
            return Position {
                window,
                epoch,
                done,
                left: u32::MAX,
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
                };
            }
            done -= steps;
        }
        Position {
            window: 0,
            epoch,
            done: 0,
            left: 1,
        }
    }
}
