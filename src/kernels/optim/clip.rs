use std::ops::Range;

use super::chunked;
use crate::kernels::{Dispatch, List, Tensor, Tuning};

/// Appends the sums of the squared `gradients` of each chunk in `range` into `norm_partials`, as an update leaves them.
pub fn gradient_norm(
    list: &mut List,
    tuning: &Tuning,
    label: &str,
    chunks: Tensor,
    range: &Range<u32>,
    gradients: Tensor,
    norm_partials: Tensor,
) {
    let mut d = Dispatch::new(label, "optim/gradient_norm");
    d.constants = vec![("W", tuning.for_reductions().lanes)];
    d.operands = vec![
        ("chunks", chunks),
        ("grads", gradients),
        ("norm_partials", norm_partials),
    ];
    chunked(&mut d, range);
    // A chunk's length is data; all chunks together are the arena.
    d.passes = Some(list.info(gradients).quads);
    list.push(d);
}

/// Appends the factor `min(1, limit / (norm + 1e-6))` of PyTorch's `clip_grad_norm_`, where `norm` is the root of the sum
/// of the `chunk_count` `norm_partials`, into the state's word [`CLIP`](crate::kernels::batch::state::CLIP).
pub fn clip_factor(
    list: &mut List,
    tuning: &Tuning,
    label: &str,
    norm_partials: Tensor,
    chunk_count: u32,
    limit: f32,
    state: Tensor,
) {
    let mut d = Dispatch::new(label, "optim/clip_factor");
    d.constants = vec![("W", tuning.lanes)];
    d.operands = vec![("norm_partials", norm_partials), ("state", state)];
    d.sizes = vec![chunk_count, limit.to_bits()];
    list.push(d);
}
