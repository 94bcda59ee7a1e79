//! The cases of every kernel, a file per family.
//!
//! Each kernel runs with its tensors in buffers and, if the device allows it, in images, with its work divided in two
//! ways. Sizes are not multiples of quads or workgroups. `EPS` is twice the unit roundoff of f32: a bound of
//! `c * EPS * magnitude` allows `2 c` roundings of terms that add up to `magnitude`.

mod activate;
mod augment;
mod batch;
mod conv;
pub mod conv_cases;
mod elementwise;
mod finish;
mod folded;
mod gemm;
mod half;
mod layer_norm;
mod loss;
mod loss_elements;
mod norm;
mod optim;
mod pool;
pub mod rules;
mod winograd;

use super::examiner::{Examiner, tuning};
use crate::kernels::{GemmCore, GemmRule, List, Role, Shape, Storage, Tensor, Tuning, oracle};

/// A group of cases.
#[derive(Clone, Copy, Debug)]
pub struct Suite {
    /// Its name.
    pub name: &'static str,
    /// The folders of the shaders that its lists use.
    pub families: &'static [&'static str],
    /// Runs all cases.
    pub run: fn(&mut Examiner<'_>),
}

macro_rules! suites {
    ($($name:literal [$($family:literal),*] $run:path),* $(,)?) => {
        /// All suites.
        pub const SUITES: &[Suite] = &[$(Suite {
            name: $name,
            families: &[$($family),*],
            run: $run,
        }),*];
    };
}

suites! {
    "gemm_direct" ["gemm"] gemm::direct,
    "gemm_direct_registers" ["gemm"] gemm::direct_registers,
    "gemm_tile" ["gemm"] gemm::tile,
    "gemm_tile_large" ["gemm"] gemm::tile_large,
    "gemm_tile_k8" ["gemm"] gemm::tile_k8,
    "gemm_texel" ["gemm", "texel"] gemm::texel,
    "gemm_profiles" ["gemm", "texel"] gemm::profiles,
    "column_sums" ["gemm"] gemm::column_sums,
    "conv_direct" ["conv", "gemm"] conv::direct,
    "conv_groups" ["conv", "gemm"] conv::in_groups,
    "conv_tile" ["conv", "gemm"] conv::tile,
    "conv_texel" ["conv", "gemm", "texel"] conv::texel,
    "conv_split" ["conv", "gemm"] conv::split,
    "conv_texel_3x3" ["conv", "gemm", "texel"] conv::texel_3x3,
    "conv_winograd" ["conv", "gemm", "texel"] conv::winograd,
    "max_pool" ["pool", "elementwise"] pool::max_pool,
    "mean_pool" ["pool", "elementwise"] pool::mean_pool,
    "average_pool" ["pool", "elementwise"] pool::average_pool,
    "batch_norm" ["norm", "elementwise"] norm::batch_norm,
    "layer_norm" ["norm", "elementwise", "gemm"] layer_norm::layer_norm,
    "elementwise" ["elementwise"] elementwise::elementwise,
    "activations" ["elementwise"] activate::activations,
    "dropout" ["elementwise"] activate::dropout,
    "cross_entropy" ["loss"] loss::cross_entropy,
    "cross_entropy_not_finite" ["loss"] loss::cross_entropy_not_finite,
    "weighted_cross_entropy" ["loss"] loss::weighted_cross_entropy,
    "loss_elements" ["loss"] loss_elements::elements_of_rows,
    "loss_elements_not_finite" ["loss"] loss_elements::elements_not_finite,
    "sgd" ["optim"] optim::sgd,
    "sgd_plain" ["optim"] optim::sgd_plain,
    "gradient_not_finite" ["optim", "batch"] optim::gradient_not_finite,
    "schedule" ["optim", "batch"] optim::schedule,
    "update_rules" ["optim", "batch"] rules::update_rules,
    "f16_widening" ["elementwise"] half::widening,
    "f16_rounding" ["elementwise"] half::rounding,
    "scaled_losses" ["loss"] half::scaled_losses,
    "order" ["batch"] batch::order,
    "gather" ["batch"] batch::gather,
    "labels" ["batch"] batch::labels,
    "augmentation" ["batch"] augment::augmentation,
    "augmentation_again" ["batch"] augment::augmentation_again,
    "end_of_step" ["batch"] finish::end_of_step,
    "end_of_evaluation" ["batch"] finish::end_of_evaluation,
    "not_finite" ["batch"] finish::not_finite,
    "folded_grids" ["elementwise", "optim"] folded::flat,
    "folded_chunks" ["optim"] folded::chunks,
    "folded_groups" ["conv", "gemm"] folded::grouped,
}

const EPS: f64 = f32::EPSILON as f64;

fn shape(channels: u32, height: u32, width: u32) -> Shape {
    Shape {
        channels,
        height,
        width,
    }
}

fn activation(list: &mut List, name: &str, images: u32, shape: Shape) -> Tensor {
    list.tensor(
        name,
        Role::Activation,
        u64::from(images) * u64::from(shape.quads()),
    )
}

fn widen(values: &[f32]) -> Vec<f64> {
    oracle::widen(values)
}

fn masked(values: &[f64], mask: Option<&[f32]>, addend: Option<&[f32]>) -> Vec<f64> {
    let sum = |i: usize| values[i] + addend.map_or(0.0, |a| f64::from(a[i]));
    (0..values.len())
        .map(|i| {
            if mask.is_none_or(|m| m[i] > 0.0) {
                sum(i)
            } else {
                0.0
            }
        })
        .collect()
}

/// No mask and no addend, each alone, and both.
const FINISHES: [(bool, bool); 4] = [(false, false), (true, false), (false, true), (true, true)];

/// A profile whose only rule is this core; `lanes` are those of a subgroup where the `texel` kernels run.
fn only(lanes: Option<u32>, core: GemmCore, tile: [u32; 4], max_split: u32) -> Tuning {
    with(lanes, GemmRule::new(core, tile, max_split))
}

/// The same with a given rule.
fn with(lanes: Option<u32>, rule: GemmRule) -> Tuning {
    Tuning {
        texel: lanes.filter(|_| rule.core == GemmCore::Texel),
        gemm: vec![rule],
        ..tuning(32, 1000)
    }
}

/// A rule for products: its core and tile in every form and in some convolutions.
pub fn rule(exam: &mut Examiner<'_>, rule: &GemmRule, storage: Storage) {
    if !rule.winograd {
        gemm::rule(exam, rule, storage);
    }
    conv::rule(exam, rule, storage);
}

/// The output of `batch/order`: the number of filled rows, and the sample of each.
fn batch_of(valid: u32, samples: &[u32]) -> Vec<u32> {
    let mut words = vec![valid, 0, 0, 0];
    words.extend(samples);
    words.resize(words.len().next_multiple_of(4), 0);
    words
}
