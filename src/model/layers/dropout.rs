use super::{Backward, Forward, Layer, Random};
use crate::kernels::{Shape, Tensor, elementwise};

/// Sets elements to 0 at random while training, and divides the others by the share that passes; an evaluation leaves it out.
/// The mask is a function of the run's seed, the layer's name, the micro-batch and the place of the element: it is the same
/// on every device and is not stored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dropout {
    /// Probability of 0, from 0 to below 1.
    pub p: f32,
}

impl Dropout {
    fn mask(&self, random: Random) -> elementwise::Dropout {
        elementwise::Dropout {
            rate: self.p,
            key: random.key,
        }
    }
}

impl Layer for Dropout {
    fn kind(&self) -> &'static str {
        "dropout"
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, String> {
        match (0.0..1.0).contains(&self.p) {
            true => Ok(inputs[0]),
            false => Err(format!(
                "the probability of a dropout must be at least 0 and below 1, got {}",
                self.p
            )),
        }
    }

    fn passes_in_evaluation(&self) -> bool {
        true
    }

    fn forward(&self, f: Forward<'_>) -> Vec<Tensor> {
        let (x, y) = (f.inputs[0].0, f.output.0);
        let label = format!("{} forward", f.name);
        let mask = self.mask(f.random);
        mask.apply(f.list, f.tuning, &label, f.random.state, x, y, None, None);
        vec![]
    }

    fn backward(&self, b: Backward<'_>) {
        let Some(target) = b.input_gradients[0] else {
            return;
        };
        self.mask(b.random).apply(
            b.list,
            b.tuning,
            &format!("{} backward", b.name),
            b.random.state,
            b.dy,
            target.dx,
            target.mask,
            target.addend,
        );
    }
}
