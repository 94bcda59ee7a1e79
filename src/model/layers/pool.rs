use super::{Backward, Forward, Layer, check_window};
use crate::kernels::{Role, Shape, Tensor, pool};

/// Max pool; the first maximum of a window takes the gradient. Pairs are along height and width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxPool2d {
    /// Size of the window.
    pub kernel: [u32; 2],
    /// Stride.
    pub stride: [u32; 2],
    /// Rows and columns of minus infinity around the input, at most half the window.
    pub padding: [u32; 2],
}

impl MaxPool2d {
    /// The same window, stride and padding along both axes.
    pub fn square(kernel: u32, stride: u32, padding: u32) -> MaxPool2d {
        MaxPool2d {
            kernel: [kernel; 2],
            stride: [stride; 2],
            padding: [padding; 2],
        }
    }

    fn pool(&self, images: u32, input: Shape) -> pool::MaxPool {
        pool::MaxPool {
            images,
            input,
            kernel: self.kernel,
            stride: self.stride,
            padding: self.padding,
        }
    }
}

impl Layer for MaxPool2d {
    fn kind(&self) -> &'static str {
        "max_pool2d"
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, String> {
        let x = inputs[0];
        check_pool(self.kernel, self.stride, self.padding, x)?;
        Ok(self.pool(1, x).output())
    }

    fn forward(&self, f: Forward<'_>) -> Vec<Tensor> {
        let (x, input) = f.inputs[0];
        let quads = u64::from(f.images) * u64::from(f.output.1.quads());
        let index = f
            .list
            .tensor(format!("{}.index", f.name), Role::Activation, quads);
        let pool = self.pool(f.images, input);
        pool.max_forward(
            f.list,
            f.tuning,
            &format!("{} forward", f.name),
            x,
            f.output.0,
            index,
        );
        vec![index]
    }

    fn backward(&self, b: Backward<'_>) {
        if let Some(target) = b.input_gradients[0] {
            let pool = self.pool(b.images, b.inputs[0].1);
            let label = format!("{} backward", b.name);
            pool.max_backward(
                b.list,
                b.tuning,
                &label,
                b.dy,
                b.saved[0],
                target.dx,
                target.mask,
                target.addend,
            );
        }
    }
}

/// Average pool. Pairs are along height and width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AvgPool2d {
    /// Size of the window.
    pub kernel: [u32; 2],
    /// Stride.
    pub stride: [u32; 2],
    /// Rows and columns of zeros around the input, at most half the window.
    pub padding: [u32; 2],
    /// Whether the zeros count as elements of a window.
    pub count_include_pad: bool,
}

impl AvgPool2d {
    /// The same window, stride and padding along both axes; the padding counts, as in PyTorch.
    pub fn square(kernel: u32, stride: u32, padding: u32) -> AvgPool2d {
        AvgPool2d {
            kernel: [kernel; 2],
            stride: [stride; 2],
            padding: [padding; 2],
            count_include_pad: true,
        }
    }

    fn pool(&self, images: u32, input: Shape) -> pool::AveragePool {
        pool::AveragePool {
            images,
            input,
            kernel: self.kernel,
            stride: self.stride,
            padding: self.padding,
            count_include_pad: self.count_include_pad,
        }
    }
}

impl Layer for AvgPool2d {
    fn kind(&self) -> &'static str {
        "avg_pool2d"
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, String> {
        let x = inputs[0];
        check_pool(self.kernel, self.stride, self.padding, x)?;
        Ok(self.pool(1, x).output())
    }

    fn forward(&self, f: Forward<'_>) -> Vec<Tensor> {
        let (x, input) = f.inputs[0];
        let label = format!("{} forward", f.name);
        let pool = self.pool(f.images, input);
        pool.forward(f.list, f.tuning, &label, x, f.output.0);
        vec![]
    }

    fn backward(&self, b: Backward<'_>) {
        if let Some(target) = b.input_gradients[0] {
            let pool = self.pool(b.images, b.inputs[0].1);
            pool.backward(
                b.list,
                b.tuning,
                &format!("{} backward", b.name),
                b.dy,
                target.dx,
                target.mask,
                target.addend,
            );
        }
    }
}

/// Checks a pool's windows, and that every window has an element that is not padding.
fn check_pool(
    kernel: [u32; 2],
    stride: [u32; 2],
    padding: [u32; 2],
    x: Shape,
) -> Result<(), String> {
    check_window("window", kernel, stride, padding, x)?;
    let ([rows, columns], [height, width]) = (padding, kernel);
    match rows > height / 2 || columns > width / 2 {
        true => Err(format!(
            "the padding of {rows}x{columns} is more than half the window of {height}x{width}"
        )),
        false => Ok(()),
    }
}

/// Mean over rows and columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeanPool;

impl Layer for MeanPool {
    fn kind(&self) -> &'static str {
        "mean_pool"
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, String> {
        Ok(Shape::vector(inputs[0].channels))
    }

    fn forward(&self, f: Forward<'_>) -> Vec<Tensor> {
        let (x, input) = f.inputs[0];
        pool::mean_forward(
            f.list,
            f.tuning,
            &format!("{} forward", f.name),
            f.images,
            input,
            x,
            f.output.0,
        );
        vec![]
    }

    fn backward(&self, b: Backward<'_>) {
        if let Some(target) = b.input_gradients[0] {
            let label = format!("{} backward", b.name);
            let input = b.inputs[0].1;
            pool::mean_backward(
                b.list,
                b.tuning,
                &label,
                b.images,
                input,
                b.dy,
                target.dx,
                target.mask,
                target.addend,
            );
        }
    }
}
