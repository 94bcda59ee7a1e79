//! Every shader file, embedded; `WATTGRAD_SHADERS=DIR` reads them from a folder instead.

use std::borrow::Cow;

use super::Storage;
use super::emit::Language;

/// What a shader file uses that not every device or language has, or that not every tool can follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Feature {
    /// Lanes of a subgroup hand values to each other.
    Subgroups,
    /// Workgroup memory, and barriers around it.
    WorkgroupMemory,
    /// Operands that may live in rgba32float images.
    Images,
    /// Of these, some that are read and written in place.
    ReadWriteImages,
    /// A loop that ends by data: what it costs is not known beforehand.
    DataLoop,
}

impl Feature {
    /// The languages that have it, as naga writes them.
    #[must_use]
    pub const fn languages(self) -> &'static [Language] {
        match self {
            // SPIR-V from 1.3, Metal from 2.1, shader model 6.0, and WGSL with `enable subgroups`.
            Feature::Subgroups => &Language::ALL,
            Feature::WorkgroupMemory | Feature::Images | Feature::DataLoop => &Language::ALL,
            // Devices differ (typed loads, texture tier 2), languages do not.
            Feature::ReadWriteImages => &Language::ALL,
        }
    }

    /// Whether the feature concerns a shader whose operands live in `storage`.
    #[must_use]
    pub fn applies(self, storage: Storage) -> bool {
        match self {
            Feature::Images | Feature::ReadWriteImages => storage == Storage::Image,
            Feature::Subgroups | Feature::WorkgroupMemory | Feature::DataLoop => true,
        }
    }
}

/// A shader file: its name without `.wgsl`, its text as built in, and what it uses.
#[derive(Clone, Copy, Debug)]
pub struct Shader {
    /// `family/kernel`.
    pub name: &'static str,
    /// The text.
    pub text: &'static str,
    /// What it uses; of a snippet, what it adds to the core it goes into.
    pub features: &'static [Feature],
}

impl Shader {
    /// Whether the file fills a slot of others instead of running by itself.
    #[must_use]
    pub fn is_snippet(&self) -> bool {
        self.text.contains("//@begin\n")
    }

    /// The languages it can be written in, with its operands in `storage` where they may be.
    #[must_use]
    pub fn languages(&self, storage: Storage) -> Vec<Language> {
        let uses = || self.features.iter().filter(|f| f.applies(storage));
        Language::ALL
            .into_iter()
            .filter(|language| uses().all(|feature| feature.languages().contains(language)))
            .collect()
    }
}

macro_rules! embed {
    ($($name:literal: [$($feature:ident),*]),* $(,)?) => {
        &[$(Shader {
            name: $name,
            text: include_str!(concat!("../../shaders/", $name, ".wgsl")),
            features: &[$(Feature::$feature),*],
        }),*]
    };
}

/// Every file under `shaders/`, cores and snippets, with what it uses: the one place that says so.
pub const SHADERS: &[Shader] = embed![
    "batch/elements_i16": [],
    "batch/elements_i32": [],
    "batch/elements_i8": [],
    "batch/elements_u16": [],
    "batch/elements_u8": [],
    "batch/finish_evaluation": [WorkgroupMemory, Images],
    "batch/finish_step": [WorkgroupMemory, Images],
    "batch/gather": [Images],
    "batch/gather_labels": [],
    "batch/order": [DataLoop],
    "conv/block_a_grad_input": [],
    "conv/block_a_grad_weight": [],
    "conv/block_b_forward": [],
    "conv/block_b_grad_input": [],
    "conv/block_b_grad_weight": [],
    "conv/block_b_pointwise": [],
    "conv/block_b_pointwise_grad_weight": [],
    "conv/block_b_pointwise_stride2": [],
    "conv/block_b_pointwise_stride2_grad_input": [],
    "conv/block_b_pointwise_stride2_grad_weight": [],
    "conv/channel_sum": [WorkgroupMemory, Images],
    "conv/place_input": [],
    "conv/place_output": [],
    "elementwise/finish_add": [Images],
    "elementwise/finish_add_mask": [Images],
    "elementwise/finish_add_relu": [Images],
    "elementwise/finish_mask": [Images],
    "elementwise/finish_relu": [],
    "elementwise/map": [Images],
    "gemm/block_a_transposed": [],
    "gemm/block_b_transposed": [],
    "gemm/column_sum": [Images],
    "gemm/direct": [Images],
    "gemm/epilogue_add": [Images],
    "gemm/epilogue_add_mask": [Images],
    "gemm/epilogue_bias": [Images],
    "gemm/epilogue_bias_relu": [Images],
    "gemm/epilogue_mask": [Images],
    "gemm/epilogue_relu": [],
    "gemm/epilogue_row_bias": [Images],
    "gemm/epilogue_row_bias_relu": [Images],
    "gemm/reduce": [Images],
    "gemm/tile": [WorkgroupMemory, Images],
    "loss/cross_entropy": [Images],
    "loss/gradient": [Images],
    "norm/apply": [Images],
    "norm/finish_gradient": [Images],
    "norm/finish_statistics": [Images, ReadWriteImages],
    "norm/gradient_input": [Images],
    "norm/gradient_sums": [WorkgroupMemory, Images],
    "norm/running_coefficients": [Images],
    "norm/statistics": [WorkgroupMemory, Images],
    "optim/sgd_momentum": [Images, ReadWriteImages],
    "optim/update": [WorkgroupMemory, Images, ReadWriteImages, DataLoop],
    "pool/max_backward": [Images],
    "pool/max_backward_2x2": [Images],
    "pool/max_forward": [Images],
    "pool/max_forward_2x2": [Images],
    "pool/mean_backward": [Images],
    "pool/mean_forward": [Images],
    "texel/conv3x3": [Subgroups, Images],
    "texel/conv3x3_grad_input_stride2": [Subgroups, Images],
    "texel/conv3x3_grad_weight": [Subgroups, Images],
    "texel/conv3x3_grad_weight_thin": [Subgroups, Images],
    "texel/gemm": [Subgroups, Images],
    "texel/lanes_a_conv_grad_input": [Subgroups],
    "texel/lanes_a_conv_grad_weight": [Subgroups],
    "texel/lanes_a_transposed": [Subgroups],
    "texel/taps_stride2": [],
    "texel/weights_rotated": [],
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
