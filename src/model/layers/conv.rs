use super::{Backward, Forward, Layer};
use crate::kernels::conv::{self, Conv};
use crate::kernels::gemm::Epilogue;
use crate::kernels::{Shape, Tensor};
use crate::model::{ParameterKind, ParameterLayout, ParameterSpec};

/// A convolution with weight [out, in, kernel, kernel]; square kernel, one stride and padding for both axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv2d {
    /// Output channels.
    pub out: u32,
    /// Side of the kernel.
    pub kernel: u32,
    /// Stride.
    pub stride: u32,
    /// Zeros around the image.
    pub padding: u32,
    /// Whether there is a bias.
    pub bias: bool,
}

impl Conv2d {
    fn conv(&self, images: u32, input: Shape) -> Conv {
        Conv {
            images,
            input,
            out_channels: self.out,
            kernel: [self.kernel; 2],
            stride: [self.stride; 2],
            padding: [self.padding; 2],
        }
    }
}

impl Layer for Conv2d {
    fn kind(&self) -> &'static str {
        "conv2d"
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, String> {
        let x = inputs[0];
        if self.out == 0 || self.kernel == 0 || self.stride == 0 {
            return Err("channels, kernel and stride must be at least 1".into());
        }
        if x.height + 2 * self.padding < self.kernel || x.width + 2 * self.padding < self.kernel {
            return Err(format!(
                "a kernel of {0}x{0} is larger than the padded image of {1}x{2}",
                self.kernel,
                x.height + 2 * self.padding,
                x.width + 2 * self.padding
            ));
        }
        Ok(self.conv(1, x).output())
    }

    fn parameters(&self, inputs: &[Shape]) -> Vec<ParameterSpec> {
        let (out, channels, kernel) = (
            self.out as usize,
            inputs[0].channels as usize,
            self.kernel as usize,
        );
        let conv = self.conv(1, inputs[0]);
        let fan_in = channels * kernel * kernel;
        let mut specs = vec![ParameterSpec {
            name: "weight".into(),
            shape: vec![out, channels, kernel, kernel],
            kind: ParameterKind::Weight { fan_in },
            layout: ParameterLayout {
                outer: out,
                middle: channels,
                inner: kernel * kernel,
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
