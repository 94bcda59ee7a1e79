//! PyTorch's update rules, one step at a time, and Lion (arXiv 2302.06675, algorithm 2).

use super::check;

/// A rule with its settings; the learning rate is given to each step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// `torch.optim.SGD`.
    Sgd {
        /// The share of the momentum buffer that is kept; 0: no buffer.
        momentum: f64,
        /// The share of the gradient that does not enter the buffer, but in the first step.
        dampening: f64,
        /// Whether the step looks ahead along the updated buffer.
        nesterov: bool,
    },
    /// `torch.optim.Adam`, or `AdamW` if `decoupled`.
    Adam {
        /// Decay of the first moment.
        beta1: f64,
        /// Decay of the second moment.
        beta2: f64,
        /// Added to the root of the second moment.
        eps: f64,
        /// Whether weight decay shrinks the parameters.
        decoupled: bool,
    },
    /// `torch.optim.RMSprop`.
    RmsProp {
        /// Decay of the mean of squares.
        alpha: f64,
        /// Added to the root.
        eps: f64,
        /// Whether the mean gradient's square is subtracted.
        centered: bool,
        /// The share of the momentum buffer that is kept; 0: no buffer.
        momentum: f64,
    },
    /// Lion.
    Lion {
        /// Share of the momentum in the direction.
        beta1: f64,
        /// Decay of the momentum.
        beta2: f64,
    },
}

/// `torch.amp.GradScaler` with its default factors, 2 and 0.5.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GradScaler {
    /// What the loss of the next step is multiplied with.
    pub scale: f64,
    growth_interval: u32,
    good_steps: u32,
}

impl GradScaler {
    /// Before the first step.
    pub fn new(scale: f64, growth_interval: u32) -> Self {
        Self {
            scale,
            growth_interval,
            good_steps: 0,
        }
    }

    /// After a step, which is taken only if its gradients are finite.
    pub fn update(&mut self, finite: bool) {
        self.good_steps += 1;
        if !finite {
            self.scale *= 0.5;
            self.good_steps = 0;
        } else if self.good_steps == self.growth_interval {
            self.scale *= 2.0;
            self.good_steps = 0;
        }
    }
}

/// What a rule keeps from step to step.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    steps: i32,
    tensors: [Vec<f64>; 3],
}

impl Memory {
    /// Of `n` parameters before the first step.
    pub fn new(n: usize) -> Self {
        Self {
            steps: 0,
            tensors: std::array::from_fn(|_| vec![0.0; n]),
        }
    }
}

impl Rule {
    /// With another share of the momentum buffer, or of the first moment, for one step of a schedule.
    #[must_use]
    pub fn with_momentum(mut self, of_step: f64) -> Rule {
        match &mut self {
            Rule::Sgd { momentum, .. } | Rule::RmsProp { momentum, .. } => *momentum = of_step,
            Rule::Adam { beta1, .. } | Rule::Lion { beta1, .. } => *beta1 = of_step,
        }
        self
    }

    /// One step, in place.
    pub fn step(
        &self,
        lr: f64,
        weight_decay: f64,
        params: &mut [f64],
        grads: &[f64],
        memory: &mut Memory,
    ) {
        check("gradient", grads.len(), params.len());
        memory.steps += 1;
        let t = memory.steps;
        let [a, b, c] = &mut memory.tensors;
        for i in 0..params.len() {
            let p = &mut params[i];
            let decays_weight = matches!(
                self,
                Rule::Lion { .. }
                    | Rule::Adam {
                        decoupled: true,
                        ..
                    }
            );
            let mut g = grads[i];
            match decays_weight {
                true => *p *= 1.0 - lr * weight_decay,
                false => g += weight_decay * *p,
            }
            match *self {
                Rule::Sgd {
                    momentum,
                    dampening,
                    nesterov,
                } => {
                    let mut direction = g;
                    if momentum != 0.0 {
                        a[i] = match t {
                            1 => g,
                            _ => momentum * a[i] + (1.0 - dampening) * g,
                        };
                        direction = match nesterov {
                            true => g + momentum * a[i],
                            false => a[i],
                        };
                    }
                    *p -= lr * direction;
                }
                Rule::Adam {
                    beta1, beta2, eps, ..
                } => {
                    a[i] = beta1 * a[i] + (1.0 - beta1) * g;
                    b[i] = beta2 * b[i] + (1.0 - beta2) * g * g;
                    let first = a[i] / (1.0 - beta1.powi(t));
                    let second = b[i] / (1.0 - beta2.powi(t));
                    *p -= lr * first / (second.sqrt() + eps);
                }
                Rule::RmsProp {
                    alpha,
                    eps,
                    centered,
                    momentum,
                } => {
                    a[i] = alpha * a[i] + (1.0 - alpha) * g * g;
                    b[i] = alpha * b[i] + (1.0 - alpha) * g;
                    let spread = match centered {
                        true => a[i] - b[i] * b[i],
                        false => a[i],
                    };
                    let mut direction = g / (spread.sqrt() + eps);
                    if momentum != 0.0 {
                        c[i] = momentum * c[i] + direction;
                        direction = c[i];
                    }
                    *p -= lr * direction;
                }
                Rule::Lion { beta1, beta2 } => {
                    let direction = beta1 * a[i] + (1.0 - beta1) * g;
                    if direction != 0.0 {
                        *p -= lr * direction.signum();
                    }
                    a[i] = beta2 * a[i] + (1.0 - beta2) * g;
                }
            }
        }
    }
}

/// Scales the gradients so that their norm is at most `limit`, as `torch.nn.utils.clip_grad_norm_`.
pub fn clip_by_norm(grads: &mut [f64], limit: f64) {
    let norm = grads.iter().map(|g| g * g).sum::<f64>().sqrt();
    let factor = (limit / (norm + 1e-6)).min(1.0);
    grads.iter_mut().for_each(|g| *g *= factor);
}
