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
/// First word of the parameter groups' settings; the words between are reserved and zero.
pub const GROUPS: u32 = 8;
/// Words of a group's settings.
pub const GROUP_WORDS: u32 = 4;
/// Within a group: learning rate, the bits of an f32.
pub const LR: u32 = 0;
/// Within a group: momentum, the bits of an f32.
pub const MOMENTUM: u32 = 1;
/// Within a group: weight decay, the bits of an f32.
pub const WEIGHT_DECAY: u32 = 2;
/// Within a group: 1 for Nesterov's momentum, else 0.
pub const NESTEROV: u32 = 3;

/// The settings of a parameter group.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Group {
    /// Learning rate.
    pub lr: f32,
    /// The share of the momentum that is kept.
    pub momentum: f32,
    /// Added to the gradient, times the parameter.
    pub weight_decay: f32,
    /// Whether the step looks ahead along the momentum.
    pub nesterov: bool,
}

impl Group {
    /// The group's words.
    pub fn words(&self) -> [u32; GROUP_WORDS as usize] {
        let mut words = [0; GROUP_WORDS as usize];
        words[LR as usize] = self.lr.to_bits();
        words[MOMENTUM as usize] = self.momentum.to_bits();
        words[WEIGHT_DECAY as usize] = self.weight_decay.to_bits();
        words[NESTEROV as usize] = u32::from(self.nesterov);
        words
    }
}

/// The first word of group `group`.
pub const fn group_word(group: u32) -> u32 {
    GROUPS + GROUP_WORDS * group
}

/// Quads of a state with `groups` parameter groups.
pub const fn quads(groups: u32) -> u64 {
    group_word(groups).div_ceil(4) as u64
}

/// The words of a state before the first step.
pub fn words(groups: &[Group]) -> Vec<u32> {
    let mut words = vec![0; GROUPS as usize];
    words.extend(groups.iter().flat_map(Group::words));
    words
}
