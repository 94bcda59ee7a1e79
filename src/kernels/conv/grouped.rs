//! Convolutions in groups of channels: every output sums few products, so lanes compute outputs one quad each, without a matrix
//! product.

use super::Conv;
use crate::kernels::elementwise::{Flat, steps};
use crate::kernels::gemm::{Epilogue, chunks, reduce_rows};
use crate::kernels::{Dispatch, List, Role, Shape, Tensor, Tuning};

pub(super) fn forward(
    list: &mut List,
    tuning: &Tuning,
    label: &str,
    conv: Conv,
    [x, w, y]: [Tensor; 3],
    epilogue: Epilogue,
) {
    let mut d = Dispatch::new(label, "conv/grouped_forward");
    d.operands = vec![("x", x), ("w", w), ("y", y)];
    let shapes = [conv.input, conv.output()];
    window(list, tuning, d, conv, shapes, epilogue);
}

pub(super) fn grad_input(
    list: &mut List,
    tuning: &Tuning,
    label: &str,
    conv: Conv,
    [dy, w, dx]: [Tensor; 3],
    epilogue: Epilogue,
) {
    let mut d = Dispatch::new(label, "conv/grouped_grad_input");
    d.operands = vec![("dy", dy), ("w", w), ("dx", dx)];
    let shapes = [conv.output(), conv.input];
    window(list, tuning, d, conv, shapes, epilogue);
}

/// Completes a dispatch whose lanes own quads of `to` and read `from` through the window.
fn window(
    list: &mut List,
    tuning: &Tuning,
    mut d: Dispatch,
    conv: Conv,
    [from, to]: [Shape; 2],
    epilogue: Epilogue,
) {
    let quads = u64::from(conv.images) * u64::from(to.quads());
    let flat = Flat::new(quads, tuning);
    d.constants = constants(tuning, conv);
    d.sizes = vec![quads as u32, flat.groups_x, flat.per];
    d.sizes
        .extend([to.channels, to.height, to.width, to.row_quads()]);
    d.sizes
        .extend(steps(tuning.lanes, to.height, to.row_quads()));
    d.sizes
        .extend([from.channels, from.height, from.width, from.row_quads()]);
    d.sizes.extend(group(conv));
    d.grid = flat.grid;
    d.variant = "grouped".into();
    epilogue.fuse(&mut d, true);
    list.push(d);
}

/// One dispatch, or two where the images are divided into chunks.
pub(super) fn grad_weight(
    list: &mut List,
    tuning: &Tuning,
    label: &str,
    conv: Conv,
    [x, dy, dw]: [Tensor; 3],
) {
    let (from, to) = (conv.input, conv.output());
    let plane = conv.out_channels * conv.weight_row_quads();
    let groups = plane.div_ceil(tuning.lanes);
    let (layers, layer) = chunks(conv.images, 1, groups, tuning.fill);
    let target = match layers {
        1 => dw,
        _ => list.tensor(
            format!("{label} partial sums"),
            Role::Scratch,
            u64::from(layers) * u64::from(plane),
        ),
    };
    let mut d = Dispatch::new(label, "conv/grouped_grad_weight");
    d.constants = constants(tuning, conv);
    d.operands = vec![("x", x), ("d", dy), ("dw", target)];
    d.sizes = vec![conv.images, layer, plane];
    d.sizes
        .extend([to.channels, to.height, to.width, to.row_quads()]);
    d.sizes
        .extend([from.channels, from.height, from.width, from.row_quads()]);
    d.sizes.extend(group(conv));
    d.grid = [groups, layers, 1];
    d.variant = match layers {
        1 => "grouped".into(),
        _ => format!("grouped split {layers}"),
    };
    list.push(d);
    if layers > 1 {
        reduce_rows(list, tuning, label, plane * 4, layers, target, dw);
    }
}

/// Channels of a group of the input and of the output; quads of a row of the weight.
fn group(conv: Conv) -> [u32; 3] {
    [
        conv.group_channels(),
        conv.out_channels / conv.groups,
        conv.weight_row_quads(),
    ]
}

fn constants(tuning: &Tuning, conv: Conv) -> Vec<(&'static str, u32)> {
    let mut constants = vec![("W", tuning.lanes)];
    constants.extend(conv.window());
    constants
}
