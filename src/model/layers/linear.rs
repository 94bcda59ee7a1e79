use super::{Backward, Forward, Layer};
use crate::kernels::gemm::{self, Epilogue, Gemm, GemmLayout};
use crate::kernels::{Shape, Tensor};
use crate::model::{ParameterKind, ParameterLayout, ParameterSpec};

/// `y = x W^T + b` with weight [out, in]. An input of any shape is flattened in the order channels, rows, columns; on
/// the device the weight's rows have the padding of the input's rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Linear {
    /// Output features.
    pub out: u32,
    /// Whether there is a bias.
    pub bias: bool,
}

impl Layer for Linear {
    fn kind(&self) -> &'static str {
        "linear"
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, String> {
        if self.out == 0 || inputs[0].elements() == 0 {
            return Err("a linear layer needs at least one input and one output feature".into());
        }
        Ok(Shape::vector(self.out))
    }

    fn parameters(&self, inputs: &[Shape]) -> Vec<ParameterSpec> {
        let input = inputs[0];
        let (out, fan_in) = (self.out as usize, input.elements() as usize);
        let mut specs = vec![ParameterSpec {
            name: "weight".into(),
            shape: vec![out, fan_in],
            kind: ParameterKind::Weight { fan_in },
            layout: ParameterLayout {
                outer: out,
                middle: (input.channels * input.height) as usize,
                inner: input.width as usize,
                inner_pitch: input.row_quads() as usize * 4,
                row_quads: input.quads() as usize,
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
        let gemm = Gemm {
            form: GemmLayout::Nt,
            m: f.images,
            n: self.out,
            k: input.quads() * 4,
        };
        gemm::product(
            f.list,
            f.tuning,
            &format!("{} forward", f.name),
            gemm,
            x,
            f.parameters[0],
            f.output.0,
            epilogue,
        );
        vec![]
    }

    fn backward(&self, b: Backward<'_>) {
        let (x, input) = b.inputs[0];
        if let Some(Some(dw)) = b.parameter_gradients.first() {
            let gemm = Gemm {
                form: GemmLayout::Tn,
                m: self.out,
                n: input.quads() * 4,
                k: b.images,
            };
            gemm::product(
                b.list,
                b.tuning,
                &format!("{} grad weight", b.name),
                gemm,
                b.dy,
                x,
                *dw,
                Epilogue::None,
            );
        }
        if let Some(Some(db)) = b.parameter_gradients.get(1) {
            gemm::column_sum(
                b.list,
                b.tuning,
                &format!("{} grad bias", b.name),
                b.images,
                self.out,
                b.dy,
                *db,
            );
        }
        if let Some(target) = b.input_gradients[0] {
            let gemm = Gemm {
                form: GemmLayout::Nn,
                m: b.images,
                n: input.quads() * 4,
                k: self.out,
            };
            gemm::product(
                b.list,
                b.tuning,
                &format!("{} grad input", b.name),
                gemm,
                b.dy,
                b.parameters[0],
                target.dx,
                Epilogue::gradient(target.addend, target.mask),
            );
        }
    }
}
