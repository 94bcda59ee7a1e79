//! Every shader file, embedded; `WATTGRAD_SHADERS=DIR` reads them from a folder instead.

use std::borrow::Cow;

/// A shader file: its name without `.wgsl` and its text as built in.
#[derive(Clone, Copy, Debug)]
pub struct Shader {
    /// `family/kernel`.
    pub name: &'static str,
    /// The text.
    pub text: &'static str,
}

macro_rules! embed {
    ($($name:literal),* $(,)?) => { &[$(Shader { name: $name, text: include_str!(concat!("../../shaders/", $name, ".wgsl")) }),*] };
}

/// Every file under `shaders/`, cores and snippets.
pub const SHADERS: &[Shader] = embed![
    "batch/elements_i16",
    "batch/elements_i32",
    "batch/elements_i8",
    "batch/elements_u16",
    "batch/elements_u8",
    "batch/finish_evaluation",
    "batch/finish_step",
    "batch/gather",
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
    "conv/channel_sum",
    "conv/lanes_a_grad_input",
    "conv/lanes_a_grad_weight",
    "conv/place_input",
    "conv/place_output",
    "conv/taps_stride2",
    "conv/texel3x3",
    "conv/texel3x3_grad_stride2",
    "conv/texel3x3_grad_weight",
    "conv/texel3x3_grad_weight_thin",
    "conv/weights_turned",
    "elementwise/finish_add",
    "elementwise/finish_add_mask",
    "elementwise/finish_add_relu",
    "elementwise/finish_mask",
    "elementwise/finish_relu",
    "elementwise/map",
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
    "gemm/lanes_a_transposed",
    "gemm/reduce",
    "gemm/texel",
    "gemm/tile",
    "loss/cross_entropy",
    "loss/gradient",
    "norm/apply",
    "norm/finish_gradient",
    "norm/finish_statistics",
    "norm/gradient_input",
    "norm/gradient_sums",
    "norm/running_coefficients",
    "norm/statistics",
    "optim/sgd",
    "pool/max_backward",
    "pool/max_backward_2x2",
    "pool/max_forward",
    "pool/max_forward_2x2",
    "pool/mean_backward",
    "pool/mean_forward",
];

/// The text of a shader file.
///
/// # Errors
/// The name is unknown, or the folder that `WATTGRAD_SHADERS` names has no readable file of that name.
pub fn shader(name: &str) -> Result<Cow<'static, str>, String> {
    if let Some(folder) = std::env::var_os("WATTGRAD_SHADERS") {
        let path = std::path::Path::new(&folder).join(format!("{name}.wgsl"));
        return std::fs::read_to_string(&path)
            .map(Cow::Owned)
            .map_err(|why| format!("the shader {} cannot be read ({why}); unset WATTGRAD_SHADERS or put the file there", path.display()));
    }
    let found = SHADERS.iter().find(|s| s.name == name);
    found
        .map(|s| Cow::Borrowed(s.text))
        .ok_or_else(|| format!("no shader is named {name}"))
}

/// The text of a snippet file.
///
/// # Errors
/// As [`shader`].
pub fn snippet(name: &str) -> Result<Cow<'static, str>, String> {
    shader(name)
}
