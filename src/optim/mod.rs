//! Update rules: how a training step turns gradients into new parameters.
//!
//! A rule is one file here (its hyperparameters and their checks), one file in `kernels/optim` with its shader, and one
//! line in the table below. Each new hyperparameter is a field of [`Hyperparameters`] and a flag of
//! [`Regime`](crate::train::Regime); nothing else knows which rules exist.

mod sgd;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use sgd::Sgd;

use crate::kernels::optim::Update;
use crate::kernels::{List, Tuning};

/// An update rule with its hyperparameters.
pub trait UpdateRule: fmt::Debug + Send + Sync {
    /// Label of its dispatches.
    fn name(&self) -> &'static str;

    /// Names of the tensors that it keeps from step to step, each with one value per trained parameter, zero at first.
    fn state(&self) -> &'static [&'static str];

    /// Its hyperparameters for one parameter group, as its kernel reads them: the same number of words for every group.
    fn group_words(&self, group: &ParameterGroup) -> Vec<u32>;

    /// Appends its kernel for one arena of parameters.
    fn push(&self, list: &mut List, tuning: &Tuning, label: &str, update: &Update<'_>);

    /// All of its hyperparameters; those of other rules are `None`.
    fn hyperparameters(&self) -> Hyperparameters;
}

/// Parameters that share a learning rate and a weight decay.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ParameterGroup {
    /// Multiplies the rule's learning rate.
    pub lr_factor: f64,
    /// Replaces the rule's weight decay.
    pub weight_decay: Option<f64>,
}

impl Default for ParameterGroup {
    fn default() -> Self {
        Self {
            lr_factor: 1.0,
            weight_decay: None,
        }
    }
}

/// The hyperparameters of all update rules. `None`: the rule's default, or not a hyperparameter of the rule.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Hyperparameters {
    /// Learning rate.
    pub lr: Option<f64>,
    /// Share of the momentum buffer that each step keeps.
    pub momentum: Option<f64>,
    /// Weight decay.
    pub weight_decay: Option<f64>,
    /// Whether the step uses Nesterov momentum.
    pub nesterov: Option<bool>,
}

impl Hyperparameters {
    /// Each name, and whether it has a value.
    fn given(&self) -> [(&'static str, bool); 4] {
        [
            ("lr", self.lr.is_some()),
            ("momentum", self.momentum.is_some()),
            ("weight_decay", self.weight_decay.is_some()),
            ("nesterov", self.nesterov.is_some()),
        ]
    }
}

macro_rules! rules {
    ($($(#[$doc:meta])* $rule:ident: $name:literal),* $(,)?) => {
        /// The name of an update rule.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum Optimizer {
            $($(#[$doc])* #[serde(rename = $name)] $rule),*
        }

        impl Optimizer {
            /// The names of all update rules.
            pub const NAMES: &[&str] = &[$($name),*];
            const ALL: &[Self] = &[$(Self::$rule),*];

            fn create(self, given: Hyperparameters) -> Result<Arc<dyn UpdateRule>, OptimError> {
                match self {
                    $(Self::$rule => Ok(Arc::new($rule::from_hyperparameters(given)?))),*
                }
            }
        }
    };
}

rules! {
    /// Stochastic gradient descent with momentum, as PyTorch's `SGD` with dampening 0.
    Sgd: "sgd",
}

impl Optimizer {
    /// The rule with the `given` hyperparameters and its defaults for the others.
    ///
    /// # Errors
    /// [`OptimError`] for a value that is out of range or belongs to another rule.
    pub(crate) fn rule(self, given: Hyperparameters) -> Result<Arc<dyn UpdateRule>, OptimError> {
        let rule = self.create(given)?;
        let has = rule.hyperparameters().given();
        match given
            .given()
            .into_iter()
            .zip(has)
            .find(|(a, b)| a.1 && !b.1)
        {
            Some(((name, _), _)) => Err(OptimError::Unused {
                name,
                optimizer: self,
            }),
            None => Ok(rule),
        }
    }
}

impl fmt::Display for Optimizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(Self::NAMES[*self as usize])
    }
}

impl FromStr for Optimizer {
    type Err = OptimError;

    fn from_str(text: &str) -> Result<Self, OptimError> {
        let at = Self::NAMES.iter().position(|name| *name == text);
        at.map(|at| Self::ALL[at])
            .ok_or_else(|| OptimError::Unknown {
                given: text.to_owned(),
            })
    }
}

/// A hyperparameter that an update rule does not accept.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum OptimError {
    /// No update rule has this name.
    #[error("unknown optimizer {given:?}: choose one of {}", Optimizer::NAMES.join(", "))]
    Unknown {
        /// The name given.
        given: String,
    },
    /// The hyperparameter belongs to other rules.
    #[error("{optimizer} has no {name}: leave {name} out, or choose another optimizer")]
    Unused {
        /// Name of the hyperparameter.
        name: &'static str,
        /// The rule.
        optimizer: Optimizer,
    },
    /// The learning rate is negative, infinite or not a number.
    #[error("the learning rate must be a finite number of at least 0, such as 0.05, got {lr}")]
    LearningRate {
        /// The value given.
        lr: f64,
    },
    /// The momentum is outside [0, 1).
    #[error("the momentum must be at least 0 and below 1, such as 0.9, got {momentum}")]
    Momentum {
        /// The value given.
        momentum: f64,
    },
    /// The weight decay is negative, infinite or not a number.
    #[error(
        "the weight decay must be a finite number of at least 0, such as 0.0005, got {weight_decay}"
    )]
    WeightDecay {
        /// The value given.
        weight_decay: f64,
    },
    /// Nesterov momentum was chosen with a momentum of 0.
    #[error("nesterov needs a momentum above 0: set one, such as 0.9, or leave nesterov out")]
    NesterovWithoutMomentum,
}

/// Checks a learning rate, which every rule has.
fn check_lr(lr: f64) -> Result<f64, OptimError> {
    match lr.is_finite() && lr >= 0.0 {
        true => Ok(lr),
        false => Err(OptimError::LearningRate { lr }),
    }
}

/// Checks a weight decay, which every rule has.
fn check_weight_decay(weight_decay: f64) -> Result<f64, OptimError> {
    match weight_decay.is_finite() && weight_decay >= 0.0 {
        true => Ok(weight_decay),
        false => Err(OptimError::WeightDecay { weight_decay }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_is_found_by_its_name_and_has_defaults() {
        for name in Optimizer::NAMES {
            let optimizer: Optimizer = name.parse().unwrap();
            assert_eq!(optimizer.to_string(), *name);
            let rule = optimizer.rule(Hyperparameters::default()).unwrap();
            assert!(rule.hyperparameters().lr.is_some(), "{name}");
            assert!(rule.hyperparameters().weight_decay.is_some(), "{name}");
            assert_eq!(
                optimizer
                    .rule(rule.hyperparameters())
                    .unwrap()
                    .hyperparameters(),
                rule.hyperparameters()
            );
        }
        let error = "sdg".parse::<Optimizer>().unwrap_err().to_string();
        assert!(error.contains("\"sdg\": choose one of sgd"), "{error}");
    }
}
