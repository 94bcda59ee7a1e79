use super::{Backward, Forward, Layer};
use crate::kernels::{Role, Shape, Tensor, pool};

/// Max pool with a square window; the first maximum of a window takes the gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxPool2d {
    /// Side of the window.
    pub kernel: u32,
    /// Stride.
    pub stride: u32,
    /// Minus infinity around the image, at most half the window.
    pub padding: u32,
}

impl MaxPool2d {
    fn pool(&self, images: u32, input: Shape) -> pool::MaxPool {
        pool::MaxPool {
            images,
            input,
            kernel: [self.kernel; 2],
            stride: [self.stride; 2],
            padding: [self.padding; 2],
        }
    }
}

impl Layer for MaxPool2d {
    fn kind(&self) -> &'static str {
        "max_pool2d"
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, String> {
        let x = inputs[0];
        if self.kernel == 0 || self.stride == 0 {
            return Err("window and stride must be at least 1".into());
        }
        if self.padding * 2 > self.kernel {
            return Err(format!(
                "padding {} is more than half the window of {}",
                self.padding, self.kernel
            ));
        }
        if x.height + 2 * self.padding < self.kernel || x.width + 2 * self.padding < self.kernel {
            return Err(format!(
                "a window of {0}x{0} is larger than the padded image",
                self.kernel
            ));
        }
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
