//! Convolutions over NCHW images and their gradients.
//!
//! Everywhere a convolution is a product whose operands are read through the window (no copy of them is made): the cores
//! of the `gemm` family with other snippets. Devices with the `texel` forms have kernels of their own for 3x3 windows.

mod bias;
mod texel;

pub use bias::grad_bias;

use super::gemm::{Epilogue, Images, Plan};
use super::{List, Shape, Tensor, Tuning};

/// A convolution: the weight is `[out_channels][channels x taps]`, the taps of a channel padded to quads unless the kernel
/// is 1x1, whose rows are padded as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Conv {
    /// Images.
    pub images: u32,
    /// One image of the input.
    pub input: Shape,
    /// Channels of the output.
    pub out_channels: u32,
    /// Height and width of the kernel.
    pub kernel: [u32; 2],
    /// Rows and columns between windows.
    pub stride: [u32; 2],
    /// Rows of zeros above and below the input, columns of zeros left and right of it.
    pub padding: [u32; 2],
}

impl Conv {
    /// One image of the output.
    pub fn output(&self) -> Shape {
        let windows = |size: u32, axis: usize| {
            (size + 2 * self.padding[axis])
                .checked_sub(self.kernel[axis])
                .map_or(0, |room| room / self.stride[axis] + 1)
        };
        Shape {
            channels: self.out_channels,
            height: windows(self.input.height, 0),
            width: windows(self.input.width, 1),
        }
    }

    /// Stored taps of a channel of the weight: 1 for a 1x1 kernel, otherwise padded to quads.
    pub fn taps(&self) -> u32 {
        if self.pointwise() {
            1
        } else {
            self.kernel.iter().product::<u32>().next_multiple_of(4)
        }
    }

    /// Quads of the weight of one output channel.
    pub fn weight_row_quads(&self) -> u32 {
        (self.input.channels * self.taps()).div_ceil(4)
    }

    fn pointwise(&self) -> bool {
        self.kernel == [1, 1]
    }

    /// Snippet and constants that read B: whole quads where every output pixel sees one input pixel at stride 1 or 2
    /// (`plain`, `strided`), otherwise every element by itself.
    fn block_b(
        &self,
        plain: &'static str,
        strided: &'static str,
        window: &'static str,
    ) -> (&'static str, Vec<(&'static str, u32)>) {
        match (self.pointwise() && self.padding == [0, 0], self.stride) {
            (true, [1, 1]) => (plain, vec![]),
            (true, [2, 2]) => (strided, vec![]),
            _ => (window, self.window()),
        }
    }

    fn sizes(&self) -> Images {
        let (x, y) = (self.input, self.output());
        Images {
            channels: x.channels,
            height: x.height,
            width: x.width,
            width4: x.row_quads(),
            out_channels: y.channels,
            out_height: y.height,
            out_width: y.width,
            out_width4: y.row_quads(),
        }
    }

    /// The constants of the snippets that read through the window.
    fn window(&self) -> Vec<(&'static str, u32)> {
        vec![
            ("KERNEL_H", self.kernel[0]),
            ("KERNEL_W", self.kernel[1]),
            ("STRIDE_H", self.stride[0]),
            ("STRIDE_W", self.stride[1]),
            ("PAD_H", self.padding[0]),
            ("PAD_W", self.padding[1]),
            ("TAPS", self.taps()),
        ]
    }
}

/// Appends `y` = the convolution of `x` with `w`: one dispatch, or two where the sum is split.
/// A batch of more workgroups than a grid holds fails the list ([`List::failure`]).
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
    if texel::suits(tuning, conv) {
        return texel::forward(list, label, conv, x, w, y, epilogue);
    }
    let output = conv.output();
    let k = conv.input.channels * conv.taps();
    let n4 = conv.images * output.plane_quads();
    let (block_b, constants_b) = conv.block_b(
        "conv/block_b_pointwise",
        "conv/block_b_pointwise_stride2",
        "conv/block_b_forward",
    );
    Plan {
        label,
        form: "conv-forward",
        m: conv.out_channels,
        n: n4 * 4,
        k,
        n4,
        k4: k.div_ceil(4),
        lda: conv.weight_row_quads(),
        ldb: 0,
        ldc: 0,
        plane: conv.images * output.quads(),
        images: conv.sizes(),
        block_a: None,
        lanes_a: None,
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

/// Appends `dx` = the gradient of the input from `dy`, that of the output: one dispatch, or two where the sum is split.
/// The bias of an epilogue would belong to input channels.
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
    if texel::suits(tuning, conv) {
        return texel::grad_input(list, label, conv, dy, w, dx, epilogue);
    }
    let k = conv.out_channels * conv.taps();
    let n4 = conv.images * conv.input.plane_quads();
    let pointwise = conv.pointwise();
    let (block_b, constants_b) = conv.block_b(
        "conv/block_b_pointwise",
        "conv/block_b_pointwise_stride2_grad_input",
        "conv/block_b_grad_input",
    );
    Plan {
        label,
        form: "conv-grad-input",
        m: conv.input.channels,
        n: n4 * 4,
        k,
        n4,
        k4: k.div_ceil(4),
        lda: conv.weight_row_quads(),
        ldb: 0,
        ldc: 0,
        plane: conv.images * conv.input.quads(),
        images: conv.sizes(),
        // With one tap the weight is a plain matrix, read transposed.
        block_a: Some(if pointwise {
            "gemm/block_a_transposed"
        } else {
            "conv/block_a_grad_input"
        }),
        lanes_a: Some(if pointwise {
            "gemm/lanes_a_transposed"
        } else {
            "conv/lanes_a_grad_input"
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

/// Appends `dw` = the gradient of the weight over all images: one dispatch, or two where the sum is split.
pub fn grad_weight(
    list: &mut List,
    tuning: &Tuning,
    label: &str,
    conv: Conv,
    x: Tensor,
    dy: Tensor,
    dw: Tensor,
) {
    if texel::suits(tuning, conv) {
        return texel::grad_weight(list, tuning, label, conv, x, dy, dw);
    }
    let n = conv.input.channels * conv.taps();
    let k4 = conv.images * conv.output().plane_quads();
    let (block_b, constants_b) = conv.block_b(
        "conv/block_b_pointwise_grad_weight",
        "conv/block_b_pointwise_stride2_grad_weight",
        "conv/block_b_grad_weight",
    );
    Plan {
        label,
        form: "conv-grad-weight",
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
        lanes_a: Some("conv/lanes_a_grad_weight"),
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
