use crate::kernels::{Dispatch, List, Tensor, Tuning};

/// Appends the end of a training step, which is done once: `results[step % ring]` becomes (sum of the `row_count` losses in
/// `rows` and of the earlier micro-batches over `valid`, correct rows, root of the sum of the `chunk_count` `norm_partials`,
/// 1 if a loss or gradient is not finite); then the state's step, micro-batch, window step and epoch move on, an epoch being
/// `per_window` micro-batches (0: endless).
#[allow(
    clippy::too_many_arguments,
    reason = "every argument is a size or an operand"
)]
pub fn finish_step(
    list: &mut List,
    tuning: &Tuning,
    label: &str,
    rows: Tensor,
    row_count: u32,
    norm_partials: Tensor,
    chunk_count: u32,
    state: Tensor,
    results: Tensor,
    ring: u32,
    per_window: u32,
    valid: u32,
) {
    let mut d = Dispatch::new(label, "batch/finish_step");
    d.constants = vec![("W", tuning.lanes)];
    d.operands = vec![
        ("rows", rows),
        ("norm_partials", norm_partials),
        ("state", state),
        ("results", results),
    ];
    d.sizes = vec![row_count, chunk_count, ring, per_window, valid];
    d.once = true;
    list.push(d);
}

/// Appends the end of a micro-batch that is not the last one of a step, which is done once: the sums of the `row_count`
/// losses in `rows`, of correct rows and of rows that are not finite are added to the state's; then its micro-batch and
/// window step move on.
pub fn finish_micro_batch(
    list: &mut List,
    tuning: &Tuning,
    label: &str,
    rows: Tensor,
    row_count: u32,
    state: Tensor,
) {
    let mut d = Dispatch::new(label, "batch/finish_micro_batch");
    d.constants = vec![("W", tuning.lanes)];
    d.operands = vec![("rows", rows), ("state", state)];
    d.sizes = vec![row_count];
    d.once = true;
    list.push(d);
}

/// Appends the end of an evaluation batch, which is done once: `results[batch * (tasks + 1) + task]` becomes (sum of the
/// task's `row_count` losses in `rows`, correct rows, sum of the losses of the samples with an even index in `batch`, correct
/// rows of those), and the row after the tasks' (samples, 0, 0, 0); then the state's evaluation batch advances, back to 0
/// after `batches`.
#[allow(
    clippy::too_many_arguments,
    reason = "every argument is a size or an operand"
)]
pub fn finish_evaluation(
    list: &mut List,
    tuning: &Tuning,
    label: &str,
    rows: Tensor,
    row_count: u32,
    tasks: u32,
    batch: Tensor,
    state: Tensor,
    results: Tensor,
    batches: u32,
) {
    let mut d = Dispatch::new(label, "batch/finish_evaluation");
    d.constants = vec![("W", tuning.lanes)];
    d.operands = vec![
        ("rows", rows),
        ("batch", batch),
        ("state", state),
        ("results", results),
    ];
    d.sizes = vec![row_count, tasks, batches];
    d.once = true;
    list.push(d);
}
