//! 3x3 convolutions, padding 1, stride 1 or 2, on devices with the `texel` forms.

use super::super::gemm::{Epilogue, chunks, reduce_rows, subgroups};
use super::super::{Dispatch, List, MOST_WORKGROUPS, Role, Shape, Tensor, Tuning};
use super::Conv;

/// Lanes of a subgroup, output channels of an invocation.
const LANES: u32 = 8;
/// Operations of nine taps, multiplied and added, at a quad of pixels.
const QUAD_FLOPS: u64 = 72;

pub(super) fn suits(tuning: &Tuning, conv: Conv) -> bool {
    tuning.texel
        && conv.kernel == [3, 3]
        && conv.padding == [1, 1]
        && matches!(conv.stride, [1, 1] | [2, 2])
}

#[allow(clippy::too_many_arguments)]
pub(super) fn forward(
    list: &mut List,
    label: &str,
    conv: Conv,
    x: Tensor,
    w: Tensor,
    y: Tensor,
    epilogue: Epilogue,
) {
    let mut dispatch = Dispatch::new(label, "conv/texel3x3");
    dispatch
        .slots
        .extend((conv.stride == [2, 2]).then_some(("taps", "conv/taps_stride2")));
    window(
        list,
        dispatch,
        conv,
        [conv.input, conv.output()],
        1,
        [x, w, y],
        epilogue,
    );
}

#[allow(clippy::too_many_arguments)]
pub(super) fn grad_input(
    list: &mut List,
    label: &str,
    conv: Conv,
    dy: Tensor,
    w: Tensor,
    dx: Tensor,
    epilogue: Epilogue,
) {
    let mut dispatch;
    if conv.stride == [2, 2] {
        dispatch = Dispatch::new(label, "conv/texel3x3_grad_stride2");
    } else {
        dispatch = Dispatch::new(label, "conv/texel3x3");
        dispatch.slots.push(("weights", "conv/weights_turned"));
    }
    window(
        list,
        dispatch,
        conv,
        [conv.output(), conv.input],
        conv.stride[0],
        [dy, w, dx],
        epilogue,
    );
}

fn sizes(conv: Conv, from: Shape, to: Shape) -> Vec<u32> {
    vec![
        conv.images,
        from.channels,
        from.height,
        from.width,
        from.row_quads(),
        to.channels,
        to.height,
        to.width,
        to.row_quads(),
        conv.weight_row_quads(),
    ]
}

/// Completes a dispatch whose lanes own a quad in `rows` rows of `to` and read through the window in `from`: a layer of
/// workgroups an image, so that a batch of more images than a grid has layers takes several dispatches.
fn window(
    list: &mut List,
    mut dispatch: Dispatch,
    conv: Conv,
    [from, to]: [Shape; 2],
    rows: u32,
    [x, w, c]: [Tensor; 3],
    epilogue: Epilogue,
) {
    let quads = to.height.div_ceil(rows) * to.row_quads();
    let subgroups = subgroups(quads, 8);
    let groups = [quads.div_ceil(LANES * subgroups), to.channels.div_ceil(8)];
    dispatch.constants = vec![("SUBGROUPS", subgroups)];
    dispatch.operands = vec![("x", x), ("w", w), ("c", c)];
    dispatch.variant = "texel3x3".into();
    // At stride 2 the gradient's eight pixels meet nine taps twice.
    let flops = if rows == 2 {
        QUAD_FLOPS / 2
    } else {
        QUAD_FLOPS
    };
    for first in (0..conv.images).step_by(MOST_WORKGROUPS as usize) {
        let images = (conv.images - first).min(MOST_WORKGROUPS);
        let mut part = dispatch.clone();
        part.sizes = sizes(conv, from, to);
        part.sizes.push(first);
        part.grid = [groups[0], groups[1], images];
        let lanes = u64::from(groups[0] * subgroups * LANES) * u64::from(groups[1] * images);
        part.flops = lanes * 8 * u64::from(from.channels) * flops;
        epilogue.fuse(&mut part, true, lanes * 8 * u64::from(rows));
        list.push(part);
        // Of the images each part moves its own.
        if let Some(last) = list.dispatches.last_mut() {
            last.bytes = last.bytes * u64::from(images) / u64::from(conv.images);
        }
    }
}

pub(super) fn grad_weight(
    list: &mut List,
    tuning: &Tuning,
    label: &str,
    conv: Conv,
    x: Tensor,
    dy: Tensor,
    dw: Tensor,
) {
    let (from, to) = (conv.input, conv.output());
    // With few input channels the lanes share one and divide the pixels instead.
    let thin = from.channels < LANES;
    let groups = [
        if thin {
            from.channels
        } else {
            from.channels.div_ceil(LANES)
        },
        to.channels.div_ceil(8),
    ];
    let (layers, layer) = chunks(conv.images, 1, groups[0] * groups[1], tuning.fill);
    let plane = conv.out_channels * conv.weight_row_quads();
    let target = match layers {
        1 => dw,
        _ => list.tensor(
            format!("{label} partial sums"),
            Role::Scratch,
            u64::from(layers) * u64::from(plane),
        ),
    };
    let shader = if thin {
        "conv/texel3x3_grad_weight_thin"
    } else {
        "conv/texel3x3_grad_weight"
    };
    let mut dispatch = Dispatch::new(label, shader);
    dispatch
        .slots
        .extend((conv.stride == [2, 2]).then_some(("taps", "conv/taps_stride2")));
    dispatch.operands = vec![("x", x), ("d", dy), ("c", target)];
    dispatch.sizes = sizes(conv, from, to);
    dispatch.sizes.extend([layer, plane]);
    dispatch.grid = [groups[0], groups[1], layers];
    let pixels = u64::from(to.plane_quads());
    let pairs = u64::from(groups[0] * groups[1] * 8);
    dispatch.flops = match thin {
        // The lanes' sums of 8 channels, 12 stored taps each, are added in three steps.
        true => {
            let visits = u64::from(layer) * pixels.div_ceil(u64::from(LANES));
            pairs * u64::from(layers * LANES) * (visits * QUAD_FLOPS + 12 * 3)
        }
        false => pairs * pixels * u64::from(LANES) * u64::from(layers * layer) * QUAD_FLOPS,
    };
    dispatch.variant = if thin {
        "texel3x3 thin".into()
    } else {
        "texel3x3".into()
    };
    if layers > 1 {
        dispatch.variant += &format!(" split {layers}");
    }
    list.push(dispatch);
    if layers > 1 {
        reduce_rows(list, tuning, label, plane * 4, layers, target, dw);
    }
}
