//! The layout of the state: u32 words on the device that kernels read and advance, so that every step is the same list of
//! dispatches.

/// Word: training steps done.
pub const STEP: u32 = 0;
/// Word: epoch, counted from 0.
pub const EPOCH: u32 = 1;
/// Word: step within the window of samples that is being trained on.
pub const WINDOW_STEP: u32 = 2;
/// Word: batch within an evaluation.
pub const EVALUATION_BATCH: u32 = 3;
/// First word of the parameter groups' hyperparameters; the words between are reserved and zero.
pub const GROUPS: u32 = 8;

/// The words of a state before the first step; `groups`: the words of each parameter group's hyperparameters, whose
/// number and meaning the update rule's kernel defines.
pub fn words(groups: &[Vec<u32>]) -> Vec<u32> {
    let mut words = vec![0; GROUPS as usize];
    words.extend(groups.iter().flatten());
    words
}
