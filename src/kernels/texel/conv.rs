//! 3x3 convolutions, padding 1, stride 1 or 2.

use super::subgroups;
use crate::kernels::conv::shape::Conv;
use crate::kernels::gemm::{Epilogue, chunks, reduce_rows};
use crate::kernels::{
    Dispatch, List, MOST_WORKGROUPS, ProductKind, ProductSize, Role, Shape, Tensor, Tuning,
};

/// A convolution that these kernels can compute. An invocation computes as many output channels as a subgroup has lanes.
pub(in crate::kernels) struct Conv3x3<'a> {
    conv: Conv,
    lanes: u32,
    label: &'a str,
}

impl<'a> Conv3x3<'a> {
    /// `None` where the device or the convolution does not suit these kernels.
    pub fn new(tuning: &Tuning, conv: Conv, label: &'a str) -> Option<Conv3x3<'a>> {
        let lanes = tuning.texel.filter(|_| conv.is_3x3())?;
        Some(Conv3x3 { conv, lanes, label })
    }

    fn strided(&self) -> bool {
        self.conv.stride == [2, 2]
    }

    /// The product, where a rule of the profile can choose another algorithm: Winograd's, with stride 1.
    fn replaceable(&self, kind: ProductKind) -> Option<ProductSize> {
        (!self.strided()).then(|| self.conv.product(kind))
    }

    pub fn forward(&self, list: &mut List, operands: [Tensor; 3], epilogue: Epilogue) {
        let mut dispatch = Dispatch::new(self.label, "texel/conv3x3");
        let taps = self.strided().then_some(("taps", "texel/taps_stride2"));
        dispatch.slots.extend(taps);
        dispatch.product = self.replaceable(ProductKind::ConvForward);
        let shapes = [self.conv.input, self.conv.output()];
        self.window(list, dispatch, shapes, 1, operands, epilogue);
    }

    pub fn grad_input(&self, list: &mut List, operands: [Tensor; 3], epilogue: Epilogue) {
        let shapes = [self.conv.output(), self.conv.input];
        if self.strided() {
            let dispatch = Dispatch::new(self.label, "texel/conv3x3_grad_input_stride2");
            return self.window(list, dispatch, shapes, 2, operands, epilogue);
        }
        let mut dispatch = Dispatch::new(self.label, "texel/conv3x3");
        dispatch.slots.push(("weights", "texel/weights_rotated"));
        dispatch.product = self.replaceable(ProductKind::ConvGradInput);
        self.window(list, dispatch, shapes, 1, operands, epilogue);
    }

    /// Completes a dispatch whose lanes own a quad in `rows` rows of `to` and read `from` through the window. It has a layer
    /// of workgroups per image, so a batch of more images than a grid has layers takes several dispatches.
    fn window(
        &self,
        list: &mut List,
        mut dispatch: Dispatch,
        [from, to]: [Shape; 2],
        rows: u32,
        [x, w, c]: [Tensor; 3],
        epilogue: Epilogue,
    ) {
        let (conv, lanes) = (self.conv, self.lanes);
        let quads = to.height.div_ceil(rows) * to.row_quads();
        let subgroups = subgroups(lanes, quads, 8);
        let groups = [
            quads.div_ceil(lanes * subgroups),
            to.channels.div_ceil(lanes),
        ];
        dispatch.constants = vec![("LANES", lanes), ("SUBGROUPS", subgroups)];
        dispatch.operands = vec![("x", x), ("w", w), ("c", c)];
        dispatch.variant = "texel3x3".into();
        for first in (0..conv.images).step_by(MOST_WORKGROUPS as usize) {
            let images = (conv.images - first).min(MOST_WORKGROUPS);
            let mut part = dispatch.clone();
            part.sizes = self.sizes(from, to);
            part.sizes.push(first);
            part.grid = [groups[0], groups[1], images];
            epilogue.fuse(&mut part, true);
            list.push(part);
            // A part moves the bytes of its own images only.
            if let Some(last) = list.dispatches.last_mut() {
                last.bytes = last.bytes * u64::from(images) / u64::from(conv.images);
            }
        }
    }

    pub fn grad_weight(&self, list: &mut List, tuning: &Tuning, [x, dy, dw]: [Tensor; 3]) {
        let (conv, lanes) = (self.conv, self.lanes);
        let (from, to) = (conv.input, conv.output());
        // With few input channels the lanes share one of them and divide the pixels.
        let thin = from.channels < lanes;
        let groups = [
            if thin {
                from.channels
            } else {
                from.channels.div_ceil(lanes)
            },
            to.channels.div_ceil(lanes),
        ];
        let (layers, layer) = chunks(conv.images, 1, groups[0] * groups[1], tuning.fill);
        let plane = conv.out_channels * conv.weight_row_quads();
        let target = match layers {
            1 => dw,
            _ => list.tensor(
                format!("{} partial sums", self.label),
                Role::Scratch,
                u64::from(layers) * u64::from(plane),
            ),
        };
        let (shader, variant) = match thin {
            true => ("texel/conv3x3_grad_weight_thin", "texel3x3 thin"),
            false => ("texel/conv3x3_grad_weight", "texel3x3"),
        };
        let mut dispatch = Dispatch::new(self.label, shader);
        let taps = self.strided().then_some(("taps", "texel/taps_stride2"));
        dispatch.slots.extend(taps);
        dispatch.constants = vec![("LANES", lanes)];
        dispatch.operands = vec![("x", x), ("d", dy), ("c", target)];
        dispatch.sizes = self.sizes(from, to);
        dispatch.sizes.extend([layer, plane]);
        dispatch.grid = [groups[0], groups[1], layers];
        dispatch.variant = match layers {
            1 => variant.into(),
            _ => format!("{variant} split {layers}"),
        };
        list.push(dispatch);
        if layers > 1 {
            reduce_rows(list, tuning, self.label, plane * 4, layers, target, dw);
        }
    }

    fn sizes(&self, from: Shape, to: Shape) -> Vec<u32> {
        vec![
            self.conv.images,
            from.channels,
            from.height,
            from.width,
            from.row_quads(),
            to.channels,
            to.height,
            to.width,
            to.row_quads(),
            self.conv.weight_row_quads(),
        ]
    }
}
