use crate::kernels::elementwise::{Then, finish, fold};
use crate::kernels::gemm::{chunks, reduce_rows};
use crate::kernels::{Dispatch, List, Role, Tensor, Tuning};

/// A layer normalisation of rows, as PyTorch's `LayerNorm` with scale and shift. A row consists of `lines` lines of `width`
/// elements, each padded to quads; scale and shift have the layout of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LayerNorm {
    /// Rows that are normalised by themselves.
    pub rows: u32,
    /// Lines of a row.
    pub lines: u32,
    /// Elements of a line.
    pub width: u32,
    /// Added to the variance before the root.
    pub eps: f32,
}

impl LayerNorm {
    /// Quads of a row, padding included.
    pub fn quads(&self) -> u32 {
        self.lines * self.width.div_ceil(4)
    }

    /// Names the tensor that forward leaves for backward: a quad (mean, invstd, 0, 0) a row.
    pub fn moments(&self, list: &mut List, name: &str) -> Tensor {
        list.tensor(name, Role::Activation, u64::from(self.rows))
    }

    /// Appends `y = (x - mean) * invstd * gamma + beta` by the mean and the biased variance of each row, then ReLU if `relu`;
    /// writes `moments`.
    #[allow(clippy::too_many_arguments, reason = "every argument is an operand")]
    pub fn forward(
        &self,
        list: &mut List,
        tuning: &Tuning,
        label: &str,
        x: Tensor,
        gamma: Tensor,
        beta: Tensor,
        moments: Tensor,
        y: Tensor,
        relu: bool,
    ) {
        let mut d = Dispatch::new(label, "norm/layer_forward");
        d.operands = vec![
            ("x", x),
            ("gamma", gamma),
            ("beta", beta),
            ("y", y),
            ("moments", moments),
        ];
        finish(&mut d, None, if relu { Then::Relu } else { Then::Nothing });
        self.rows(list, tuning, d, Some(self.eps));
    }

    /// Appends `dx`, the gradient of the input, plus `addend`, where `mask` is positive; the arguments are those of
    /// [`BatchNorm::backward`](super::BatchNorm::backward).
    #[allow(clippy::too_many_arguments, reason = "every argument is an operand")]
    pub fn gradient_input(
        &self,
        list: &mut List,
        tuning: &Tuning,
        label: &str,
        x: Tensor,
        dy: Tensor,
        gamma: Tensor,
        moments: Tensor,
        dx: Tensor,
        mask: Option<Tensor>,
        addend: Option<Tensor>,
    ) {
        let mut d = Dispatch::new(label, "norm/layer_gradient_input");
        d.operands = vec![
            ("x", x),
            ("dy", dy),
            ("gamma", gamma),
            ("moments", moments),
            ("dx", dx),
        ];
        finish(&mut d, addend, Then::mask(mask));
        self.rows(list, tuning, d, None);
    }

    /// Completes a dispatch of a workgroup a row.
    fn rows(&self, list: &mut List, tuning: &Tuning, mut d: Dispatch, eps: Option<f32>) {
        let tuning = &tuning.for_reductions();
        d.constants = vec![("W", tuning.lanes)];
        d.grid = fold(u64::from(self.rows));
        let elements = (self.lines * self.width) as f32;
        d.sizes = vec![
            self.rows,
            d.grid[0],
            self.quads(),
            self.width,
            self.width.div_ceil(4),
            elements.to_bits(),
        ];
        d.sizes.extend(eps.map(f32::to_bits));
        list.push(d);
    }

    /// Appends `dgamma` and `dbeta`, summed over the rows: one dispatch, or three where the rows are divided into chunks.
    #[allow(clippy::too_many_arguments, reason = "every argument is an operand")]
    pub fn gradient_parameters(
        &self,
        list: &mut List,
        tuning: &Tuning,
        label: &str,
        x: Tensor,
        dy: Tensor,
        moments: Tensor,
        dgamma: Tensor,
        dbeta: Tensor,
    ) {
        let quads = self.quads();
        let groups = quads.div_ceil(tuning.lanes);
        let (layers, layer) = chunks(self.rows, 8, groups, tuning.fill);
        let mut partial = |out: Tensor| match layers {
            1 => out,
            _ => list.tensor(
                format!("{label} partial sums"),
                Role::Scratch,
                u64::from(layers) * u64::from(quads),
            ),
        };
        let targets = [partial(dgamma), partial(dbeta)];
        let mut d = Dispatch::new(label, "norm/layer_gradient_parameters");
        d.constants = vec![("W", tuning.lanes)];
        d.operands = vec![
            ("x", x),
            ("dy", dy),
            ("moments", moments),
            ("dgamma", targets[0]),
            ("dbeta", targets[1]),
        ];
        d.sizes = vec![self.rows, layer, quads];
        d.grid = [groups, layers, 1];
        list.push(d);
        if layers > 1 {
            for (target, out) in targets.into_iter().zip([dgamma, dbeta]) {
                reduce_rows(list, tuning, label, quads * 4, layers, target, out);
            }
        }
    }
}
