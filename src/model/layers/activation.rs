use super::{Backward, Forward, Layer};
use crate::kernels::elementwise::{self, Function};
use crate::kernels::{Shape, Tensor};

/// GELU, SiLU or tanh of each element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Activation(pub Function);

impl Layer for Activation {
    fn kind(&self) -> &'static str {
        match self.0 {
            Function::Gelu => "gelu",
            Function::GeluTanh => "gelu_tanh",
            Function::Silu => "silu",
            Function::Tanh => "tanh",
        }
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, String> {
        Ok(inputs[0])
    }

    fn forward(&self, f: Forward<'_>) -> Vec<Tensor> {
        let label = format!("{} forward", f.name);
        let x = f.inputs[0].0;
        elementwise::activate(f.list, f.tuning, &label, self.0, x, f.output.0);
        vec![]
    }

    fn backward(&self, b: Backward<'_>) {
        let Some(target) = b.input_gradients[0] else {
            return;
        };
        elementwise::activate_backward(
            b.list,
            b.tuning,
            &format!("{} backward", b.name),
            self.0,
            b.inputs[0].0,
            b.dy,
            target.dx,
            target.mask,
            target.addend,
        );
    }
}
