//! Matrix products with what follows them fused in, and the column sums of a bias gradient.
//!
//! A product picks one of three cores by the rules of [`Tuning`]: `direct` (registers only), `tile` (workgroup memory)
//! and `texel` (software devices). A long sum with few results is split over layers of workgroups, whose
//! partial results a second dispatch adds in their order.

mod plan;

pub(crate) use plan::{Images, Product, chunks, matching, reduce_rows, widened};

use super::{Dispatch, List, ProductKind, Role, Tensor, Tuning};

/// Which operand is stored transposed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GemmLayout {
    /// `C = A B` with `A` \[m, k\] and `B` \[k, n\].
    Nn,
    /// `C = A Bᵀ` with `A` \[m, k\] and `B` \[n, k\].
    Nt,
    /// `C = Aᵀ B` with `A` \[k, m\] and `B` \[k, n\].
    Tn,
}

/// A product `C` \[m, n\] of two operands that share a dimension of length `k`; rows of all three are padded to quads, and
/// the padding of `A` and `B` is zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Gemm {
    /// Which operand is stored transposed.
    pub form: GemmLayout,
    /// Rows of `C`.
    pub m: u32,
    /// Columns of `C`.
    pub n: u32,
    /// Length of every sum.
    pub k: u32,
}

impl Gemm {
    /// Quads from one stored row of `A` to the next.
    pub fn lda(&self) -> u32 {
        if self.form == GemmLayout::Tn {
            self.m.div_ceil(4)
        } else {
            self.k.div_ceil(4)
        }
    }

    /// Quads from one stored row of `B` to the next.
    pub fn ldb(&self) -> u32 {
        if self.form == GemmLayout::Nt {
            self.k.div_ceil(4)
        } else {
            self.n.div_ceil(4)
        }
    }

    /// Quads from one row of `C` to the next.
    pub fn ldc(&self) -> u32 {
        self.n.div_ceil(4)
    }
}

/// Operation on a result before it is stored. `Bias` is added to every row of a product, or to every pixel of a channel of
/// a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Epilogue {
    /// Nothing.
    None,
    /// Adds a bias.
    Bias(Tensor),
    /// Adds a bias, then ReLU.
    BiasRelu(Tensor),
    /// ReLU.
    Relu,
    /// Adds a tensor of C's layout: the gradient from another consumer.
    Add(Tensor),
    /// Backward of ReLU: passes where this output of it, of C's layout, is positive.
    Mask(Tensor),
    /// Adds the first tensor, then masks by the second.
    AddMask(Tensor, Tensor),
}

impl Epilogue {
    /// The epilogue of an input's gradient: adds the gradient from other consumers, then masks by the input's own ReLU.
    #[must_use]
    pub fn gradient(addend: Option<Tensor>, mask: Option<Tensor>) -> Epilogue {
        match (addend, mask) {
            (None, None) => Epilogue::None,
            (Some(addend), None) => Epilogue::Add(addend),
            (None, Some(output)) => Epilogue::Mask(output),
            (Some(addend), Some(output)) => Epilogue::AddMask(addend, output),
        }
    }

    /// The snippet of a product, or of a convolution whose bias belongs to rows.
    fn snippet(self, row_bias: bool) -> Option<&'static str> {
        Some(match self {
            Epilogue::None => return None,
            Epilogue::Bias(_) if row_bias => "gemm/epilogue_row_bias",
            Epilogue::Bias(_) => "gemm/epilogue_bias",
            Epilogue::BiasRelu(_) if row_bias => "gemm/epilogue_row_bias_relu",
            Epilogue::BiasRelu(_) => "gemm/epilogue_bias_relu",
            Epilogue::Relu => "gemm/epilogue_relu",
            Epilogue::Add(_) => "gemm/epilogue_add",
            Epilogue::Mask(_) => "gemm/epilogue_mask",
            Epilogue::AddMask(..) => "gemm/epilogue_add_mask",
        })
    }

    /// Fills the slot of a dispatch and names its operands.
    pub(crate) fn fuse(self, dispatch: &mut Dispatch, row_bias: bool) {
        dispatch
            .slots
            .extend(self.snippet(row_bias).map(|snippet| ("epilogue", snippet)));
        match self {
            Epilogue::None | Epilogue::Relu => {}
            Epilogue::Bias(bias) | Epilogue::BiasRelu(bias) => {
                dispatch.operands.push(("bias", bias))
            }
            Epilogue::Add(addend) => dispatch.operands.push(("addend", addend)),
            Epilogue::Mask(output) => dispatch.operands.push(("output", output)),
            Epilogue::AddMask(addend, output) => dispatch
                .operands
                .extend([("addend", addend), ("output", output)]),
        }
    }
}

/// Appends `c = a b` with an epilogue: one dispatch, or two where the sum is split.
/// A product of more workgroups than a grid holds fails the list ([`List::failure`]).
#[allow(clippy::too_many_arguments)] // the operands of one operation, named at every call
pub fn product(
    list: &mut List,
    tuning: &Tuning,
    label: &str,
    gemm: Gemm,
    a: Tensor,
    b: Tensor,
    c: Tensor,
    epilogue: Epilogue,
) {
    let Gemm { form, m, n, k } = gemm;
    Product {
        label,
        kind: match form {
            GemmLayout::Nn => ProductKind::Nn,
            GemmLayout::Nt => ProductKind::Nt,
            GemmLayout::Tn => ProductKind::Tn,
        },
        m,
        n,
        k,
        n4: n.div_ceil(4),
        k4: k.div_ceil(4),
        lda: gemm.lda(),
        ldb: gemm.ldb(),
        ldc: gemm.ldc(),
        plane: m * gemm.ldc(),
        images: Images::default(),
        block_a: (form == GemmLayout::Tn).then_some("gemm/block_a_transposed"),
        block_b: (form == GemmLayout::Nt).then_some("gemm/block_b_transposed"),
        place: None,
        constants_a: vec![],
        constants_b: vec![],
        row_bias: false,
        operands: [a, b, c],
        epilogue,
    }
    .append(list, tuning);
}

/// Appends `out`, a row, = the sum of the rows of `x` \[rows, columns\], the gradient of a bias added to every row: one
/// dispatch, or two where the rows are divided into chunks.
pub fn column_sum(
    list: &mut List,
    tuning: &Tuning,
    label: &str,
    rows: u32,
    columns: u32,
    x: Tensor,
    out: Tensor,
) {
    let n4 = columns.div_ceil(4);
    let groups = n4.div_ceil(tuning.lanes);
    // A device that few workgroups fill gains nothing from short chunks and pays for the second dispatch.
    let least = if tuning.fill < 64 { 256 } else { 8 };
    let (layers, layer) = chunks(rows, least, groups, tuning.fill);
    let target = if layers == 1 {
        out
    } else {
        list.tensor(
            format!("{label} partial sums"),
            Role::Scratch,
            u64::from(layers * n4),
        )
    };
    let mut dispatch = Dispatch::new(label, "gemm/column_sum");
    dispatch.constants = vec![("W", tuning.lanes)];
    dispatch.operands = vec![("x", x), ("c", target)];
    dispatch.sizes = vec![rows, n4, layer, n4];
    dispatch.grid = [groups, layers, 1];
    dispatch.variant = if layers == 1 {
        "whole".into()
    } else {
        format!("split {layers}")
    };
    list.push(dispatch);
    if layers > 1 {
        reduce_rows(list, tuning, label, columns, layers, target, out);
    }
}
