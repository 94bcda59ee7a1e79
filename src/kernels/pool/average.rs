use crate::kernels::elementwise::{Flat, Then, finish, steps};
use crate::kernels::{Dispatch, List, Shape, Tensor, Tuning};

/// An average pool over \[images, channels, height, width\]. Windows that would extend beyond the far edge of the padded input
/// are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AveragePool {
    /// Images.
    pub images: u32,
    /// Shape of an image.
    pub input: Shape,
    /// Height and width of the window.
    pub kernel: [u32; 2],
    /// Rows and columns between windows.
    pub stride: [u32; 2],
    /// Rows of zeros above and below the input, columns of zeros left and right of it.
    pub padding: [u32; 2],
    /// Whether the zeros count as elements of a window.
    pub count_include_pad: bool,
}

impl AveragePool {
    /// Shape of an image of the output.
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

    /// Appends `y` = the mean of each window of `x`.
    pub fn forward(&self, list: &mut List, tuning: &Tuning, label: &str, x: Tensor, y: Tensor) {
        let mut d = Dispatch::new(label, "pool/average_forward");
        d.operands = vec![("x", x), ("y", y)];
        self.window(list, tuning, d, [self.input, self.output()]);
    }

    /// Appends `dx` = each input's shares of the gradients `dy` of its windows, plus `addend`, where `mask` is positive.
    ///
    /// `mask` is the output of the ReLU that made the pool's input, and `addend` another consumer's gradient of it, both of
    /// `dx`'s size.
    #[allow(clippy::too_many_arguments, reason = "every argument is an operand")]
    pub fn backward(
        &self,
        list: &mut List,
        tuning: &Tuning,
        label: &str,
        dy: Tensor,
        dx: Tensor,
        mask: Option<Tensor>,
        addend: Option<Tensor>,
    ) {
        let mut d = Dispatch::new(label, "pool/average_backward");
        d.operands = vec![("dy", dy), ("dx", dx)];
        finish(&mut d, addend, Then::mask(mask));
        self.window(list, tuning, d, [self.output(), self.input]);
    }

    /// Completes a dispatch whose lanes own quads of `to` and read `from`.
    fn window(&self, list: &mut List, tuning: &Tuning, mut d: Dispatch, [from, to]: [Shape; 2]) {
        let quads = u64::from(self.images) * u64::from(to.quads());
        let flat = Flat::new(quads, tuning);
        d.constants = vec![
            ("W", tuning.lanes),
            ("KERNEL_H", self.kernel[0]),
            ("KERNEL_W", self.kernel[1]),
            ("STRIDE_H", self.stride[0]),
            ("STRIDE_W", self.stride[1]),
            ("PADDING_H", self.padding[0]),
            ("PADDING_W", self.padding[1]),
            ("COUNT_PADDING", u32::from(self.count_include_pad)),
        ];
        d.sizes = vec![quads as u32, flat.groups_x, flat.per];
        d.sizes.extend([to.height, to.width, to.row_quads()]);
        d.sizes
            .extend(steps(tuning.lanes, to.height, to.row_quads()));
        d.sizes.extend([from.height, from.width, from.row_quads()]);
        d.grid = flat.grid;
        list.push(d);
    }
}
