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

/// What is done with the norm of all gradients.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NormUse {
    /// Most that it may be; longer gradients are scaled down, by the factor of PyTorch's `clip_grad_norm_`.
    pub limit: Option<f32>,
    /// The gradients are those of a loss times the scale in the state's word
    /// [`LOSS_SCALE`](crate::kernels::batch::state::LOSS_SCALE), which doubles after this many steps in a row whose norm is
    /// finite, and halves where it is not, as PyTorch's `GradScaler`.
    pub growth_interval: Option<u32>,
}

/// Appends the factor `min(1, limit / (norm + 1e-6))`, where `norm` is the root of the sum of the `chunk_count`
/// `norm_partials` without the loss's scale, into the state's word [`CLIP`](crate::kernels::batch::state::CLIP); with a
/// `growth_interval` it also undoes and moves the scale.
pub fn clip_factor(
    list: &mut List,
    tuning: &Tuning,
    label: &str,
    norm_partials: Tensor,
    chunk_count: u32,
    norm_use: NormUse,
    state: Tensor,
) {
    let mut d = Dispatch::new(label, "optim/clip_factor");
    d.constants = vec![("W", tuning.lanes)];
    if let Some(interval) = norm_use.growth_interval {
        d.slots.push(("factor", "optim/loss_scale"));
        d.constants.push(("INTERVAL", interval));
        d.once = true;
    }
    d.operands = vec![("norm_partials", norm_partials), ("state", state)];
    d.sizes = vec![chunk_count, norm_use.limit.unwrap_or(0.0).to_bits()];
    list.push(d);
}
