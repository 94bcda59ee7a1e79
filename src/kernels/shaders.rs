//! Every shader file, embedded; `WATTGRAD_SHADERS=DIR` reads them from a folder instead.

use std::borrow::Cow;

use super::{List, Tuning};

/// A registered shader file.
#[derive(Clone, Copy, Debug)]
pub struct Shader {
    /// `family/kernel`: its file under `shaders/`, without `.wgsl`.
    pub name: &'static str,
    /// The text as built in.
    pub text: &'static str,
    /// Appends a dispatch of it at sizes of its own, for the tests of every kernel; absent where the lowering of the
    /// tests' networks uses it.
    pub example: Option<fn(&mut List, &Tuning)>,
}

impl Shader {
    /// Whether the file fills a slot of others instead of running by itself.
    #[must_use]
    pub fn is_snippet(&self) -> bool {
        self.text.contains("//@begin\n")
    }
}

macro_rules! register {
    ($($name:literal $(=> $example:expr)?),* $(,)?) => {
        &[$(Shader {
            name: $name,
            text: include_str!(concat!("../../shaders/", $name, ".wgsl")),
            example: register!(@ $($example)?),
        }),*]
    };
    (@) => { None };
    (@ $example:expr) => { Some($example) };
}

/// Every file under `shaders/`, cores and snippets.
pub const SHADERS: &[Shader] = register![
    "batch/elements_f16",
    "batch/elements_i16",
    "batch/elements_i32",
    "batch/elements_i8",
    "batch/elements_u16",
    "batch/elements_u8",
    "batch/finish_evaluation",
    "batch/finish_micro_batch",
    "batch/finish_step",
    "batch/gather",
    "batch/gather_augmented",
    "batch/gather_labels",
    "batch/order",
    "conv/block_a_grad_input",
    "conv/block_a_grad_weight",
    "conv/block_b_forward",
    "conv/block_b_grad_input",
    "conv/block_b_grad_weight",
    "conv/block_b_pointwise",
    "conv/block_b_pointwise_grad_weight",
    "conv/block_b_pointwise_stride2",
    "conv/block_b_pointwise_stride2_grad_input",
    "conv/block_b_pointwise_stride2_grad_weight",
    "conv/block_b_stride1",
    "conv/block_b_stride1_grad_weight",
    "conv/channel_sum",
    "conv/grouped_forward",
    "conv/grouped_grad_input",
    "conv/grouped_grad_weight",
    "conv/place_input",
    "conv/place_output",
    "conv/winograd_output",
    "conv/winograd_tiles",
    "conv/winograd_weights",
    "elementwise/activate",
    "elementwise/activate_backward",
    "elementwise/dropout",
    "elementwise/finish_add",
    "elementwise/finish_add_mask",
    "elementwise/finish_add_relu",
    "elementwise/finish_mask",
    "elementwise/finish_relu",
    "elementwise/gelu",
    "elementwise/gelu_tanh",
    "elementwise/map",
    "elementwise/silu",
    "gemm/block_a_transposed",
    "gemm/block_b_transposed",
    "gemm/column_sum",
    "gemm/direct",
    "gemm/epilogue_add",
    "gemm/epilogue_add_mask",
    "gemm/epilogue_bias",
    "gemm/epilogue_bias_relu",
    "gemm/epilogue_mask",
    "gemm/epilogue_relu",
    "gemm/epilogue_row_bias",
    "gemm/epilogue_row_bias_relu",
    "gemm/reduce",
    "gemm/tile",
    "loss/binary",
    "loss/class_weights",
    "loss/cross_entropy",
    "loss/elements",
    "loss/gradient",
    "loss/gradient_scaled",
    "loss/pos_weight",
    "norm/apply",
    "norm/finish_gradient",
    "norm/finish_statistics",
    "norm/gradient_input",
    "norm/gradient_sums",
    "norm/layer_forward",
    "norm/layer_gradient_input",
    "norm/layer_gradient_parameters",
    "norm/running_coefficients",
    "norm/statistics",
    "optim/accumulate",
    "optim/accumulated",
    "optim/adam",
    "optim/clip_by_norm",
    "optim/clip_factor",
    "optim/gradient_norm",
    "optim/lion",
    "optim/loss_scale",
    "optim/rmsprop",
    "optim/rmsprop_centered",
    "optim/rmsprop_centered_momentum",
    "optim/rmsprop_momentum",
    "optim/sgd_dampened",
    "optim/sgd_momentum",
    "optim/step_scheduled",
    "optim/unscale",
    "optim/update",
    "pool/average_backward",
    "pool/average_forward",
    "pool/max_backward",
    "pool/max_backward_2x2",
    "pool/max_forward",
    "pool/max_forward_2x2",
    "pool/mean_backward",
    "pool/mean_forward",
    "texel/conv3x3",
    "texel/conv3x3_grad_input_stride2",
    "texel/conv3x3_grad_weight",
    "texel/conv3x3_grad_weight_thin",
    "texel/gemm",
    "texel/lanes_a_conv_grad_input",
    "texel/lanes_a_conv_grad_weight",
    "texel/lanes_a_transposed",
    "texel/taps_stride2",
    "texel/weights_rotated",
];

/// The text of a shader file.
///
/// # Errors
/// The name is unknown, or the folder that `WATTGRAD_SHADERS` names has no readable file of that name.
pub fn shader(name: &str) -> Result<Cow<'static, str>, String> {
    if let Some(folder) = std::env::var_os("WATTGRAD_SHADERS") {
        let path = std::path::Path::new(&folder).join(format!("{name}.wgsl"));
        return std::fs::read_to_string(&path).map(Cow::Owned).map_err(|why| {
            format!(
                "cannot read the shader {} ({why}); unset WATTGRAD_SHADERS or put the file there",
                path.display()
            )
        });
    }
    let found = SHADERS.iter().find(|shader| shader.name == name);
    found
        .map(|shader| Cow::Borrowed(shader.text))
        .ok_or_else(|| format!("no shader is named {name}"))
}
