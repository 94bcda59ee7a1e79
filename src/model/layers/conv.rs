use super::{Backward, Forward, Layer, check_window};
use crate::kernels::conv::{self, Conv};
use crate::kernels::gemm::Epilogue;
use crate::kernels::{Shape, Tensor};
use crate::model::{ParameterKind, ParameterLayout, ParameterSpec};

/// A convolution with weight [out, in, kernel height, kernel width]. Pairs are along height and width; a convolution over
/// `[channels, length]` has a kernel of height 1.
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
    /// Whether there is a bias.
    pub bias: bool,
}

impl Conv2d {
    /// The same kernel, stride and padding along both axes, with bias.
    pub fn square(out: u32, kernel: u32, stride: u32, padding: u32) -> Conv2d {
        Conv2d {
            out,
            kernel: [kernel; 2],
            stride: [stride; 2],
            padding: [padding; 2],
            bias: true,
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
        }
    }
}

impl Layer for Conv2d {
    fn kind(&self) -> &'static str {
        "conv2d"
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, String> {
        let x = inputs[0];
        if self.out == 0 {
            return Err("there must be at least 1 output channel".into());
        }
        check_window("kernel", self.kernel, self.stride, self.padding, x)?;
        Ok(self.conv(1, x).output())
    }

    fn parameters(&self, inputs: &[Shape]) -> Vec<ParameterSpec> {
        let (out, channels) = (self.out as usize, inputs[0].channels as usize);
        let [height, width] = self.kernel.map(|size| size as usize);
        let conv = self.conv(1, inputs[0]);
        let fan_in = channels * height * width;
        let mut specs = vec![ParameterSpec {
            name: "weight".into(),
            shape: vec![out, channels, height, width],
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
