//! The gradient of a convolution's bias: the sum of every channel over images and pixels.

use super::super::gemm::{chunks, reduce_rows};
use super::super::{Dispatch, List, Role, Tensor, Tuning};
use super::Conv;

/// Appends `db`, out_channels long, = the sum of `dy` over images and pixels, in a fixed order: one dispatch, or two where the
/// images are divided into chunks.
pub fn grad_bias(
    list: &mut List,
    tuning: &Tuning,
    label: &str,
    conv: Conv,
    dy: Tensor,
    db: Tensor,
) {
    let channels4 = conv.out_channels.div_ceil(4);
    let plane = conv.output().plane_quads();
    // The tree halves the lanes, so their number is a power of two.
    let lanes = 1 << tuning.lanes.clamp(1, 256).ilog2();
    let (layers, layer) = chunks(conv.images, 1, channels4, tuning.fill);
    let target = match layers {
        1 => db,
        _ => list.tensor(
            format!("{label} partial sums"),
            Role::Scratch,
            u64::from(layers * channels4),
        ),
    };
    let mut dispatch = Dispatch::new(label, "conv/channel_sum");
    dispatch.constants = vec![("LANES", lanes)];
    dispatch.operands = vec![("x", dy), ("c", target)];
    dispatch.sizes = vec![conv.images, conv.out_channels, plane, layer];
    dispatch.grid = [channels4, layers, 1];
    dispatch.variant = if layers == 1 {
        "whole".into()
    } else {
        format!("split {layers}")
    };
    list.push(dispatch);
    if layers > 1 {
        reduce_rows(list, tuning, label, conv.out_channels, layers, target, db);
    }
}
