use super::{
    Hyperparameters, OptimError, ParameterGroup, StepRate, UpdateRule, check_beta, check_eps,
    check_lr, check_weight_decay,
};
use crate::kernels::optim::{ADAM, AdamGroup, Form};

/// Adam as PyTorch's `Adam`, whose weight decay is added to the gradient.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adam(Moments);

/// Adam as PyTorch's `AdamW`, whose weight decay shrinks the parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamW(Moments);

#[derive(Clone, Copy, Debug, PartialEq)]
struct Moments {
    lr: f64,
    beta1: f64,
    beta2: f64,
    eps: f64,
    weight_decay: f64,
}

impl Moments {
    const HYPERPARAMETERS: &[&str] = &["lr", "weight_decay", "beta1", "beta2", "eps"];

    fn new(given: Hyperparameters, weight_decay: f64) -> Result<Self, OptimError> {
        Ok(Self {
            lr: check_lr(given.lr.unwrap_or(1e-3))?,
            beta1: check_beta("beta1", given.beta1.unwrap_or(0.9))?,
            beta2: check_beta("beta2", given.beta2.unwrap_or(0.999))?,
            eps: check_eps(given.eps.unwrap_or(1e-8))?,
            weight_decay: check_weight_decay(given.weight_decay.unwrap_or(weight_decay))?,
        })
    }

    fn group(&self, group: &ParameterGroup) -> AdamGroup {
        AdamGroup {
            lr: group.rate(self.lr),
            beta2: self.beta2,
            eps: self.eps,
            weight_decay: 0.0,
            decoupled_decay: 0.0,
        }
    }

    fn row(&self, step: u64, rate: StepRate) -> [f32; 4] {
        let beta1 = rate.momentum.unwrap_or(self.beta1);
        let correction = |beta: f64| 1.0 - beta.powf(step as f64 + 1.0);
        let root = correction(self.beta2).sqrt();
        [
            rate.lr,
            rate.lr * root / correction(beta1),
            root,
            1.0 - beta1,
        ]
        .map(|number| number as f32)
    }

    /// Until both corrections round to 1.
    fn settles_after(&self) -> u64 {
        let steps = |beta: f64| match beta > 0.0 {
            true => (f64::from(f32::EPSILON) / 8.0).ln() / beta.ln(),
            false => 0.0,
        };
        steps(self.beta1).max(steps(self.beta2)).ceil() as u64
    }

    fn hyperparameters(&self) -> Hyperparameters {
        Hyperparameters {
            lr: Some(self.lr),
            weight_decay: Some(self.weight_decay),
            beta1: Some(self.beta1),
            beta2: Some(self.beta2),
            eps: Some(self.eps),
            ..Hyperparameters::default()
        }
    }
}

macro_rules! adam {
    ($rule:ident, $decay:literal, $field:ident) => {
        impl $rule {
            pub(super) const HYPERPARAMETERS: &[&str] = Moments::HYPERPARAMETERS;

            pub(super) fn from_hyperparameters(given: Hyperparameters) -> Result<Self, OptimError> {
                Moments::new(given, $decay).map(Self)
            }
        }

        impl UpdateRule for $rule {
            fn form(&self) -> &'static Form {
                &ADAM
            }

            fn group_words(&self, group: &ParameterGroup) -> Vec<u32> {
                let group = AdamGroup {
                    $field: group.decay(self.0.weight_decay),
                    ..self.0.group(group)
                };
                group.words()
            }

            fn row(&self, step: u64, rate: StepRate) -> [f32; 4] {
                self.0.row(step, rate)
            }

            fn settles_after(&self) -> u64 {
                self.0.settles_after()
            }

            fn momentum(&self) -> Option<f64> {
                Some(self.0.beta1)
            }

            fn hyperparameters(&self) -> Hyperparameters {
                self.0.hyperparameters()
            }
        }
    };
}

adam!(Adam, 0.0, weight_decay);
adam!(AdamW, 0.01, decoupled_decay);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corrections_settle_at_1() {
        let rule = Adam::from_hyperparameters(Hyperparameters::default()).unwrap();
        let rate = StepRate {
            lr: 0.5,
            momentum: None,
        };
        let last = rule.settles_after();
        assert!((17_000..20_000).contains(&last), "{last}");
        assert_eq!(rule.row(last, rate), [0.5, 0.5, 1.0, 0.1]);
        assert_eq!(rule.row(last, rate), rule.row(10 * last, rate));
        assert_ne!(rule.row(last / 2, rate), rule.row(last, rate));
        let first = rule.row(0, rate);
        let root = (1.0 - 0.999_f64).sqrt();
        assert_eq!(first[1], (0.5 * root / (1.0 - 0.9)) as f32);
        assert_eq!(first[2], root as f32);
    }

    #[test]
    fn rejects_each_value_out_of_range() {
        let error = |given: Hyperparameters| AdamW::from_hyperparameters(given).unwrap_err();
        for beta in [-0.1, 1.0, f64::NAN] {
            let wrong = error(Hyperparameters {
                beta2: Some(beta),
                ..Hyperparameters::default()
            });
            assert!(wrong.to_string().contains("beta2 must be"), "{wrong}");
        }
        for eps in [-1e-8, 0.0, 1e-50, f64::INFINITY] {
            let wrong = error(Hyperparameters {
                eps: Some(eps),
                ..Hyperparameters::default()
            });
            assert!(wrong.to_string().contains("eps must be"), "{wrong}");
        }
    }
}
