use super::{Backward, Forward, Layer, check_window};
use crate::kernels::conv::{self, Conv};
use crate::kernels::gemm::Epilogue;
use crate::kernels::{Shape, Tensor};
use crate::model::{ParameterKind, ParameterLayout, ParameterSpec};

/// A convolution with weight [out, in / groups, kernel height, kernel width]. Pairs are along height and width; a convolution
/// over `[channels, length]` has a kernel of height 1: [`Conv2d::along`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv2d {
    /// Output channels.
    pub out: u32,
    /// Size of the kernel.
    pub kernel: [u32; 2],
    /// Stride.
    pub stride: [u32; 2],
    /// Rows of zeros above and below, columns of zeros left and right.
    pub padding: [u32; 2],
    /// Rows and columns from one tap of the kernel to the next; 1 is a dense kernel.
    pub dilation: [u32; 2],
    /// Groups of channels that do not mix; as many as input channels is a depthwise convolution.
    pub groups: u32,
    /// Whether there is a bias.
    pub bias: bool,
    /// Whether the weight has the shape of PyTorch's `Conv1d`, [out, in / groups, kernel width]; the kernel's height is then 1.
    pub one_dimensional: bool,
}

impl Conv2d {
    /// The same kernel, stride and padding along both axes, with bias.
    pub fn square(out: u32, kernel: u32, stride: u32, padding: u32) -> Conv2d {
        Conv2d {
            out,
            kernel: [kernel; 2],
            stride: [stride; 2],
            padding: [padding; 2],
            dilation: [1; 2],
            groups: 1,
            bias: true,
            one_dimensional: false,
        }
    }

    /// A convolution along sequences of shape `[channels, length]`, with bias.
    pub fn along(out: u32, kernel: u32, stride: u32, padding: u32) -> Conv2d {
        Conv2d {
            kernel: [1, kernel],
            stride: [1, stride],
            padding: [0, padding],
            one_dimensional: true,
            ..Conv2d::square(out, 1, 1, 0)
        }
    }

    fn conv(&self, images: u32, input: Shape) -> Conv {
        Conv {
            images,
            input,
            out_channels: self.out,
            kernel: self.kernel,
            stride: self.stride,
            padding: self.padding,
            dilation: self.dilation,
            groups: self.groups,
        }
    }
}

impl Layer for Conv2d {
    fn kind(&self) -> &'static str {
        match self.one_dimensional {
            true => "conv1d",
            false => "conv2d",
        }
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, String> {
        let x = inputs[0];
        if self.out == 0 {
            return Err("there must be at least 1 output channel".into());
        }
        if self.one_dimensional && x.height != 1 {
            return Err(format!(
                "a one-dimensional convolution reads [channels, length], but the input has {} rows per channel",
                x.height
            ));
        }
        let groups = self.groups;
        if groups == 0
            || [self.out, x.channels]
                .iter()
                .any(|n| !n.is_multiple_of(groups))
        {
            return Err(format!(
                "the groups must divide the {} input and the {} output channels, got {groups}",
                x.channels, self.out
            ));
        }
        if self.dilation.contains(&0) || self.kernel.contains(&0) {
            return Err("kernel and dilation must be at least 1".into());
        }
        // The rows and columns that a kernel spans.
        let span = |axis: usize| {
            let size = u64::from(self.dilation[axis]) * (u64::from(self.kernel[axis]) - 1) + 1;
            u32::try_from(size).unwrap_or(u32::MAX)
        };
        check_window("kernel", [span(0), span(1)], self.stride, self.padding, x)?;
        Ok(self.conv(1, x).output())
    }

    fn parameters(&self, inputs: &[Shape]) -> Vec<ParameterSpec> {
        let conv = self.conv(1, inputs[0]);
        let (out, channels) = (self.out as usize, conv.group_channels() as usize);
        let [height, width] = self.kernel.map(|size| size as usize);
        let fan_in = channels * height * width;
        let mut specs = vec![ParameterSpec {
            name: "weight".into(),
            shape: match self.one_dimensional {
                true => vec![out, channels, width],
                false => vec![out, channels, height, width],
            },
            kind: ParameterKind::Weight { fan_in },
            layout: ParameterLayout {
                outer: out,
                middle: channels,
                inner: height * width,
                inner_pitch: conv.taps() as usize,
                row_quads: conv.weight_row_quads() as usize,
            },
            frozen: false,
            group: 0,
        }];
        if self.bias {
            specs.push(ParameterSpec {
                name: "bias".into(),
                shape: vec![out],
                kind: ParameterKind::Bias { fan_in },
                layout: ParameterLayout::vector(out),
                frozen: false,
                group: 0,
            });
        }
        specs
    }

    fn fuses_relu(&self) -> bool {
        true
    }

    fn forward(&self, f: Forward<'_>) -> Vec<Tensor> {
        let (x, input) = f.inputs[0];
        let epilogue = match (f.parameters.get(1), f.relu) {
            (Some(bias), true) => Epilogue::BiasRelu(*bias),
            (Some(bias), false) => Epilogue::Bias(*bias),
            (None, true) => Epilogue::Relu,
            (None, false) => Epilogue::None,
        };
        let conv = self.conv(f.images, input);
        conv::forward(
            f.list,
            f.tuning,
            &format!("{} forward", f.name),
            conv,
            x,
            f.parameters[0],
            f.output.0,
            epilogue,
        );
        vec![]
    }

    fn backward(&self, b: Backward<'_>) {
        let (x, input) = b.inputs[0];
        let conv = self.conv(b.images, input);
        if let Some(Some(dw)) = b.parameter_gradients.first() {
            conv::grad_weight(
                b.list,
                b.tuning,
                &format!("{} grad weight", b.name),
                conv,
                x,
                b.dy,
                *dw,
            );
        }
        if let Some(Some(db)) = b.parameter_gradients.get(1) {
            conv::grad_bias(
                b.list,
                b.tuning,
                &format!("{} grad bias", b.name),
                conv,
                b.dy,
                *db,
            );
        }
        if let Some(target) = b.input_gradients[0] {
            let epilogue = Epilogue::gradient(target.addend, target.mask);
            let label = format!("{} grad input", b.name);
            conv::grad_input(
                b.list,
                b.tuning,
                &label,
                conv,
                b.dy,
                b.parameters[0],
                target.dx,
                epilogue,
            );
        }
    }
}
