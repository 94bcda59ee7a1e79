//! Update rules: what a step makes of the gradients.

use serde::{Deserialize, Serialize};

/// A value no update rule can work with.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum OptimError {
    /// The learning rate is negative, infinite or not a number.
    #[error(
        "a learning rate of {lr} cannot train: give a finite number of at least 0, such as 0.05"
    )]
    LearningRate {
        /// The value given.
        lr: f64,
    },
    /// The momentum is outside [0, 1).
    #[error(
        "a momentum of {momentum} does not decay: give a number of at least 0 and below 1, such as 0.9"
    )]
    Momentum {
        /// The value given.
        momentum: f64,
    },
    /// The weight decay is negative, infinite or not a number.
    #[error(
        "a weight decay of {weight_decay} cannot be: give a finite number of at least 0, such as 0.0005"
    )]
    WeightDecay {
        /// The value given.
        weight_decay: f64,
    },
    /// Nesterov's step looks ahead along the momentum, of which there is none.
    #[error("nesterov needs a momentum above 0: give one, such as 0.9, or leave nesterov out")]
    NesterovWithoutMomentum,
}

/// Stochastic gradient descent as PyTorch's `SGD` does it (dampening 0): with weight decay `g += decay * w`, then
/// `v = momentum * v + g`, then `w -= lr * v`, or with Nesterov `w -= lr * (g + momentum * v)`.
///
/// ```
/// use wattgrad::internals::optim::Sgd;
///
/// let sgd = Sgd::new(0.05, 0.9, 0.0, false)?;
/// assert_eq!(sgd.momentum(), 0.9);
/// assert!(Sgd::new(-1.0, 0.9, 0.0, false).is_err());
/// # Ok::<(), wattgrad::internals::optim::OptimError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Sgd {
    pub(crate) lr: f64,
    pub(crate) momentum: f64,
    pub(crate) weight_decay: f64,
    pub(crate) nesterov: bool,
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
        if !(lr.is_finite() && lr >= 0.0) {
            return Err(OptimError::LearningRate { lr });
        }
        if !(0.0..1.0).contains(&momentum) {
            return Err(OptimError::Momentum { momentum });
        }
        if !(weight_decay.is_finite() && weight_decay >= 0.0) {
            return Err(OptimError::WeightDecay { weight_decay });
        }
        if nesterov && momentum == 0.0 {
            return Err(OptimError::NesterovWithoutMomentum);
        }
        Ok(Self {
            lr,
            momentum,
            weight_decay,
            nesterov,
        })
    }

    /// The learning rate, finite and at least 0.
    pub fn lr(&self) -> f64 {
        self.lr
    }

    /// The momentum, in [0, 1).
    pub fn momentum(&self) -> f64 {
        self.momentum
    }

    /// The weight decay, finite and at least 0.
    pub fn weight_decay(&self) -> f64 {
        self.weight_decay
    }

    /// Whether the step looks ahead along the momentum.
    pub fn nesterov(&self) -> bool {
        self.nesterov
    }
}

/// As it stands in a file, before its values were looked at.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    lr: f64,
    momentum: f64,
    weight_decay: f64,
    nesterov: bool,
}

impl TryFrom<Unchecked> for Sgd {
    type Error = OptimError;

    fn try_from(given: Unchecked) -> Result<Self, OptimError> {
        Self::new(given.lr, given.momentum, given.weight_decay, given.nesterov)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_train_is_refused_with_its_own_sentence() {
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
    fn a_file_is_no_way_around_the_checks() {
        let good = r#"{"lr":0.1,"momentum":0.9,"weight_decay":0.0,"nesterov":true}"#;
        assert!(serde_json::from_str::<Sgd>(good).is_ok());
        assert!(serde_json::from_str::<Sgd>(&good.replace("0.9", "1.0")).is_err());
    }
}
