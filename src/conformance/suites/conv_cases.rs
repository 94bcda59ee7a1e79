//! The convolutions of the conformance: kernels, strides, paddings and dilations per axis, odd sizes, groups.

use crate::kernels::conv::{Conv, forward, grad_bias, grad_input, grad_weight};
use crate::kernels::gemm::Epilogue;
use crate::kernels::{List, Role, Shape, Tensor, Tuning, oracle};

/// A convolution.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "the names say it; sizes are (height, width)")]
pub struct Case {
    pub images: u32,
    pub channels: u32,
    pub size: [u32; 2],
    pub out: u32,
    pub kernel: [u32; 2],
    pub stride: [u32; 2],
    pub padding: [u32; 2],
    pub dilation: [u32; 2],
    pub groups: u32,
}

impl Case {
    /// The same for the oracle.
    #[must_use]
    pub fn oracle(&self) -> oracle::Conv {
        oracle::Conv {
            batch: self.images as usize,
            channels: self.channels as usize,
            height: self.size[0] as usize,
            width: self.size[1] as usize,
            out_channels: self.out as usize,
            kernel: self.kernel.map(|n| n as usize),
            stride: self.stride.map(|n| n as usize),
            padding: self.padding.map(|n| n as usize),
            dilation: self.dilation.map(|n| n as usize),
            groups: self.groups as usize,
        }
    }

    /// Whether a ReLU follows the bias; the cases of 17 channels have none.
    #[must_use]
    pub fn relu(&self) -> bool {
        self.channels != 17
    }
}

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [height, width] = self.size;
        let pair = |[a, b]: [u32; 2]| {
            if a == b {
                a.to_string()
            } else {
                format!("{a}x{b}")
            }
        };
        write!(
            f,
            "{} x {} x {height} x {width} to {} channels, kernel {}, stride {}, padding {}, dilation {}, groups {}",
            self.images,
            self.channels,
            self.out,
            pair(self.kernel),
            pair(self.stride),
            pair(self.padding),
            pair(self.dilation),
            self.groups
        )
    }
}

/// [images, channels, height, width, out channels, kernel, stride, padding]
#[must_use]
pub fn case(
    [
        images,
        channels,
        height,
        width,
        out,
        kernel,
        stride,
        padding,
    ]: [u32; 8],
) -> Case {
    Case {
        images,
        channels,
        size: [height, width],
        out,
        kernel: [kernel; 2],
        stride: [stride; 2],
        padding: [padding; 2],
        dilation: [1; 2],
        groups: 1,
    }
}

/// Cases for the gemm cores.
#[must_use]
pub fn general() -> Vec<Case> {
    let mut cases: Vec<Case> = [
        [2, 3, 7, 9, 5, 1, 1, 0],
        [3, 17, 5, 6, 17, 1, 1, 0],
        [2, 6, 8, 14, 9, 1, 2, 0],
        [2, 17, 9, 7, 3, 1, 2, 0],
        [2, 3, 5, 5, 3, 1, 3, 1],
        [2, 1, 9, 11, 3, 3, 1, 0],
        [3, 3, 8, 8, 17, 3, 1, 1],
        [2, 17, 7, 5, 1, 3, 2, 1],
        [1, 3, 11, 10, 5, 3, 3, 2],
        [2, 3, 13, 9, 3, 5, 1, 2],
        [2, 1, 12, 13, 5, 5, 2, 3],
        [1, 3, 14, 15, 3, 7, 2, 3],
        [1, 1, 7, 7, 17, 7, 1, 0],
    ]
    .map(case)
    .to_vec();
    // The axes differ: kernel, stride and padding as (height, width). Height 1 is a 1-D convolution.
    cases.extend(
        [
            ([2, 3, 6, 9, 5], [2, 3], [1, 1], [1, 1]),
            ([2, 3, 7, 13, 5], [1, 5], [1, 2], [0, 2]),
            ([2, 5, 11, 6, 3], [5, 1], [3, 1], [2, 0]),
            ([3, 4, 1, 37, 6], [1, 7], [1, 2], [0, 3]),
            ([2, 3, 8, 10, 9], [3, 3], [1, 2], [1, 1]),
            ([2, 3, 9, 8, 5], [3, 3], [1, 1], [0, 1]),
            ([2, 6, 9, 11, 5], [1, 1], [2, 1], [0, 0]),
            ([1, 2, 5, 9, 3], [1, 1], [1, 2], [0, 1]),
        ]
        .map(
            |([images, channels, height, width, out], kernel, stride, padding)| Case {
                images,
                channels,
                size: [height, width],
                out,
                kernel,
                stride,
                padding,
                dilation: [1; 2],
                groups: 1,
            },
        ),
    );
    let dilated = |numbers, padding, dilation| Case {
        padding,
        dilation,
        ..case(numbers)
    };
    cases.extend([
        dilated([2, 3, 9, 13, 5, 3, 1, 0], [2, 2], [2, 2]),
        dilated([2, 3, 10, 11, 5, 3, 2, 0], [1, 3], [2, 3]),
        Case {
            kernel: [1, 5],
            ..dilated([2, 3, 1, 27, 6, 5, 1, 0], [0, 4], [1, 2])
        },
    ]);
    // Channels that fill their last quad.
    cases.extend([[2, 8, 5, 6, 12, 1, 1, 0], [2, 4, 8, 14, 8, 1, 2, 0]].map(case));
    cases
}

/// Cases in groups, the third one depthwise.
#[must_use]
pub fn grouped() -> Vec<Case> {
    let groups = |numbers, groups, kernel, stride, padding, dilation| Case {
        groups,
        kernel,
        stride,
        padding,
        dilation,
        ..case(numbers)
    };
    vec![
        groups([2, 4, 7, 9, 6, 3, 1, 1], 2, [3, 3], [1, 1], [1, 1], [1, 1]),
        groups([3, 6, 5, 6, 9, 1, 1, 0], 3, [1, 1], [1, 1], [0, 0], [1, 1]),
        groups([2, 5, 8, 9, 5, 3, 2, 1], 5, [3, 3], [2, 2], [1, 1], [1, 1]),
        groups([2, 3, 6, 7, 6, 3, 1, 1], 3, [3, 5], [1, 2], [0, 2], [1, 1]),
        groups([2, 4, 1, 19, 4, 1, 1, 1], 4, [1, 5], [1, 2], [0, 4], [1, 2]),
        groups([7, 4, 9, 9, 2, 2, 1, 1], 2, [2, 2], [2, 1], [1, 0], [3, 2]),
    ]
}

/// Cases for the 3x3 kernels of software devices.
#[must_use]
pub fn three() -> Vec<Case> {
    [
        [3, 1, 9, 11, 5, 3, 1, 1],
        [2, 3, 8, 8, 17, 3, 1, 1],
        [2, 17, 7, 14, 3, 3, 1, 1],
        [1, 9, 1, 1, 8, 3, 1, 1],
        [5, 16, 28, 28, 9, 3, 1, 1],
        [3, 3, 9, 11, 5, 3, 2, 1],
        [2, 17, 8, 8, 17, 3, 2, 1],
        [2, 8, 16, 14, 16, 3, 2, 1],
        [1, 9, 7, 33, 3, 3, 2, 1],
        // Gradients of the weight in several layers of several images.
        [40, 9, 3, 5, 9, 3, 1, 1],
        [40, 3, 3, 5, 9, 3, 2, 1],
    ]
    .map(case)
    .to_vec()
}

/// Cases for Winograd's algorithm: odd heights and widths, one pixel, one channel, one image, channels beyond a step of a core.
#[must_use]
pub fn stride_1() -> Vec<Case> {
    [
        [3, 1, 9, 11, 5, 3, 1, 1],
        [2, 3, 8, 8, 17, 3, 1, 1],
        [2, 17, 7, 14, 3, 3, 1, 1],
        [1, 9, 1, 1, 8, 3, 1, 1],
        [1, 20, 5, 18, 1, 3, 1, 1],
        [2, 33, 4, 7, 40, 3, 1, 1],
    ]
    .map(case)
    .to_vec()
}

/// Width of a stored row of the weight: the taps of a channel, or all channels of a 1x1 kernel.
#[must_use]
pub fn weight_width(conv: &Conv) -> usize {
    match conv.kernel {
        [1, 1] => conv.group_channels() as usize,
        [height, width] => (height * width) as usize,
    }
}

/// Forward and all gradients of one convolution as dispatches.
#[derive(Debug)]
pub struct Built {
    /// The dispatches.
    pub list: List,
    /// The convolution.
    pub conv: Conv,
    /// x, weight, bias, dy, addend, mask.
    pub inputs: [Tensor; 6],
    /// y, dx, dw, db.
    pub outputs: [Tensor; 4],
}

/// Forward and all gradients of a case.
#[must_use]
pub fn build(tuning: &Tuning, case: Case) -> Built {
    let conv = Conv {
        images: case.images,
        input: Shape {
            channels: case.channels,
            height: case.size[0],
            width: case.size[1],
        },
        out_channels: case.out,
        kernel: case.kernel,
        stride: case.stride,
        padding: case.padding,
        dilation: case.dilation,
        groups: case.groups,
    };
    let (xs, ys) = (conv.input, conv.output());
    let mut list = List::default();
    let mut tensor = |name: &str, quads: u32| list.tensor(name, Role::Activation, u64::from(quads));
    let [tx, tdx, tadd, tmask] = [0; 4].map(|_| tensor("x", case.images * xs.quads()));
    let [ty, tdy] = [0; 2].map(|_| tensor("y", case.images * ys.quads()));
    let [tw, tdw] = [0; 2].map(|_| tensor("w", case.out * conv.weight_row_quads()));
    let [tb, tdb] = [0; 2].map(|_| tensor("bias", case.out.div_ceil(4)));
    forward(
        &mut list,
        tuning,
        "forward",
        conv,
        tx,
        tw,
        ty,
        match case.relu() {
            true => Epilogue::BiasRelu(tb),
            false => Epilogue::Bias(tb),
        },
    );
    grad_input(
        &mut list,
        tuning,
        "grad input",
        conv,
        tdy,
        tw,
        tdx,
        Epilogue::AddMask(tadd, tmask),
    );
    grad_weight(&mut list, tuning, "grad weight", conv, tx, tdy, tdw);
    grad_bias(&mut list, tuning, "grad bias", conv, tdy, tdb);
    Built {
        list,
        conv,
        inputs: [tx, tw, tb, tdy, tadd, tmask],
        outputs: [ty, tdx, tdw, tdb],
    }
}
