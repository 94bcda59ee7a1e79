use super::{
    Hyperparameters, OptimError, ParameterGroup, UpdateRule, check_beta, check_eps, check_lr,
    check_momentum, check_weight_decay,
};
use crate::kernels::optim::{
    Form, RMSPROP, RMSPROP_CENTERED, RMSPROP_CENTERED_MOMENTUM, RMSPROP_MOMENTUM, RmspropGroup,
};

/// RMSprop as PyTorch's `RMSprop`: gradients divided by the root of a running mean of their squares, or if centered of their
/// variance; then momentum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RmsProp {
    lr: f64,
    momentum: f64,
    weight_decay: f64,
    alpha: f64,
    eps: f64,
    centered: bool,
}

impl RmsProp {
    pub(super) const HYPERPARAMETERS: &[&str] =
        &["lr", "momentum", "weight_decay", "alpha", "eps", "centered"];

    pub(super) fn from_hyperparameters(given: Hyperparameters) -> Result<Self, OptimError> {
        Ok(Self {
            lr: check_lr(given.lr.unwrap_or(0.01))?,
            momentum: check_momentum(given.momentum.unwrap_or(0.0))?,
            weight_decay: check_weight_decay(given.weight_decay.unwrap_or(0.0))?,
            alpha: check_beta("alpha", given.alpha.unwrap_or(0.99))?,
            eps: check_eps(given.eps.unwrap_or(1e-8))?,
            centered: given.centered.unwrap_or(false),
        })
    }
}

impl UpdateRule for RmsProp {
    fn form(&self) -> &'static Form {
        match (self.centered, self.momentum > 0.0) {
            (false, false) => &RMSPROP,
            (false, true) => &RMSPROP_MOMENTUM,
            (true, false) => &RMSPROP_CENTERED,
            (true, true) => &RMSPROP_CENTERED_MOMENTUM,
        }
    }

    fn group_words(&self, group: &ParameterGroup) -> Vec<u32> {
        let group = RmspropGroup {
            lr: group.rate(self.lr),
            alpha: self.alpha,
            eps: self.eps,
            weight_decay: group.decay(self.weight_decay),
            momentum: self.momentum,
        };
        group.words()
    }

    fn momentum(&self) -> Option<f64> {
        (self.momentum > 0.0).then_some(self.momentum)
    }

    fn hyperparameters(&self) -> Hyperparameters {
        Hyperparameters {
            lr: Some(self.lr),
            momentum: Some(self.momentum),
            weight_decay: Some(self.weight_decay),
            alpha: Some(self.alpha),
            eps: Some(self.eps),
            centered: Some(self.centered),
            ..Hyperparameters::default()
        }
    }
}
