//! Layer types, one per file: shapes, parameters, and `forward` and `backward`, which append dispatches.

mod activation;
mod add;
mod batch_norm;
mod conv;
mod dropout;
mod layer_norm;
mod linear;
mod pool;
mod relu;

pub use activation::Activation;
pub use add::Add;
pub use batch_norm::BatchNorm;
pub use conv::Conv2d;
pub use dropout::Dropout;
pub use layer_norm::LayerNorm;
pub use linear::Linear;
pub use pool::{AvgPool2d, MaxPool2d, MeanPool};
pub use relu::Relu;

use std::sync::Arc;

use super::ParameterSpec;
use crate::kernels::{List, Shape, Tensor, Tuning};

/// Whether a forward pass uses batch statistics or running statistics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Forward before a backward: batch statistics.
    Train,
    /// Forward alone: running statistics.
    Evaluate,
}

/// Where random numbers come from: they depend on the seed, the layer, the micro-batch and the place of an element.
#[derive(Clone, Copy, Debug)]
pub struct Random {
    /// The counters on the device, micro-batches among them.
    pub state: Tensor,
    /// Key of the layer, from the seed of the run and the layer's name.
    pub key: u32,
}

impl Random {
    /// The random numbers of layer `name` in a run with this seed.
    pub(crate) fn new(state: Tensor, seed: u32, name: &str) -> Random {
        // FNV-1a, so that the layers' masks have nothing to do with each other.
        let hash = name.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
            (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
        });
        let key = crate::data::mix(seed).wrapping_add(hash);
        Random { state, key }
    }
}

/// Arguments of [`Layer::forward`].
#[derive(Debug)]
pub struct Forward<'a> {
    /// The list that dispatches are appended to.
    pub list: &'a mut List,
    /// Kernel variants and tiles of the device.
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
    /// A value to add to the output, if [`Layer::fuses_add`].
    pub addend: Option<Tensor>,
    /// Whether to apply ReLU to the output, if [`Layer::fuses_relu`].
    pub relu: bool,
    /// Random numbers.
    pub random: Random,
}

/// Where to write the gradient of an input.
#[derive(Clone, Copy, Debug)]
pub struct GradientTarget {
    /// The gradient.
    pub dx: Tensor,
    /// The sum of the gradients of other consumers, to be added.
    pub addend: Option<Tensor>,
    /// The input itself, if it is the output of a ReLU and this is its last consumer: the gradient is zero where the
    /// input is not positive.
    pub mask: Option<Tensor>,
}

/// Arguments of [`Layer::backward`].
#[derive(Debug)]
pub struct Backward<'a> {
    /// The list that dispatches are appended to.
    pub list: &'a mut List,
    /// Kernel variants and tiles of the device.
    pub tuning: &'a Tuning,
    /// Samples of a batch.
    pub images: u32,
    /// The layer's name, for labels.
    pub name: &'a str,
    /// Inputs with their shapes.
    pub inputs: &'a [(Tensor, Shape)],
    /// Output with its shape.
    pub output: (Tensor, Shape),
    /// Tensors returned by [`Layer::forward`].
    pub saved: &'a [Tensor],
    /// Gradient of the output; of a fused ReLU, already masked.
    pub dy: Tensor,
    /// Parameters.
    pub parameters: &'a [Tensor],
    /// Where to write their gradients; `None`: not needed.
    pub parameter_gradients: &'a [Option<Tensor>],
    /// Where to write the gradients of the inputs; `None`: not needed.
    pub input_gradients: &'a [Option<GradientTarget>],
    /// The random numbers that the forward pass had.
    pub random: Random,
}

/// A layer type.
pub trait Layer: std::fmt::Debug + Send + Sync {
    /// Name of the type, such as `linear`.
    fn kind(&self) -> &'static str;

    /// Shape of the output of one sample.
    ///
    /// # Errors
    /// Why the inputs do not fit, in words.
    fn output(&self, inputs: &[Shape]) -> Result<Shape, String>;

    /// Parameters, named within the layer: `weight`, `bias`. Only called after [`Layer::output`] accepted the inputs.
    fn parameters(&self, _inputs: &[Shape]) -> Vec<ParameterSpec> {
        vec![]
    }

    /// Whether this layer's kernel can apply a ReLU that is the only consumer of the output.
    fn fuses_relu(&self) -> bool {
        false
    }

    /// Whether this layer's kernel can do an addition that is the only consumer of the output.
    fn fuses_add(&self) -> bool {
        false
    }

    /// Whether the gradient of every input equals the gradient of the output.
    fn passes_gradient(&self) -> bool {
        false
    }

    /// Whether the output in an evaluation is the only input, unchanged: the layer is then left out.
    fn passes_in_evaluation(&self) -> bool {
        false
    }

    /// The layer if all of its parameters are frozen, or not; `None` for a layer that computes the same in training.
    fn frozen(&self, _frozen: bool) -> Option<Arc<dyn Layer>> {
        None
    }

    /// Appends the dispatches that compute the output. Returns the tensors that `backward` needs besides inputs and output.
    fn forward(&self, forward: Forward<'_>) -> Vec<Tensor>;

    /// Appends the dispatches that compute the requested gradients.
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
