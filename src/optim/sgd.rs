use super::{
    Hyperparameters, OptimError, ParameterGroup, UpdateRule, check_lr, check_weight_decay,
};
use crate::kernels::optim::{SgdGroup, Update, sgd};
use crate::kernels::{List, Tuning};

/// Stochastic gradient descent as PyTorch's `SGD` does it (dampening 0): with weight decay `g += decay * w`, then
/// `v = momentum * v + g`, then `w -= lr * v`, or with Nesterov momentum `w -= lr * (g + momentum * v)`. Without momentum
/// it keeps no state.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sgd {
    lr: f64,
    momentum: f64,
    weight_decay: f64,
    nesterov: bool,
}

impl Sgd {
    /// A rule with learning rate `lr`.
    ///
    /// # Errors
    /// [`OptimError`] for `lr` or `weight_decay` negative or not finite, `momentum` outside [0, 1), or `nesterov`
    /// without momentum.
    pub fn new(
        lr: f64,
        momentum: f64,
        weight_decay: f64,
        nesterov: bool,
    ) -> Result<Self, OptimError> {
        if !(0.0..1.0).contains(&momentum) {
            return Err(OptimError::Momentum { momentum });
        }
        if nesterov && momentum == 0.0 {
            return Err(OptimError::NesterovWithoutMomentum);
        }
        Ok(Self {
            lr: check_lr(lr)?,
            momentum,
            weight_decay: check_weight_decay(weight_decay)?,
            nesterov,
        })
    }

    pub(super) fn from_hyperparameters(given: Hyperparameters) -> Result<Self, OptimError> {
        Self::new(
            given.lr.unwrap_or(0.05),
            given.momentum.unwrap_or(0.9),
            given.weight_decay.unwrap_or(0.0),
            given.nesterov.unwrap_or(false),
        )
    }
}

impl UpdateRule for Sgd {
    fn name(&self) -> &'static str {
        "sgd"
    }

    fn state(&self) -> &'static [&'static str] {
        match self.momentum {
            0.0 => &[],
            _ => &["momentum"],
        }
    }

    fn group_words(&self, group: &ParameterGroup) -> Vec<u32> {
        let group = SgdGroup {
            lr: (self.lr * group.lr_factor) as f32,
            momentum: self.momentum as f32,
            weight_decay: group.weight_decay.unwrap_or(self.weight_decay) as f32,
            nesterov: self.nesterov,
        };
        group.words().to_vec()
    }

    fn push(&self, list: &mut List, tuning: &Tuning, label: &str, update: &Update<'_>) {
        sgd(list, tuning, label, update);
    }

    fn hyperparameters(&self) -> Hyperparameters {
        Hyperparameters {
            lr: Some(self.lr),
            momentum: Some(self.momentum),
            weight_decay: Some(self.weight_decay),
            nesterov: Some(self.nesterov),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_each_value_out_of_range() {
        for lr in [-1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let error = Sgd::new(lr, 0.9, 0.0, false).unwrap_err();
            assert!(matches!(error, OptimError::LearningRate { .. }), "{lr}");
        }
        for momentum in [-0.1, 1.0, 1.5, f64::NAN] {
            let error = Sgd::new(0.1, momentum, 0.0, false).unwrap_err();
            assert!(matches!(error, OptimError::Momentum { .. }), "{momentum}");
        }
        for decay in [-1e-9, f64::NAN, f64::INFINITY] {
            let error = Sgd::new(0.1, 0.9, decay, false).unwrap_err();
            assert!(matches!(error, OptimError::WeightDecay { .. }), "{decay}");
        }
        assert_eq!(
            Sgd::new(0.1, 0.0, 0.0, true),
            Err(OptimError::NesterovWithoutMomentum)
        );
        assert!(Sgd::new(0.0, 0.0, 0.0, false).is_ok());
        assert!(Sgd::new(0.1, 0.999, 1e-4, true).is_ok());
    }

    #[test]
    fn keeps_no_state_without_momentum() {
        let state = |momentum| Sgd::new(0.1, momentum, 0.0, false).unwrap().state();
        assert_eq!(state(0.0), [""; 0]);
        assert_eq!(state(0.5), ["momentum"]);
    }
}
