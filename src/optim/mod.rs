//! Update rules: how a training step turns gradients into new parameters.
//!
//! A rule is one file here (its hyperparameters and their checks), its form in `kernels/optim` with its shader, and one
//! line in the table below. Each new hyperparameter is a field of [`Hyperparameters`] and a flag of
//! [`Regime`](crate::train::Regime); nothing else knows which rules exist.

mod adam;
mod lion;
mod rmsprop;
mod schedule;
mod sgd;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use adam::{Adam, AdamW};
pub use lion::Lion;
pub use rmsprop::RmsProp;
pub use schedule::{
    Milestones, RateSchedule, Schedule, ScheduleError, ScheduleOptions, ScheduleUnit, Steps,
};
pub use sgd::Sgd;

use crate::kernels::optim::Form;

/// An update rule with its hyperparameters.
pub trait UpdateRule: fmt::Debug + Send + Sync {
    /// Its kernel.
    fn form(&self) -> &'static Form;

    /// Its hyperparameters for one parameter group, as its kernel reads them: the same number of words for every group.
    fn group_words(&self, group: &ParameterGroup) -> Vec<u32>;

    /// The numbers that its kernel reads in step `step`, counted from 0: learning rate, two factors, momentum (-1: that of
    /// the group).
    fn row(&self, _step: u64, rate: StepRate) -> [f32; 4] {
        [rate.lr as f32, 1.0, 1.0, rate.momentum_or_none()]
    }

    /// The step from which on its rows are equal at a constant rate; 0: it needs none.
    fn settles_after(&self) -> u64 {
        0
    }

    /// The momentum that a schedule may change: that of SGD and RMSprop, beta1 of the others.
    fn momentum(&self) -> Option<f64>;

    /// Its hyperparameters; those that it has at PyTorch's default and that records of earlier versions lack, and those of
    /// other rules, are `None`.
    fn hyperparameters(&self) -> Hyperparameters;
}

/// What a schedule sets for a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepRate {
    /// Learning rate.
    pub lr: f64,
    /// Replaces the rule's momentum.
    pub momentum: Option<f64>,
}

impl StepRate {
    fn momentum_or_none(self) -> f32 {
        self.momentum.unwrap_or(-1.0) as f32
    }
}

/// Parameters that share a learning rate and a weight decay.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ParameterGroup {
    /// Replaces the rule's learning rate.
    pub lr: Option<f64>,
    /// Replaces the rule's weight decay.
    pub weight_decay: Option<f64>,
}

impl ParameterGroup {
    fn rate(&self, lr: f64) -> f64 {
        self.lr.unwrap_or(lr)
    }

    fn decay(&self, weight_decay: f64) -> f64 {
        self.weight_decay.unwrap_or(weight_decay)
    }
}

/// The rows of a run: for each step one for each of `groups`. Empty where neither rule nor schedule changes anything.
pub fn rows(
    rule: &dyn UpdateRule,
    groups: &[ParameterGroup],
    schedule: &Schedule,
) -> Vec<Vec<[f32; 4]>> {
    let Some(lr) = rule.hyperparameters().lr else {
        return vec![];
    };
    let constant = schedule.constant_after();
    let count = match (constant, rule.settles_after()) {
        (Some(0), 0) => 0,
        (Some(constant), settled) => (constant.max(settled) + 1).min(schedule.steps()),
        (None, _) => schedule.steps(),
    };
    let row = |step: u64| {
        let momentum = schedule.momentum(step);
        let groups = groups.iter().map(|group| {
            let lr = schedule.lr(step, group.rate(lr));
            rule.row(step, StepRate { lr, momentum })
        });
        groups.collect()
    };
    (0..count).map(row).collect()
}

macro_rules! hyperparameters {
    ($($(#[$doc:meta])* $name:ident: $kind:ty),* $(,)?) => {
        /// The hyperparameters of all update rules. `None`: the rule's default, or not a hyperparameter of the rule.
        #[derive(Clone, Copy, Debug, Default, PartialEq)]
        pub struct Hyperparameters {
            $($(#[$doc])* pub $name: Option<$kind>),*
        }

        impl Hyperparameters {
            /// The names of those that have a value.
            fn given(&self) -> impl Iterator<Item = &'static str> {
                let all = [$((stringify!($name), self.$name.is_some())),*];
                all.into_iter().filter(|(_, given)| *given).map(|(name, _)| name)
            }
        }
    };
}

hyperparameters! {
    /// Learning rate.
    lr: f64,
    /// Share of the momentum buffer that each step keeps.
    momentum: f64,
    /// Weight decay.
    weight_decay: f64,
    /// Whether the step uses Nesterov momentum.
    nesterov: bool,
    /// Share of the gradient that does not enter the momentum buffer.
    dampening: f64,
    /// Share of the first moment that each step keeps.
    beta1: f64,
    /// Share of the second moment that each step keeps.
    beta2: f64,
    /// Share of the mean of squared gradients that each step keeps.
    alpha: f64,
    /// Added to a root before a division by it.
    eps: f64,
    /// Whether gradients are divided by the root of their variance.
    centered: bool,
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

            /// The names of its hyperparameters.
            fn hyperparameters(self) -> &'static [&'static str] {
                match self {
                    $(Self::$rule => $rule::HYPERPARAMETERS),*
                }
            }
        }
    };
}

rules! {
    /// Stochastic gradient descent with momentum, as PyTorch's `SGD`.
    Sgd: "sgd",
    /// Adam, as PyTorch's `Adam`.
    Adam: "adam",
    /// Adam with decoupled weight decay, as PyTorch's `AdamW`.
    AdamW: "adamw",
    /// RMSprop, as PyTorch's `RMSprop`.
    RmsProp: "rmsprop",
    /// Lion (arXiv 2302.06675).
    Lion: "lion",
}

impl Optimizer {
    /// The rule with the `given` hyperparameters and its defaults for the others.
    ///
    /// # Errors
    /// [`OptimError`] for a value that is out of range or belongs to another rule.
    pub(crate) fn rule(self, given: Hyperparameters) -> Result<Arc<dyn UpdateRule>, OptimError> {
        let unused = |name: &&str| !self.hyperparameters().contains(name);
        match given.given().find(unused) {
            Some(name) => Err(OptimError::Unused {
                name,
                optimizer: self,
            }),
            None => self.create(given),
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
    /// A decay rate is outside [0, 1).
    #[error("{name} must be at least 0 and below 1, such as 0.99, got {value}")]
    Beta {
        /// `beta1`, `beta2` or `alpha`.
        name: &'static str,
        /// The value given.
        value: f64,
    },
    /// The term added to a root is infinite, not a number, or 0 in f32.
    #[error("eps must be a finite number of at least 1e-30, such as 1e-8, got {eps}")]
    Eps {
        /// The value given.
        eps: f64,
    },
    /// The dampening is outside [0, 1].
    #[error("the dampening must be between 0 and 1, such as 0.1, got {dampening}")]
    Dampening {
        /// The value given.
        dampening: f64,
    },
    /// Nesterov momentum was chosen with dampening.
    #[error("nesterov needs a dampening of 0: leave nesterov or dampening out")]
    NesterovWithDampening,
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

/// Checks a momentum.
fn check_momentum(momentum: f64) -> Result<f64, OptimError> {
    match (0.0..1.0).contains(&momentum) {
        true => Ok(momentum),
        false => Err(OptimError::Momentum { momentum }),
    }
}

/// Checks the share of a running mean that each step keeps.
fn check_beta(name: &'static str, value: f64) -> Result<f64, OptimError> {
    match (0.0..1.0).contains(&value) {
        true => Ok(value),
        false => Err(OptimError::Beta { name, value }),
    }
}

/// Checks what is added to a root. Without it, or where it is too small for an f32, the zeros beside the parameters would
/// become NaN.
fn check_eps(eps: f64) -> Result<f64, OptimError> {
    match eps.is_finite() && eps >= 1e-30 {
        true => Ok(eps),
        false => Err(OptimError::Eps { eps }),
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
