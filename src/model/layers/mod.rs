//! Layer types, a file each: shapes and parameters, and the pair `forward` and `backward` that append dispatches.

mod add;
mod batch_norm;
mod conv;
mod linear;
mod pool;
mod relu;

pub use add::Add;
pub use batch_norm::BatchNorm;
pub use conv::Conv2d;
pub use linear::Linear;
pub use pool::{MaxPool2d, MeanPool};
pub use relu::Relu;

use super::ParameterSpec;
use crate::kernels::{List, Shape, Tensor, Tuning};

/// Whether statistics are of the batch or the running ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Forward for a backward to come.
    Train,
    /// Forward alone.
    Evaluate,
}

/// What `forward` works with.
#[derive(Debug)]
pub struct Forward<'a> {
    /// Where dispatches are appended.
    pub list: &'a mut List,
    /// What suits the device.
    pub tuning: &'a Tuning,
    /// Samples of a batch.
    pub images: u32,
    /// Training or evaluation.
    pub phase: Phase,
    /// The layer's name, for labels.
    pub name: &'a str,
    /// Inputs with their shapes.
    pub inputs: &'a [(Tensor, Shape)],
    /// Output with its shape.
    pub output: (Tensor, Shape),
    /// Parameters in the order of [`Layer::parameters`].
    pub parameters: &'a [Tensor],
    /// A value to add to the output, where [`Layer::fuses_add`].
    pub addend: Option<Tensor>,
    /// Whether ReLU follows, where [`Layer::fuses_relu`].
    pub relu: bool,
}

/// Where the gradient of an input goes.
#[derive(Clone, Copy, Debug)]
pub struct GradientTarget {
    /// The gradient.
    pub dx: Tensor,
    /// What other consumers have left, to be added.
    pub addend: Option<Tensor>,
    /// The input itself where it is a ReLU's output and this is its last consumer: the gradient passes where it is
    /// positive.
    pub mask: Option<Tensor>,
}

/// What `backward` works with.
#[derive(Debug)]
pub struct Backward<'a> {
    /// Where dispatches are appended.
    pub list: &'a mut List,
    /// What suits the device.
    pub tuning: &'a Tuning,
    /// Samples of a batch.
    pub images: u32,
    /// The layer's name, for labels.
    pub name: &'a str,
    /// Inputs with their shapes.
    pub inputs: &'a [(Tensor, Shape)],
    /// Output with its shape.
    pub output: (Tensor, Shape),
    /// What `forward` saved.
    pub saved: &'a [Tensor],
    /// Gradient of the output (before a fused ReLU: already masked).
    pub dy: Tensor,
    /// Parameters.
    pub parameters: &'a [Tensor],
    /// Where their gradients go; `None`: not wanted.
    pub parameter_gradients: &'a [Option<Tensor>],
    /// Where the inputs' gradients go; `None`: not wanted.
    pub input_gradients: &'a [Option<GradientTarget>],
}

/// A layer type.
pub trait Layer: std::fmt::Debug + Send + Sync {
    /// Its name: `linear`.
    fn kind(&self) -> &'static str;

    /// Shape of the output of one sample.
    ///
    /// # Errors
    /// What does not fit, in words.
    fn output(&self, inputs: &[Shape]) -> Result<Shape, String>;

    /// Parameters, named within the layer: `weight`, `bias`. The inputs have passed [`Layer::output`].
    fn parameters(&self, _inputs: &[Shape]) -> Vec<ParameterSpec> {
        vec![]
    }

    /// Whether a ReLU that alone consumes the output can be part of this layer's kernel.
    fn fuses_relu(&self) -> bool {
        false
    }

    /// Whether an addition that alone consumes the output can be part of this layer's kernel.
    fn fuses_add(&self) -> bool {
        false
    }

    /// Whether the gradient of every input is the gradient of the output itself.
    fn passes_gradient(&self) -> bool {
        false
    }

    /// Appends the dispatches that compute the output, and returns what `backward` needs beside inputs and output.
    fn forward(&self, forward: Forward<'_>) -> Vec<Tensor>;

    /// Appends the dispatches that compute the gradients that are wanted.
    fn backward(&self, backward: Backward<'_>);
}

/// Checks that windows of `kernel` fit the padded input; pairs are along height and width.
fn check_window(
    what: &str,
    kernel: [u32; 2],
    stride: [u32; 2],
    padding: [u32; 2],
    input: Shape,
) -> Result<(), String> {
    if kernel.contains(&0) || stride.contains(&0) {
        return Err(format!("{what} and stride must be at least 1"));
    }
    let padded = |axis: usize, size: u32| u64::from(size) + 2 * u64::from(padding[axis]);
    let [height, width] = [padded(0, input.height), padded(1, input.width)];
    if height < u64::from(kernel[0]) || width < u64::from(kernel[1]) {
        return Err(format!(
            "the {what} of {}x{} is larger than the padded input of {height}x{width}",
            kernel[0], kernel[1]
        ));
    }
    Ok(())
}
