use super::{Backward, Forward, Layer};
use crate::kernels::{Role, Shape, Tensor, norm};
use crate::model::{ParameterKind, ParameterLayout, ParameterSpec};

/// Layer norm over the last axes of a sample, with scale and shift of their shape.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LayerNorm {
    /// How many of the last axes are normalised together: 1 the width, length or features, 2 height and width, 3 a whole
    /// sample of `[channels, height, width]`.
    pub axes: usize,
    /// Added to the variance.
    pub eps: f32,
}

impl Default for LayerNorm {
    fn default() -> Self {
        LayerNorm { axes: 1, eps: 1e-5 }
    }
}

impl LayerNorm {
    fn norm(&self, images: u32, shape: Shape) -> norm::LayerNorm {
        let (rows, lines) = match self.axes {
            1 => (shape.channels * shape.height, 1),
            2 => (shape.channels, shape.height),
            _ => (1, shape.channels * shape.height),
        };
        norm::LayerNorm {
            rows: images * rows,
            lines,
            width: shape.width,
            eps: self.eps,
        }
    }
}

impl Layer for LayerNorm {
    fn kind(&self) -> &'static str {
        "layer_norm"
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, String> {
        match self.axes {
            1..=3 => Ok(inputs[0]),
            axes => Err(format!(
                "layer norm works on the last 1, 2 or 3 axes, got {axes}"
            )),
        }
    }

    fn parameters(&self, inputs: &[Shape]) -> Vec<ParameterSpec> {
        let shape = inputs[0];
        let norm = self.norm(1, shape);
        let (lines, width) = (norm.lines as usize, norm.width as usize);
        let sizes = [shape.channels, shape.height, shape.width].map(|n| n as usize);
        let spec = |name: &str, kind| ParameterSpec {
            name: name.into(),
            shape: sizes[3 - self.axes..].to_vec(),
            kind,
            layout: ParameterLayout {
                outer: 1,
                middle: lines,
                inner: width,
                inner_pitch: width.next_multiple_of(4),
                row_quads: norm.quads() as usize,
            },
            frozen: false,
            group: 0,
        };
        vec![
            spec("weight", ParameterKind::NormWeight),
            spec("bias", ParameterKind::NormBias),
        ]
    }

    fn fuses_relu(&self) -> bool {
        true
    }

    fn forward(&self, f: Forward<'_>) -> Vec<Tensor> {
        let (x, shape) = f.inputs[0];
        let norm = self.norm(f.images, shape);
        let moments = norm.moments(f.list, &format!("{}.moments", f.name));
        let &[gamma, beta] = f.parameters else {
            return vec![];
        };
        norm.forward(
            f.list,
            f.tuning,
            &format!("{} forward", f.name),
            x,
            gamma,
            beta,
            moments,
            f.output.0,
            f.relu,
        );
        vec![moments]
    }

    fn backward(&self, b: Backward<'_>) {
        let (x, shape) = b.inputs[0];
        let norm = self.norm(b.images, shape);
        let moments = b.saved[0];
        if b.parameter_gradients.iter().any(Option::is_some) {
            // Both sums are made together; the sum of a frozen parameter goes to scratch.
            let quads = u64::from(norm.quads());
            let mut place = |at: usize, name: &str| match b.parameter_gradients[at] {
                Some(tensor) => tensor,
                None => b
                    .list
                    .tensor(format!("{}.{name}", b.name), Role::Scratch, quads),
            };
            let (dgamma, dbeta) = (place(0, "dgamma"), place(1, "dbeta"));
            let label = format!("{} parameters", b.name);
            norm.gradient_parameters(b.list, b.tuning, &label, x, b.dy, moments, dgamma, dbeta);
        }
        if let Some(target) = b.input_gradients[0] {
            norm.gradient_input(
                b.list,
                b.tuning,
                &format!("{} grad input", b.name),
                x,
                b.dy,
                b.parameters[0],
                moments,
                target.dx,
                target.mask,
                target.addend,
            );
        }
    }
}
