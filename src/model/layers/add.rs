use super::{Backward, Forward, Layer};
use crate::kernels::{Shape, Tensor, elementwise};

/// `a + b`: the joint of a residual block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Add;

impl Layer for Add {
    fn kind(&self) -> &'static str {
        "add"
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, String> {
        match inputs {
            [a, b] if a == b => Ok(*a),
            [a, b] => Err(format!(
                "the two inputs have different shapes, {}x{}x{} and {}x{}x{}",
                a.channels, a.height, a.width, b.channels, b.height, b.width
            )),
            _ => Err(format!(
                "an addition needs two inputs, got {}",
                inputs.len()
            )),
        }
    }

    fn fuses_relu(&self) -> bool {
        true
    }

    fn passes_gradient(&self) -> bool {
        true
    }

    fn forward(&self, f: Forward<'_>) -> Vec<Tensor> {
        let (a, b) = (f.inputs[0].0, f.inputs[1].0);
        elementwise::add(
            f.list,
            f.tuning,
            &format!("{} forward", f.name),
            a,
            b,
            f.output.0,
            f.relu,
        );
        vec![]
    }

    fn backward(&self, _: Backward<'_>) {}
}
