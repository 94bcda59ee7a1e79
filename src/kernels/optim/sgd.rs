use super::{Rule, Update, push};
use crate::kernels::{List, Tuning};

/// The hyperparameters of a parameter group for [`sgd`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SgdGroup {
    /// Learning rate.
    pub lr: f32,
    /// Share of the momentum buffer that each step keeps.
    pub momentum: f32,
    /// Added to the gradient, times the parameter.
    pub weight_decay: f32,
    /// Whether the step uses Nesterov momentum.
    pub nesterov: bool,
}

impl SgdGroup {
    /// The words that the shader reads.
    pub fn words(&self) -> [u32; 4] {
        let [lr, momentum, decay] = [self.lr, self.momentum, self.weight_decay].map(f32::to_bits);
        [lr, momentum, decay, u32::from(self.nesterov)]
    }
}

/// Appends a step of stochastic gradient descent as PyTorch's `SGD` (weight decay, momentum without dampening, Nesterov).
/// `update.optimizer_state` holds the momentum buffer, or nothing for a rule without momentum.
pub fn sgd(list: &mut List, tuning: &Tuning, label: &str, update: &Update<'_>) {
    let rule = match update.optimizer_state.is_empty() {
        true => Rule {
            snippet: None,
            state: &[],
            group_words: 4,
        },
        false => Rule {
            snippet: Some("optim/sgd_momentum"),
            state: &["momentum"],
            group_words: 4,
        },
    };
    push(list, tuning, label, update, &rule);
}
