//! The sizes of a convolution.

use crate::kernels::gemm::Images;
use crate::kernels::{ProductKind, ProductSize, Shape};

/// A convolution. The weight is `[out_channels][channels x taps]`: the taps of a channel are padded to quads, except those of
/// a 1x1 kernel, whose rows are padded as a whole.
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
    /// Rows and columns between the taps of a kernel; 1 is a dense kernel.
    pub dilation: [u32; 2],
    /// Groups of channels that do not mix; 1 is a plain convolution. It divides the channels of input and output.
    pub groups: u32,
}

/// The snippets that read B of a product: whole quads for a 1x1 kernel without padding, two quads a tap for any other kernel
/// with stride 1, otherwise element by element.
pub(super) struct Readers {
    pub pointwise: &'static str,
    pub pointwise_stride2: &'static str,
    pub stride1: &'static str,
    pub window: &'static str,
}

impl Conv {
    /// One image of the output.
    pub fn output(&self) -> Shape {
        let windows = |size: u32, axis: usize| {
            (size + 2 * self.padding[axis])
                .checked_sub(self.dilation[axis] * (self.kernel[axis] - 1) + 1)
                .map_or(0, |room| room / self.stride[axis] + 1)
        };
        Shape {
            channels: self.out_channels,
            height: windows(self.input.height, 0),
            width: windows(self.input.width, 1),
        }
    }

    /// Stored taps per channel of the weight: 1 for a 1x1 kernel, otherwise rounded up to whole quads.
    pub fn taps(&self) -> u32 {
        if self.pointwise() {
            1
        } else {
            self.kernel.iter().product::<u32>().next_multiple_of(4)
        }
    }

    /// Quads of the weight of one output channel.
    pub fn weight_row_quads(&self) -> u32 {
        (self.group_channels() * self.taps()).div_ceil(4)
    }

    /// Channels of the input that one output channel reads.
    pub fn group_channels(&self) -> u32 {
        self.input.channels / self.groups
    }

    pub(super) fn pointwise(&self) -> bool {
        self.kernel == [1, 1]
    }

    /// The product that computes the output, or the gradient of the input: every quad of its pixels is four columns.
    pub(in crate::kernels) fn product(&self, kind: ProductKind) -> ProductSize {
        let (from, to) = match kind {
            ProductKind::ConvGradInput => (self.output(), self.input),
            _ => (self.input, self.output()),
        };
        let k = from.channels * self.taps();
        ProductSize {
            kind,
            m: to.channels,
            n: self.images * to.plane_quads() * 4,
            k,
            terms: k,
        }
    }

    /// Whether the window is 3x3 with padding 1 and stride 1 or 2, dense and over all channels.
    pub(in crate::kernels) fn is_3x3(&self) -> bool {
        self.kernel == [3, 3]
            && self.padding == [1, 1]
            && self.dilation == [1, 1]
            && self.groups == 1
            && matches!(self.stride, [1, 1] | [2, 2])
    }

    /// The snippet that reads B, and its constants.
    pub(super) fn block_b(&self, readers: Readers) -> (&'static str, Vec<(&'static str, u32)>) {
        match (self.pointwise(), self.padding, self.stride) {
            (true, [0, 0], [1, 1]) => (readers.pointwise, vec![]),
            (true, [0, 0], [2, 2]) => (readers.pointwise_stride2, vec![]),
            (false, _, [1, 1]) => {
                let other =
                    |(name, _): &(&str, u32)| !name.starts_with("STRIDE") && *name != "TAPS";
                let constants = self.window().into_iter().filter(other);
                let constants = constants.chain([("TAP_QUADS", self.taps() / 4)]);
                (readers.stride1, constants.collect())
            }
            _ => (readers.window, self.window()),
        }
    }

    pub(super) fn sizes(&self) -> Images {
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

    pub(super) fn window(&self) -> Vec<(&'static str, u32)> {
        vec![
            ("KERNEL_H", self.kernel[0]),
            ("KERNEL_W", self.kernel[1]),
            ("STRIDE_H", self.stride[0]),
            ("STRIDE_W", self.stride[1]),
            ("PAD_H", self.padding[0]),
            ("PAD_W", self.padding[1]),
            ("DILATION_H", self.dilation[0]),
            ("DILATION_W", self.dilation[1]),
            ("TAPS", self.taps()),
        ]
    }
}
