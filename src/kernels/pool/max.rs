use crate::kernels::elementwise::{Flat, Then, finish, steps};
use crate::kernels::{Dispatch, List, Shape, Tensor, Tuning};

/// A max pool over \[images, channels, height, width\]. Windows that would extend beyond the far edge of the padded input
/// are left out. The padding, at most half the window on each axis, never wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MaxPool {
    /// Images.
    pub images: u32,
    /// Shape of an image.
    pub input: Shape,
    /// Height and width of the window.
    pub kernel: [u32; 2],
    /// Rows and columns between windows.
    pub stride: [u32; 2],
    /// Rows added above and below the input, columns added left and right of it.
    pub padding: [u32; 2],
}

impl MaxPool {
    /// Shape of an image of the output, and of the index.
    pub fn output(&self) -> Shape {
        let windows = |size: u32, axis: usize| {
            let room = (size + 2 * self.padding[axis]).saturating_sub(self.kernel[axis]);
            room / self.stride[axis] + 1
        };
        Shape {
            channels: self.input.channels,
            height: windows(self.input.height, 0),
            width: windows(self.input.width, 1),
        }
    }

    /// Appends `y` = the maximum of each window, and `index` = its place `row * kernel width + column` in the window, as f32 in
    /// a tensor of `y`'s size. Of equal maxima the first wins, and a NaN wins over every number.
    pub fn max_forward(
        &self,
        list: &mut List,
        tuning: &Tuning,
        label: &str,
        x: Tensor,
        y: Tensor,
        index: Tensor,
    ) {
        let out = self.output();
        let quads = u64::from(self.images) * u64::from(out.quads());
        let flat = Flat::new(quads, tuning);
        let mut d = Dispatch::new(
            label,
            if self.halves() {
                "pool/max_forward_2x2"
            } else {
                "pool/max_forward"
            },
        );
        d.constants = self.constants(tuning);
        d.operands = vec![("x", x), ("y", y), ("index", index)];
        d.sizes = vec![
            quads as u32,
            flat.groups_x,
            flat.per,
            out.height,
            out.width,
            out.row_quads(),
        ];
        d.sizes
            .extend(steps(tuning.lanes, out.height, out.row_quads()));
        d.sizes
            .extend([self.input.height, self.input.width, self.input.row_quads()]);
        d.grid = flat.grid;
        list.push(d);
    }

    /// Appends `dx` = the gradients of the windows that chose each input, plus `addend`, where `mask` is positive.
    ///
    /// `index` is what [`MaxPool::max_forward`] wrote; `mask` is the output of the ReLU that made the pool's input, and
    /// `addend` another consumer's gradient of it, both of `dx`'s size.
    #[allow(clippy::too_many_arguments, reason = "every argument is an operand")]
    pub fn max_backward(
        &self,
        list: &mut List,
        tuning: &Tuning,
        label: &str,
        dy: Tensor,
        index: Tensor,
        dx: Tensor,
        mask: Option<Tensor>,
        addend: Option<Tensor>,
    ) {
        let out = self.output();
        let quads = u64::from(self.images) * u64::from(self.input.quads());
        let flat = Flat::new(quads, tuning);
        let mut d = Dispatch::new(
            label,
            if self.halves() {
                "pool/max_backward_2x2"
            } else {
                "pool/max_backward"
            },
        );
        d.constants = self.constants(tuning);
        d.operands = vec![("dy", dy), ("index", index), ("dx", dx)];
        finish(&mut d, addend, Then::mask(mask));
        d.sizes = vec![
            quads as u32,
            flat.groups_x,
            flat.per,
            self.input.height,
            self.input.row_quads(),
        ];
        d.sizes.extend(steps(
            tuning.lanes,
            self.input.height,
            self.input.row_quads(),
        ));
        d.sizes.extend([out.height, out.width, out.row_quads()]);
        d.grid = flat.grid;
        list.push(d);
    }

    /// Whether the shaders for window 2 and stride 2 apply: each quad of the output then comes from whole quads.
    fn halves(&self) -> bool {
        (self.kernel, self.stride, self.padding) == ([2, 2], [2, 2], [0, 0])
            && self.input.height >= 2
            && self.input.width >= 2
    }

    fn constants(&self, tuning: &Tuning) -> Vec<(&'static str, u32)> {
        let mut constants = vec![("W", tuning.lanes)];
        if !self.halves() {
            constants.extend([
                ("KERNEL_H", self.kernel[0]),
                ("KERNEL_W", self.kernel[1]),
                ("STRIDE_H", self.stride[0]),
                ("STRIDE_W", self.stride[1]),
                ("PADDING_H", self.padding[0]),
                ("PADDING_W", self.padding[1]),
            ]);
        }
        constants
    }
}
