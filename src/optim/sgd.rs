use super::{
    Hyperparameters, OptimError, ParameterGroup, StepRate, UpdateRule, check_lr, check_momentum,
    check_weight_decay,
};
use crate::kernels::optim::{Form, SGD, SGD_DAMPENED, SGD_MOMENTUM, SgdGroup};

/// Stochastic gradient descent as PyTorch's `SGD` does it: with weight decay `g += decay * w`, then
/// `v = momentum * v + (1 - dampening) * g` (without dampening in the first step), then `w -= lr * v`, or with Nesterov
/// momentum `w -= lr * (g + momentum * v)`. Without momentum it keeps no state.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sgd {
    lr: f64,
    momentum: f64,
    weight_decay: f64,
    nesterov: bool,
    dampening: f64,
}

impl Sgd {
    /// A rule with learning rate `lr` and no dampening.
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
        Self::from_hyperparameters(Hyperparameters {
            lr: Some(lr),
            momentum: Some(momentum),
            weight_decay: Some(weight_decay),
            nesterov: Some(nesterov),
            ..Hyperparameters::default()
        })
    }

    pub(super) const HYPERPARAMETERS: &[&str] =
        &["lr", "momentum", "weight_decay", "nesterov", "dampening"];

    pub(super) fn from_hyperparameters(given: Hyperparameters) -> Result<Self, OptimError> {
        let rule = Self {
            lr: check_lr(given.lr.unwrap_or(0.05))?,
            momentum: check_momentum(given.momentum.unwrap_or(0.9))?,
            weight_decay: check_weight_decay(given.weight_decay.unwrap_or(0.0))?,
            nesterov: given.nesterov.unwrap_or(false),
            dampening: given.dampening.unwrap_or(0.0),
        };
        if !(0.0..=1.0).contains(&rule.dampening) {
            return Err(OptimError::Dampening {
                dampening: rule.dampening,
            });
        }
        if rule.nesterov && rule.momentum == 0.0 {
            return Err(OptimError::NesterovWithoutMomentum);
        }
        if rule.nesterov && rule.dampening != 0.0 {
            return Err(OptimError::NesterovWithDampening);
        }
        Ok(rule)
    }
}

impl UpdateRule for Sgd {
    fn form(&self) -> &'static Form {
        match (self.momentum == 0.0, self.dampening == 0.0) {
            (true, _) => &SGD,
            (false, true) => &SGD_MOMENTUM,
            (false, false) => &SGD_DAMPENED,
        }
    }

    fn group_words(&self, group: &ParameterGroup) -> Vec<u32> {
        let group = SgdGroup {
            lr: group.rate(self.lr) as f32,
            momentum: self.momentum as f32,
            weight_decay: group.decay(self.weight_decay) as f32,
            nesterov: self.nesterov,
        };
        group.words()
    }

    fn row(&self, step: u64, rate: StepRate) -> [f32; 4] {
        let fresh = match step {
            0 => 1.0,
            _ => 1.0 - self.dampening,
        };
        [rate.lr as f32, fresh as f32, 1.0, rate.momentum_or_none()]
    }

    fn settles_after(&self) -> u64 {
        u64::from(self.form() == &SGD_DAMPENED)
    }

    fn momentum(&self) -> Option<f64> {
        (self.momentum > 0.0).then_some(self.momentum)
    }

    fn hyperparameters(&self) -> Hyperparameters {
        Hyperparameters {
            lr: Some(self.lr),
            momentum: Some(self.momentum),
            weight_decay: Some(self.weight_decay),
            nesterov: Some(self.nesterov),
            dampening: Some(self.dampening).filter(|dampening| *dampening != 0.0),
            ..Hyperparameters::default()
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
        let dampened = |dampening, nesterov| {
            Sgd::from_hyperparameters(Hyperparameters {
                dampening: Some(dampening),
                nesterov: Some(nesterov),
                ..Hyperparameters::default()
            })
        };
        for dampening in [-0.1, 1.1, f64::NAN] {
            let error = dampened(dampening, false).unwrap_err();
            assert!(matches!(error, OptimError::Dampening { .. }), "{dampening}");
        }
        assert_eq!(dampened(0.5, true), Err(OptimError::NesterovWithDampening));
    }

    #[test]
    fn keeps_no_state_without_momentum() {
        let state = |momentum| Sgd::new(0.1, momentum, 0.0, false).unwrap().form().state;
        assert_eq!(state(0.0), [""; 0]);
        assert_eq!(state(0.5), ["momentum"]);
    }
}
