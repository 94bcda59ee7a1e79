//! Max and average pooling and the global average pool over NCHW images.

use super::check;
use super::conv::{tap, windows};

/// The shape of a max pool: input \[batch, channels, height, width\], output [batch, channels,
/// out_height, out_width]. Windows that would hang over the far edge of the padded input are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MaxPool {
    /// Images.
    pub batch: usize,
    /// Channels.
    pub channels: usize,
    /// Rows of the input.
    pub height: usize,
    /// Columns of the input.
    pub width: usize,
    /// Height and width of the window.
    pub kernel: [usize; 2],
    /// Rows and columns between windows.
    pub stride: [usize; 2],
    /// Rows of negative infinity above and below the input, columns left and right of it; at most half the window, as
    /// in PyTorch.
    pub padding: [usize; 2],
}

/// What [`MaxPool::forward`] returns.
#[derive(Clone, Debug, PartialEq)]
pub struct MaxPooled {
    /// The maximum of each window.
    pub y: Vec<f64>,
    /// The place of each maximum in its window: `row * kernel width + column`.
    pub index: Vec<usize>,
}

impl MaxPool {
    /// Rows of the output.
    pub fn out_height(&self) -> usize {
        windows(self.height, self.kernel[0], self.stride[0], self.padding[0])
    }

    /// Columns of the output.
    pub fn out_width(&self) -> usize {
        windows(self.width, self.kernel[1], self.stride[1], self.padding[1])
    }

    /// Elements of the input.
    pub fn input_len(&self) -> usize {
        self.batch * self.channels * self.height * self.width
    }

    /// Elements of the output.
    pub fn output_len(&self) -> usize {
        self.batch * self.channels * self.out_height() * self.out_width()
    }

    /// The flat input index of place `index` in the window of output element `output`, or `None` in the padding.
    pub fn input_at(&self, output: usize, index: usize) -> Option<usize> {
        let (rows, columns) = (self.out_height(), self.out_width());
        let (plane, out_y, out_x) = (
            output / (rows * columns),
            output / columns % rows,
            output % columns,
        );
        let y = tap(
            out_y,
            index / self.kernel[1],
            self.stride[0],
            self.padding[0],
            self.height,
        )?;
        let x = tap(
            out_x,
            index % self.kernel[1],
            self.stride[1],
            self.padding[1],
            self.width,
        )?;
        Some((plane * self.height + y) * self.width + x)
    }

    /// The maximum of each window and its place; of equal maxima the first in row-major order wins, and a NaN wins over
    /// every number. The padding never wins.
    pub fn forward(&self, x: &[f64]) -> MaxPooled {
        check("input", x.len(), self.input_len());
        let mut pooled = MaxPooled {
            y: Vec::new(),
            index: Vec::new(),
        };
        for output in 0..self.output_len() {
            let mut best: Option<(f64, usize)> = None;
            for index in 0..self.kernel[0] * self.kernel[1] {
                let Some(at) = self.input_at(output, index) else {
                    continue;
                };
                if best.is_none_or(|(value, _)| x[at] > value || x[at].is_nan()) {
                    best = Some((x[at], index));
                }
            }
            let (value, index) = best.unwrap_or((f64::NEG_INFINITY, 0));
            pooled.y.push(value);
            pooled.index.push(index);
        }
        pooled
    }

    /// The gradient of the input: each output's gradient goes to its window's maximum, and adds up where windows overlap.
    pub fn backward(&self, dy: &[f64], index: &[usize]) -> Vec<f64> {
        check("upstream gradient", dy.len(), self.output_len());
        check("index", index.len(), self.output_len());
        let mut dx = vec![0.0; self.input_len()];
        for (output, (dy, &index)) in dy.iter().zip(index).enumerate() {
            if let Some(at) = self.input_at(output, index) {
                dx[at] += dy;
            }
        }
        dx
    }
}

/// An average pool of the shape of a max pool; its padding is zeros, which count as elements of a window or do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AveragePool {
    /// Input and windows.
    pub windows: MaxPool,
    /// Whether the padding counts.
    pub count_include_pad: bool,
}

impl AveragePool {
    /// The input elements in the window of output element `output`, and the number to divide by.
    fn window(&self, output: usize) -> (Vec<usize>, f64) {
        let places = self.windows.kernel[0] * self.windows.kernel[1];
        let inside: Vec<usize> = (0..places)
            .filter_map(|place| self.windows.input_at(output, place))
            .collect();
        let count = match self.count_include_pad {
            true => places,
            false => inside.len(),
        };
        (inside, count as f64)
    }

    /// The mean of each window.
    pub fn forward(&self, x: &[f64]) -> Vec<f64> {
        check("input", x.len(), self.windows.input_len());
        let mean = |output| {
            let (inside, count) = self.window(output);
            inside.iter().map(|&at| x[at]).sum::<f64>() / count
        };
        (0..self.windows.output_len()).map(mean).collect()
    }

    /// The gradient of the input.
    pub fn backward(&self, dy: &[f64]) -> Vec<f64> {
        check("upstream gradient", dy.len(), self.windows.output_len());
        let mut dx = vec![0.0; self.windows.input_len()];
        for (output, dy) in dy.iter().enumerate() {
            let (inside, count) = self.window(output);
            inside.iter().for_each(|&at| dx[at] += dy / count);
        }
        dx
    }
}

/// The mean of each of `planes` (batch times channels) planes of `spatial` (height times width) elements.
pub fn mean_pool(x: &[f64], planes: usize, spatial: usize) -> Vec<f64> {
    check("input", x.len(), planes * spatial);
    (0..planes)
        .map(|p| x[p * spatial..(p + 1) * spatial].iter().sum::<f64>() / spatial as f64)
        .collect()
}

/// The gradient of [`mean_pool`]'s input from `dy` \[planes\].
pub fn mean_pool_backward(dy: &[f64], planes: usize, spatial: usize) -> Vec<f64> {
    check("upstream gradient", dy.len(), planes);
    (0..planes * spatial)
        .map(|i| dy[i / spatial] / spatial as f64)
        .collect()
}
