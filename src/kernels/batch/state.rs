//! The layout of the state: u32 words on the device that kernels read and advance, so that every step is the same list of
//! dispatches.

/// Word: training steps done.
pub const STEP: u32 = 0;
/// Word: epoch, counted from 0.
pub const EPOCH: u32 = 1;
/// Word: micro-batch within the window of samples that is being trained on; a step without accumulation is one micro-batch.
pub const WINDOW_STEP: u32 = 2;
/// Word: batch within an evaluation.
pub const EVALUATION_BATCH: u32 = 3;
/// Word: micro-batches trained on. It differs for every forward pass of training, so random masks depend on it.
pub const MICRO_BATCH: u32 = 4;
/// Word: the factor of the gradients of this step, an f32.
pub const CLIP: u32 = 5;
/// First of three words of f32: sum of the losses, correct rows and rows that are not finite, of the micro-batches before
/// the last one of a step.
pub const SUMS: u32 = 6;
/// Word: the scale of the loss where gradients are f16, an f32.
pub const LOSS_SCALE: u32 = 9;
/// Word: what the gradients of this step are multiplied with to undo the scale, an f32; 0: the step is skipped.
pub const UNSCALE: u32 = 10;
/// Word: steps since the scale changed.
pub const SCALE_STEPS: u32 = 11;
/// Word: steps that were skipped because a gradient was not finite.
pub const SKIPPED: u32 = 12;
/// First word of the parameter groups' hyperparameters; the words between are reserved and zero.
pub const GROUPS: u32 = 16;

/// Where the rows of a schedule begin in the state: `rows` times `groups` times four f32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    /// Its first word.
    pub first_word: u32,
    /// Steps; the last row holds for all steps after it.
    pub rows: u32,
    /// Parameter groups.
    pub groups: u32,
}

/// The words of a state before the first step. `groups`: the words of each parameter group's hyperparameters, whose number
/// and meaning the update rule's kernel defines. `schedule`: for each step a row of four numbers for each group, empty where
/// the learning rates never change.
pub fn words(groups: &[Vec<u32>], schedule: &[Vec<[f32; 4]>]) -> (Vec<u32>, Option<Schedule>) {
    let mut words = vec![0; GROUPS as usize];
    words.extend(groups.iter().flatten());
    let first_word = words.len() as u32;
    let numbers = schedule.iter().flatten().flatten();
    words.extend(numbers.map(|number| number.to_bits()));
    let placed = Schedule {
        first_word,
        rows: schedule.len() as u32,
        groups: groups.len() as u32,
    };
    (words, (!schedule.is_empty()).then_some(placed))
}
