//! Stochastic gradient descent as PyTorch's `SGD`: momentum without dampening, L2 weight decay, Nesterov.

use super::check;

/// The settings of a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sgd {
    /// Learning rate.
    pub lr: f64,
    /// The share of the momentum buffer that is kept; 0 for plain descent.
    pub momentum: f64,
    /// Added to the gradient, times the parameter.
    pub weight_decay: f64,
    /// Whether the step looks ahead along the updated buffer.
    pub nesterov: bool,
}

impl Sgd {
    /// One step, in place. `momentum` starts at zero, which makes the first step's buffer the gradient, as in PyTorch.
    pub fn step(&self, params: &mut [f64], grads: &[f64], momentum: &mut [f64]) {
        check("gradient", grads.len(), params.len());
        check("momentum", momentum.len(), params.len());
        for ((param, grad), buffer) in params.iter_mut().zip(grads).zip(momentum) {
            let grad = grad + self.weight_decay * *param;
            let mut direction = grad;
            if self.momentum != 0.0 {
                *buffer = self.momentum * *buffer + grad;
                direction = match self.nesterov {
                    true => grad + self.momentum * *buffer,
                    false => *buffer,
                };
            }
            *param -= self.lr * direction;
        }
    }
}
