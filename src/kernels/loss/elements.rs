use super::OutputGradient;
use crate::kernels::elementwise::lanes_grid;
use crate::kernels::{Dispatch, List, Tensor, Tuning};

/// A loss that is the mean over all elements of the outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ElementLoss {
    /// Binary cross-entropy with logits; a positive target of each output counts `pos_weight` times, if given.
    Binary {
        /// A vector of the outputs.
        pos_weight: Option<Tensor>,
    },
    /// The squared difference.
    SquaredError,
}

/// Appends a loss between `outputs` and `targets` (both `rows_count` vectors of `width`).
///
/// `rows[first_row + r]` becomes (`weight` times the mean of the row, the share of its labels that are predicted correctly, 1
/// if the loss is not finite, the share again if the number of the row's sample, `batch[4 + r]`, is even and 0 otherwise);
/// `gradient` becomes the gradient of `weight` times the mean over the valid rows. A label is predicted where its logit is
/// above 0; squared errors have no labels and their share is 0. With `counts_row`, `rows[counts_row + r]` becomes (twice the
/// labels that are predicted and true, predicted plus true ones, 0, the second again if the number is even). `batch` says how
/// many rows are valid (its word 0); the others are zero in all of these.
#[allow(
    clippy::too_many_arguments,
    reason = "every argument is a size or an operand"
)]
pub fn elements(
    list: &mut List,
    tuning: &Tuning,
    label: &str,
    kind: ElementLoss,
    batch: Tensor,
    targets: Tensor,
    outputs: Tensor,
    gradient: Option<OutputGradient>,
    rows: Tensor,
    first_row: u32,
    counts_row: Option<u32>,
    rows_count: u32,
    width: u32,
    weight: f32,
) {
    let mut d = Dispatch::new(label, "loss/elements");
    d.constants = vec![
        ("W", tuning.lanes),
        ("COUNTS", u32::from(counts_row.is_some())),
    ];
    d.operands = vec![
        ("batch", batch),
        ("targets", targets),
        ("outputs", outputs),
        ("rows", rows),
    ];
    if let ElementLoss::Binary { pos_weight } = kind {
        if let Some(weight) = pos_weight {
            d.slots.push(("positive", "loss/pos_weight"));
            d.operands.push(("pos_weight", weight));
        }
        d.slots.push(("term", "loss/binary"));
    }
    if let Some(gradient) = gradient {
        gradient.fuse(&mut d);
    }
    d.sizes = vec![
        rows_count,
        first_row,
        counts_row.unwrap_or(0),
        width,
        width.div_ceil(4),
        weight.to_bits(),
    ];
    d.grid = lanes_grid(rows_count, tuning);
    list.push(d);
}
