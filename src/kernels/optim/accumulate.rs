use crate::kernels::elementwise::Flat;
use crate::kernels::{Dispatch, List, Tensor, Tuning};

/// Appends `sums += gradients`, or `sums = gradients` for the first of the `micro_batches` of a step. Both tensors have the
/// same size.
pub fn accumulate(
    list: &mut List,
    tuning: &Tuning,
    label: &str,
    gradients: Tensor,
    sums: Tensor,
    state: Tensor,
    micro_batches: u32,
) {
    let mut d = flat(list, tuning, label, "optim/accumulate", gradients);
    d.operands = vec![("state", state), ("grads", gradients), ("sums", sums)];
    d.sizes.push(micro_batches);
    list.push(d);
}

/// Appends `gradients = (sums + gradients) / micro_batches`, after the last micro-batch. Both tensors have the same size.
pub fn accumulated(
    list: &mut List,
    tuning: &Tuning,
    label: &str,
    gradients: Tensor,
    sums: Tensor,
    micro_batches: u32,
) {
    let mut d = flat(list, tuning, label, "optim/accumulated", gradients);
    d.operands = vec![("sums", sums), ("grads", gradients)];
    d.sizes.push((1.0 / micro_batches as f32).to_bits());
    list.push(d);
}

fn flat(list: &List, tuning: &Tuning, label: &str, shader: &'static str, over: Tensor) -> Dispatch {
    let quads = list.info(over).quads;
    let flat = Flat::new(quads, tuning);
    let mut d = Dispatch::new(label, shader);
    d.constants = vec![("W", tuning.lanes)];
    d.sizes = vec![quads as u32, flat.groups_x, flat.per];
    d.grid = flat.grid;
    d.once = true;
    d
}
