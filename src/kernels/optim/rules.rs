//! The rules: how each fills the shared shader, and the words that its kernel reads of a parameter group.

use super::Form;

/// Plain gradient descent. The words of a group: as those of [`SGD_MOMENTUM`].
pub const SGD: Form = Form {
    name: "sgd",
    snippet: None,
    state: &[],
    group_words: 4,
};

/// Gradient descent with momentum. The words of a group: [`SgdGroup`].
pub const SGD_MOMENTUM: Form = Form {
    name: "sgd",
    snippet: Some("optim/sgd_momentum"),
    state: &["momentum"],
    group_words: 4,
};

/// As [`SGD_MOMENTUM`], with dampening: the second number of a row of the schedule is the share of the gradient that enters
/// the momentum buffer. It has no Nesterov momentum.
pub const SGD_DAMPENED: Form = Form {
    name: "sgd",
    snippet: Some("optim/sgd_dampened"),
    state: &["momentum"],
    group_words: 4,
};

/// Adam, and with a decay of the parameter AdamW. The words of a group: [`AdamGroup`]. It needs a schedule, whose rows are
/// (learning rate, that times the root of the second moment's bias correction over the first's, that root, 1 - beta1).
pub const ADAM: Form = Form {
    name: "adam",
    snippet: Some("optim/adam"),
    state: &["exp_avg", "exp_avg_sq"],
    group_words: 6,
};

/// Lion. The words of a group: [`LionGroup`]. The second number of a row of the schedule is 1 - its momentum.
pub const LION: Form = Form {
    name: "lion",
    snippet: Some("optim/lion"),
    state: &["momentum"],
    group_words: 6,
};

/// RMSprop. The words of a group: [`RmspropGroup`].
pub const RMSPROP: Form = Form {
    name: "rmsprop",
    snippet: Some("optim/rmsprop"),
    state: &["square_avg"],
    group_words: 6,
};

/// RMSprop with momentum.
pub const RMSPROP_MOMENTUM: Form = Form {
    snippet: Some("optim/rmsprop_momentum"),
    state: &["square_avg", "momentum"],
    ..RMSPROP
};

/// Centered RMSprop.
pub const RMSPROP_CENTERED: Form = Form {
    snippet: Some("optim/rmsprop_centered"),
    state: &["square_avg", "grad_avg"],
    ..RMSPROP
};

/// Centered RMSprop with momentum.
pub const RMSPROP_CENTERED_MOMENTUM: Form = Form {
    snippet: Some("optim/rmsprop_centered_momentum"),
    state: &["square_avg", "grad_avg", "momentum"],
    ..RMSPROP
};

/// The hyperparameters of a parameter group for the forms of SGD.
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
    pub fn words(&self) -> Vec<u32> {
        let mut words = bits(&[self.lr, self.momentum, self.weight_decay].map(f64::from));
        words.push(u32::from(self.nesterov));
        words
    }
}

/// The hyperparameters of a parameter group for [`ADAM`]. Those of a schedule's row are not among them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamGroup {
    /// Learning rate.
    pub lr: f64,
    /// Share of the second moment that each step keeps.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub eps: f64,
    /// Added to the gradient, times the parameter.
    pub weight_decay: f64,
    /// Taken off the parameter, times learning rate and parameter.
    pub decoupled_decay: f64,
}

impl AdamGroup {
    /// The words that the shader reads.
    pub fn words(&self) -> Vec<u32> {
        bits(&[
            self.lr,
            self.beta2,
            1.0 - self.beta2,
            self.eps,
            self.weight_decay,
            self.decoupled_decay,
        ])
    }
}

/// The hyperparameters of a parameter group for [`LION`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LionGroup {
    /// Learning rate.
    pub lr: f64,
    /// Share of the momentum in the direction whose sign is taken.
    pub beta1: f64,
    /// Share of the momentum that each step keeps.
    pub beta2: f64,
    /// Taken off the parameter, times learning rate and parameter.
    pub decoupled_decay: f64,
}

impl LionGroup {
    /// The words that the shader reads.
    pub fn words(&self) -> Vec<u32> {
        bits(&[
            self.lr,
            self.beta1,
            1.0 - self.beta1,
            self.beta2,
            1.0 - self.beta2,
            self.decoupled_decay,
        ])
    }
}

/// The hyperparameters of a parameter group for the forms of RMSprop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RmspropGroup {
    /// Learning rate.
    pub lr: f64,
    /// Share of the mean of squared gradients that each step keeps.
    pub alpha: f64,
    /// Added to the root of that mean.
    pub eps: f64,
    /// Added to the gradient, times the parameter.
    pub weight_decay: f64,
    /// Share of the momentum buffer that each step keeps.
    pub momentum: f64,
}

impl RmspropGroup {
    /// The words that the shader reads.
    pub fn words(&self) -> Vec<u32> {
        bits(&[
            self.lr,
            self.alpha,
            1.0 - self.alpha,
            self.eps,
            self.weight_decay,
            self.momentum,
        ])
    }
}

/// Rounded to f32 once, so that `1 - beta` is exact to its last bit.
fn bits(values: &[f64]) -> Vec<u32> {
    values
        .iter()
        .map(|value| (*value as f32).to_bits())
        .collect()
}
