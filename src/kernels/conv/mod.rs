//! Convolutions over NCHW images and their gradients.
//!
//! A convolution is a matrix product whose operands are read through the window, without an im2col copy: the cores of the
//! `gemm` family with other snippets. Software devices have their own kernels for 3x3 windows (`kernels/texel`), and
//! convolutions in groups, among them depthwise ones, have kernels of their own. Where a rule of the profile says so, 3x3
//! convolutions with stride 1 and the gradients of their inputs take Winograd's algorithm.

mod bias;
mod grouped;
pub(super) mod shape;
mod winograd;

pub use bias::grad_bias;
pub use shape::Conv;

use super::gemm::{Epilogue, Product};
use super::{List, ProductKind, ProductSize, Tensor, Tuning, texel};
use shape::Readers;
use winograd::Winograd;

/// Appends `y`, the convolution of `x` with `w`: one dispatch, two where the sum is split, or the four of Winograd's algorithm.
/// A batch that needs more workgroups than a grid can have fails the list ([`List::failure`]).
#[allow(clippy::too_many_arguments)] // the operands of one operation, named at every call
pub fn forward(
    list: &mut List,
    tuning: &Tuning,
    label: &str,
    conv: Conv,
    x: Tensor,
    w: Tensor,
    y: Tensor,
    epilogue: Epilogue,
) {
    if let Some(winograd) = Winograd::chosen(tuning, conv, ProductKind::ConvForward) {
        return winograd.append(list, tuning, label, [x, w, y], epilogue);
    }
    if let Some(kernels) = texel::conv::Conv3x3::new(tuning, conv, label) {
        return kernels.forward(list, [x, w, y], epilogue);
    }
    if conv.groups > 1 {
        return grouped::forward(list, tuning, label, conv, [x, w, y], epilogue);
    }
    let ProductSize { m, n, k, .. } = conv.product(ProductKind::ConvForward);
    let (block_b, constants_b) = conv.block_b(Readers {
        pointwise: "conv/block_b_pointwise",
        pointwise_stride2: "conv/block_b_pointwise_stride2",
        stride1: "conv/block_b_stride1",
        window: "conv/block_b_forward",
    });
    Product {
        label,
        kind: ProductKind::ConvForward,
        m,
        n,
        k,
        n4: n / 4,
        k4: k.div_ceil(4),
        lda: conv.weight_row_quads(),
        ldb: 0,
        ldc: 0,
        plane: conv.images * conv.output().quads(),
        images: conv.sizes(),
        block_a: None,
        block_b: Some(block_b),
        place: Some("conv/place_output"),
        constants_a: vec![],
        constants_b,
        row_bias: true,
        operands: [w, x, y],
        epilogue,
    }
    .append(list, tuning);
}

/// Appends `dx`, the gradient of the input, computed from `dy`, the gradient of the output: one dispatch, two where the
/// sum is split, or the four of Winograd's algorithm. A bias in the epilogue is one per input channel.
#[allow(clippy::too_many_arguments)] // the operands of one operation, named at every call
pub fn grad_input(
    list: &mut List,
    tuning: &Tuning,
    label: &str,
    conv: Conv,
    dy: Tensor,
    w: Tensor,
    dx: Tensor,
    epilogue: Epilogue,
) {
    if let Some(winograd) = Winograd::chosen(tuning, conv, ProductKind::ConvGradInput) {
        return winograd.append(list, tuning, label, [dy, w, dx], epilogue);
    }
    if let Some(kernels) = texel::conv::Conv3x3::new(tuning, conv, label) {
        return kernels.grad_input(list, [dy, w, dx], epilogue);
    }
    if conv.groups > 1 {
        return grouped::grad_input(list, tuning, label, conv, [dy, w, dx], epilogue);
    }
    let ProductSize { m, n, k, .. } = conv.product(ProductKind::ConvGradInput);
    let pointwise = conv.pointwise();
    let (block_b, mut constants_b) = conv.block_b(Readers {
        pointwise: "conv/block_b_pointwise",
        pointwise_stride2: "conv/block_b_pointwise_stride2_grad_input",
        stride1: "conv/block_b_stride1",
        window: "conv/block_b_grad_input",
    });
    if block_b == "conv/block_b_stride1" {
        constants_b.push(("MIRRORED", 1));
    }
    Product {
        label,
        kind: ProductKind::ConvGradInput,
        m,
        n,
        k,
        n4: n / 4,
        k4: k.div_ceil(4),
        lda: conv.weight_row_quads(),
        ldb: 0,
        ldc: 0,
        plane: conv.images * conv.input.quads(),
        images: conv.sizes(),
        // A 1x1 kernel is a plain matrix, read transposed.
        block_a: Some(if pointwise {
            "gemm/block_a_transposed"
        } else {
            "conv/block_a_grad_input"
        }),
        block_b: Some(block_b),
        place: Some("conv/place_input"),
        constants_a: if pointwise {
            vec![]
        } else {
            vec![("TAPS4", conv.taps() / 4)]
        },
        constants_b,
        row_bias: true,
        operands: [w, dy, dx],
        epilogue,
    }
    .append(list, tuning);
}

/// Appends `dw`, the gradient of the weight, summed over all images: one dispatch, or two where the sum is split.
pub fn grad_weight(
    list: &mut List,
    tuning: &Tuning,
    label: &str,
    conv: Conv,
    x: Tensor,
    dy: Tensor,
    dw: Tensor,
) {
    if let Some(kernels) = texel::conv::Conv3x3::new(tuning, conv, label) {
        return kernels.grad_weight(list, tuning, [x, dy, dw]);
    }
    if conv.groups > 1 {
        return grouped::grad_weight(list, tuning, label, conv, [x, dy, dw]);
    }
    let n = conv.input.channels * conv.taps();
    let k4 = conv.images * conv.output().plane_quads();
    let (block_b, constants_b) = conv.block_b(Readers {
        pointwise: "conv/block_b_pointwise_grad_weight",
        pointwise_stride2: "conv/block_b_pointwise_stride2_grad_weight",
        stride1: "conv/block_b_stride1_grad_weight",
        window: "conv/block_b_grad_weight",
    });
    Product {
        label,
        kind: ProductKind::ConvGradWeight,
        m: conv.out_channels,
        n,
        k: k4 * 4,
        n4: conv.weight_row_quads(),
        k4,
        lda: 0,
        ldb: 0,
        ldc: conv.weight_row_quads(),
        plane: conv.out_channels * conv.weight_row_quads(),
        images: conv.sizes(),
        block_a: Some("conv/block_a_grad_weight"),
        block_b: Some(block_b),
        place: None,
        constants_a: vec![],
        constants_b,
        row_bias: false,
        operands: [dy, x, dw],
        epilogue: Epilogue::None,
    }
    .append(list, tuning);
}
