use super::OutputGradient;
use crate::kernels::elementwise::lanes_grid;
use crate::kernels::{Dispatch, List, Tensor, Tuning};

/// Appends the cross-entropy of `logits` (`rows_count` vectors of `classes`) against `labels` (a u32 a row, each below
/// `classes`), of which `smoothing`, 0 to below 1, is spread evenly over all classes.
///
/// `rows[first_row + r]` becomes (`weight` times the loss, 1 if the first largest logit is the label's, 1 if the loss is
/// not finite, the second again if the number of the row's sample, `batch[4 + r]`, is even and 0 otherwise); `dlogits` becomes `weight * (softmax - wanted) / valid`, `wanted` being the smoothed one-hot vector, the gradient of the weighted mean. `batch` says
/// how many rows are valid (its word 0); the others are zero in both. `first_row` places this loss among all that a step
/// adds up.
///
/// With `class_weights`, one per class, loss and gradient are those of PyTorch's weighted mean: a row counts as much as the
/// class of its label.
#[allow(
    clippy::too_many_arguments,
    reason = "every argument is a size or an operand"
)]
pub fn cross_entropy(
    list: &mut List,
    tuning: &Tuning,
    label: &str,
    batch: Tensor,
    labels: Tensor,
    logits: Tensor,
    dlogits: Option<OutputGradient>,
    rows: Tensor,
    first_row: u32,
    rows_count: u32,
    classes: u32,
    weight: f32,
    smoothing: f32,
    class_weights: Option<Tensor>,
) {
    let row_quads = classes.div_ceil(4);
    let mut d = Dispatch::new(label, "loss/cross_entropy");
    d.constants = vec![("W", tuning.lanes)];
    d.operands = vec![
        ("batch", batch),
        ("labels", labels),
        ("logits", logits),
        ("rows", rows),
    ];
    if let Some(weights) = class_weights {
        d.slots.push(("weights", "loss/class_weights"));
        d.operands.push(("class_weights", weights));
    }
    if let Some(dlogits) = dlogits {
        dlogits.fuse(&mut d);
    }
    d.sizes = vec![
        rows_count,
        first_row,
        classes,
        row_quads,
        weight.to_bits(),
        smoothing.to_bits(),
    ];
    d.grid = lanes_grid(rows_count, tuning);
    list.push(d);
}
