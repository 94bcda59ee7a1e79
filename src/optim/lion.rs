use super::{
    Hyperparameters, OptimError, ParameterGroup, StepRate, UpdateRule, check_beta, check_lr,
    check_weight_decay,
};
use crate::kernels::optim::{Form, LION, LionGroup};

/// Lion (arXiv 2302.06675), whose only state is the momentum: with weight decay `w -= lr * decay * w`, then
/// `w -= lr * sign(beta1 * m + (1 - beta1) * g)`, then `m = beta2 * m + (1 - beta2) * g`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lion {
    lr: f64,
    beta1: f64,
    beta2: f64,
    weight_decay: f64,
}

impl Lion {
    pub(super) const HYPERPARAMETERS: &[&str] = &["lr", "weight_decay", "beta1", "beta2"];

    pub(super) fn from_hyperparameters(given: Hyperparameters) -> Result<Self, OptimError> {
        Ok(Self {
            lr: check_lr(given.lr.unwrap_or(1e-4))?,
            beta1: check_beta("beta1", given.beta1.unwrap_or(0.9))?,
            beta2: check_beta("beta2", given.beta2.unwrap_or(0.99))?,
            weight_decay: check_weight_decay(given.weight_decay.unwrap_or(0.0))?,
        })
    }
}

impl UpdateRule for Lion {
    fn form(&self) -> &'static Form {
        &LION
    }

    fn group_words(&self, group: &ParameterGroup) -> Vec<u32> {
        let group = LionGroup {
            lr: group.rate(self.lr),
            beta1: self.beta1,
            beta2: self.beta2,
            decoupled_decay: group.decay(self.weight_decay),
        };
        group.words()
    }

    fn row(&self, _: u64, rate: StepRate) -> [f32; 4] {
        let fresh = rate.momentum.map_or(1.0, |beta1| 1.0 - beta1);
        [rate.lr as f32, fresh as f32, 1.0, rate.momentum_or_none()]
    }

    fn momentum(&self) -> Option<f64> {
        Some(self.beta1)
    }

    fn hyperparameters(&self) -> Hyperparameters {
        Hyperparameters {
            lr: Some(self.lr),
            weight_decay: Some(self.weight_decay),
            beta1: Some(self.beta1),
            beta2: Some(self.beta2),
            ..Hyperparameters::default()
        }
    }
}
