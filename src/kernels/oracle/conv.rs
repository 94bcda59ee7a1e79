//! Two-dimensional convolution over NCHW images, as PyTorch's `conv2d` with zero padding.

use super::{check, magnitudes};

/// The shape of a convolution: input \[batch, channels, height, width\], weight \[out_channels,
/// channels / groups, kernel height, kernel width\], output \[batch, out_channels, out_height, out_width\].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Conv {
    /// Images.
    pub batch: usize,
    /// Channels of the input.
    pub channels: usize,
    /// Rows of the input.
    pub height: usize,
    /// Columns of the input.
    pub width: usize,
    /// Channels of the output.
    pub out_channels: usize,
    /// Height and width of the kernel.
    pub kernel: [usize; 2],
    /// Rows and columns between windows.
    pub stride: [usize; 2],
    /// Rows of zeros above and below the input, columns of zeros left and right of it.
    pub padding: [usize; 2],
    /// Rows and columns between the taps of the kernel.
    pub dilation: [usize; 2],
    /// Groups of channels that do not mix.
    pub groups: usize,
}

/// Number of windows; 0 where the kernel is larger than the padded input or the stride is 0.
pub(super) fn windows(size: usize, kernel: usize, stride: usize, padding: usize) -> usize {
    let room = (size + 2 * padding).checked_sub(kernel);
    room.and_then(|room| room.checked_div(stride))
        .map_or(0, |steps| steps + 1)
}

/// The input coordinate of tap `tap` of window `window`; `None` in the padding.
pub(super) fn tap(
    window: usize,
    tap: usize,
    stride: usize,
    padding: usize,
    size: usize,
) -> Option<usize> {
    (window * stride + tap)
        .checked_sub(padding)
        .filter(|&at| at < size)
}

impl Conv {
    /// Rows of the output.
    pub fn out_height(&self) -> usize {
        windows(self.height, self.span(0), self.stride[0], self.padding[0])
    }

    /// Columns of the output.
    pub fn out_width(&self) -> usize {
        windows(self.width, self.span(1), self.stride[1], self.padding[1])
    }

    /// Rows or columns that the kernel spans.
    fn span(&self, axis: usize) -> usize {
        self.dilation[axis] * (self.kernel[axis] - 1) + 1
    }

    /// Elements of the input.
    pub fn input_len(&self) -> usize {
        self.batch * self.channels * self.height * self.width
    }

    /// Elements of the weight.
    pub fn weight_len(&self) -> usize {
        self.out_channels * (self.channels / self.groups) * self.kernel[0] * self.kernel[1]
    }

    /// Elements of the output.
    pub fn output_len(&self) -> usize {
        self.batch * self.out_channels * self.out_height() * self.out_width()
    }

    /// Calls `visit(output, input, weight)` with the flat indices of every product that the convolution adds up.
    fn products(&self, mut visit: impl FnMut(usize, usize, usize)) {
        let mut output = 0;
        for image in 0..self.batch {
            for out_channel in 0..self.out_channels {
                for out_y in 0..self.out_height() {
                    for out_x in 0..self.out_width() {
                        let per_group = self.channels / self.groups;
                        let group = out_channel / (self.out_channels / self.groups);
                        for within in 0..per_group {
                            let channel = group * per_group + within;
                            for tap_y in 0..self.kernel[0] {
                                let Some(y) = tap(
                                    out_y,
                                    tap_y * self.dilation[0],
                                    self.stride[0],
                                    self.padding[0],
                                    self.height,
                                ) else {
                                    continue;
                                };
                                for tap_x in 0..self.kernel[1] {
                                    let Some(x) = tap(
                                        out_x,
                                        tap_x * self.dilation[1],
                                        self.stride[1],
                                        self.padding[1],
                                        self.width,
                                    ) else {
                                        continue;
                                    };
                                    let plane = image * self.channels + channel;
                                    let filter = out_channel * per_group + within;
                                    visit(
                                        output,
                                        (plane * self.height + y) * self.width + x,
                                        (filter * self.kernel[0] + tap_y) * self.kernel[1] + tap_x,
                                    );
                                }
                            }
                        }
                        output += 1;
                    }
                }
            }
        }
    }

    /// The output, with `bias` \[out_channels\] added where given.
    pub fn forward(&self, x: &[f64], w: &[f64], bias: Option<&[f64]>) -> Vec<f64> {
        check("input", x.len(), self.input_len());
        check("weight", w.len(), self.weight_len());
        let mut y = vec![0.0; self.output_len()];
        if let Some(bias) = bias {
            check("bias", bias.len(), self.out_channels);
            let plane = self.out_height() * self.out_width();
            for (i, y) in y.iter_mut().enumerate() {
                *y = bias[i / plane % self.out_channels];
            }
        }
        self.products(|output, input, weight| y[output] += x[input] * w[weight]);
        y
    }

    /// The sum of absolute products, and of the bias, behind every element of [`Conv::forward`].
    pub fn forward_magnitude(&self, x: &[f64], w: &[f64], bias: Option<&[f64]>) -> Vec<f64> {
        let bias = bias.map(magnitudes);
        self.forward(&magnitudes(x), &magnitudes(w), bias.as_deref())
    }

    /// The gradient of the input from that of the output.
    pub fn grad_input(&self, dy: &[f64], w: &[f64]) -> Vec<f64> {
        check("upstream gradient", dy.len(), self.output_len());
        check("weight", w.len(), self.weight_len());
        let mut dx = vec![0.0; self.input_len()];
        self.products(|output, input, weight| dx[input] += dy[output] * w[weight]);
        dx
    }

    /// The sum of absolute products behind every element of [`Conv::grad_input`].
    pub fn grad_input_magnitude(&self, dy: &[f64], w: &[f64]) -> Vec<f64> {
        self.grad_input(&magnitudes(dy), &magnitudes(w))
    }

    /// The gradient of the weight from the input and the gradient of the output, summed over the batch.
    pub fn grad_weight(&self, x: &[f64], dy: &[f64]) -> Vec<f64> {
        check("input", x.len(), self.input_len());
        check("upstream gradient", dy.len(), self.output_len());
        let mut dw = vec![0.0; self.weight_len()];
        self.products(|output, input, weight| dw[weight] += dy[output] * x[input]);
        dw
    }

    /// The sum of absolute products behind every element of [`Conv::grad_weight`].
    pub fn grad_weight_magnitude(&self, x: &[f64], dy: &[f64]) -> Vec<f64> {
        self.grad_weight(&magnitudes(x), &magnitudes(dy))
    }

    /// The gradient of the bias \[out_channels\] from that of the output.
    pub fn grad_bias(&self, dy: &[f64]) -> Vec<f64> {
        check("upstream gradient", dy.len(), self.output_len());
        let plane = self.out_height() * self.out_width();
        let mut db = vec![0.0; self.out_channels];
        for (i, dy) in dy.iter().enumerate() {
            db[i / plane % self.out_channels] += dy;
        }
        db
    }

    /// The sum of absolute values behind every element of [`Conv::grad_bias`].
    pub fn grad_bias_magnitude(&self, dy: &[f64]) -> Vec<f64> {
        self.grad_bias(&magnitudes(dy))
    }
}
