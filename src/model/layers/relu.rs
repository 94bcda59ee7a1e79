use super::{Backward, Forward, Layer};
use crate::kernels::{Shape, Tensor, elementwise};

/// `max(x, 0)` in a kernel of its own, where no producer's kernel can apply it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relu;

impl Layer for Relu {
    fn kind(&self) -> &'static str {
        "relu"
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, String> {
        Ok(inputs[0])
    }

    /// The layer that writes the gradient of the output applies the mask.
    fn passes_gradient(&self) -> bool {
        true
    }

    fn forward(&self, f: Forward<'_>) -> Vec<Tensor> {
        elementwise::relu(
            f.list,
            f.tuning,
            &format!("{} forward", f.name),
            f.inputs[0].0,
            f.output.0,
        );
        vec![]
    }

    fn backward(&self, _: Backward<'_>) {}
}
