use std::sync::Arc;

use super::{Backward, Forward, Layer, Phase};
use crate::kernels::{Role, Shape, Tensor, norm};
use crate::model::{ParameterKind, ParameterLayout, ParameterSpec};

/// Batch norm over images, rows and columns, with scale, shift and running statistics.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchNorm {
    /// Added to the variance.
    pub eps: f32,
    /// Share of the batch in the running statistics.
    pub momentum: f32,
    /// Whether training uses the running statistics, and keeps them.
    pub frozen: bool,
}

impl Default for BatchNorm {
    fn default() -> Self {
        BatchNorm {
            eps: 1e-5,
            momentum: 0.1,
            frozen: false,
        }
    }
}

impl BatchNorm {
    fn norm(&self, images: u32, shape: Shape) -> norm::BatchNorm {
        norm::BatchNorm {
            images,
            shape,
            eps: self.eps,
            momentum: self.momentum,
        }
    }
}

impl Layer for BatchNorm {
    fn kind(&self) -> &'static str {
        "batch_norm2d"
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, String> {
        if inputs[0].channels == 1 && inputs[0].height == 1 {
            return Err(
                "batch norm works on images; a vector of features has no channels to normalize"
                    .into(),
            );
        }
        Ok(inputs[0])
    }

    fn parameters(&self, inputs: &[Shape]) -> Vec<ParameterSpec> {
        let n = inputs[0].channels as usize;
        let spec = |name: &str, kind| ParameterSpec {
            name: name.into(),
            shape: vec![n],
            kind,
            layout: ParameterLayout::vector(n),
            frozen: false,
            group: 0,
        };
        vec![
            spec("weight", ParameterKind::NormWeight),
            spec("bias", ParameterKind::NormBias),
            spec("running_mean", ParameterKind::RunningMean),
            spec("running_var", ParameterKind::RunningVar),
        ]
    }

    fn frozen(&self, frozen: bool) -> Option<Arc<dyn Layer>> {
        Some(Arc::new(Self { frozen, ..*self }))
    }

    fn fuses_relu(&self) -> bool {
        true
    }

    fn fuses_add(&self) -> bool {
        true
    }

    fn forward(&self, f: Forward<'_>) -> Vec<Tensor> {
        let (x, shape) = f.inputs[0];
        let norm = self.norm(f.images, shape);
        let coefficients = norm.coefficients(f.list, &format!("{}.coefficients", f.name));
        let label = format!("{} forward", f.name);
        let &[gamma, beta, mean, var] = f.parameters else {
            return vec![];
        };
        let forward = match f.phase {
            Phase::Train if !self.frozen => norm::BatchNorm::train_forward,
            _ => norm::BatchNorm::eval_forward,
        };
        forward(
            &norm,
            f.list,
            f.tuning,
            &label,
            x,
            gamma,
            beta,
            mean,
            var,
            coefficients,
            f.output.0,
            f.addend,
            f.relu,
        );
        vec![coefficients]
    }

    fn backward(&self, b: Backward<'_>) {
        let (x, shape) = b.inputs[0];
        let target = b.input_gradients[0];
        if self.frozen {
            if let (Some(target), &[gamma, beta, mean, var]) = (target, b.parameters) {
                let label = format!("{} backward", b.name);
                let norm = self.norm(b.images, shape);
                norm.frozen_backward(
                    b.list,
                    b.tuning,
                    &label,
                    b.dy,
                    [gamma, beta, mean, var],
                    target.dx,
                    target.mask,
                    target.addend,
                );
            }
            return;
        }
        // The sums over the batch are needed for dx also where gamma and beta are frozen: they then go to scratch.
        let channels = u64::from(shape.channels.div_ceil(4));
        let mut place = |at: usize, name: &str| match b.parameter_gradients[at] {
            Some(tensor) => tensor,
            None => b
                .list
                .tensor(format!("{}.{name}", b.name), Role::Scratch, channels),
        };
        let (dgamma, dbeta) = (place(0, "dgamma"), place(1, "dbeta"));
        let (mask, addend) = target.map_or((None, None), |t| (t.mask, t.addend));
        let norm = self.norm(b.images, shape);
        let quads = u64::from(b.images) * u64::from(shape.quads());
        let dx = match target {
            Some(target) => target.dx,
            None => b
                .list
                .tensor(format!("{}.dx", b.name), Role::Scratch, quads),
        };
        let label = format!("{} backward", b.name);
        norm.backward(
            b.list, b.tuning, &label, x, b.dy, b.saved[0], dx, dgamma, dbeta, mask, addend,
        );
    }
}
