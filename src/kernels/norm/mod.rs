//! Batch normalisation of \[images, channels, height, width\].
//!
//! All three passes over the data take a channel's mean, scale, shift and `invstd` from one quad a channel, the
//! *coefficients*, which forward writes and backward reads again. And layer normalisation, in a file of its own.

mod layer;

pub use layer::LayerNorm;

use super::elementwise::{Channels, Then, finish, lanes_grid};
use super::{Dispatch, List, Role, Shape, Tensor, Tuning};

/// Why a batch normalisation is invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NormError {
    /// Vectors have no channels to normalise.
    #[error(
        "batch normalisation of vectors of {features} features is not supported; put it after a convolution, before the network flattens its images"
    )]
    Vector {
        /// Features of a vector.
        features: u32,
    },
    /// A size is 0.
    #[error(
        "batch normalisation of {images} images of {channels} channels of {height} x {width} has no elements; every size must be at least 1"
    )]
    Empty {
        /// Images.
        images: u32,
        /// Channels.
        channels: u32,
        /// Rows.
        height: u32,
        /// Columns.
        width: u32,
    },
}

/// A batch normalisation over images and space, as PyTorch's `BatchNorm2d`. Every per-channel tensor is a vector of the
/// channels, `ceil(channels / 4)` quads, except the coefficients: [`BatchNorm::coefficients`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchNorm {
    /// Images.
    pub images: u32,
    /// Shape of an image.
    pub shape: Shape,
    /// Added to the variance before the root.
    pub eps: f32,
    /// The share of the new batch in the running statistics.
    pub momentum: f32,
}

impl BatchNorm {
    /// Checks the sizes. PyTorch's constants are `eps` 1e-5 and `momentum` 0.1.
    ///
    /// # Errors
    /// [`NormError::Vector`] for a vector of features, [`NormError::Empty`] for a size of 0.
    pub fn new(images: u32, shape: Shape, eps: f32, momentum: f32) -> Result<BatchNorm, NormError> {
        if images == 0 || shape.elements() == 0 {
            return Err(NormError::Empty {
                images,
                channels: shape.channels,
                height: shape.height,
                width: shape.width,
            });
        }
        if shape == Shape::vector(shape.width) && shape.width > 1 {
            return Err(NormError::Vector {
                features: shape.width,
            });
        }
        Ok(BatchNorm {
            images,
            shape,
            eps,
            momentum,
        })
    }

    /// Names the tensor that forward leaves for backward: a quad (mean, gamma * invstd, beta, invstd) a channel.
    pub fn coefficients(&self, list: &mut List, name: &str) -> Tensor {
        list.tensor(name, Role::Activation, u64::from(self.shape.channels))
    }

    /// Appends `y = (x - mean) * invstd * gamma + beta` with the batch's own statistics, plus `addend`, then ReLU if
    /// `relu`; moves `running_mean` and `running_var` in place, and writes `coefficients` (a quad a channel).
    ///
    /// The running variance takes the unbiased variance, and 0 from a batch of one element a channel.
    #[allow(clippy::too_many_arguments, reason = "every argument is an operand")]
    pub fn train_forward(
        &self,
        list: &mut List,
        tuning: &Tuning,
        label: &str,
        x: Tensor,
        gamma: Tensor,
        beta: Tensor,
        running_mean: Tensor,
        running_var: Tensor,
        coefficients: Tensor,
        y: Tensor,
        addend: Option<Tensor>,
        relu: bool,
    ) {
        let tuning = &tuning.for_reductions();
        let few = Channels::few(self.images, self.shape, tuning);
        let partials = self.partials(list, label, "statistics", few.chunks);
        let mut d = Dispatch::new(format!("{label} statistics"), "norm/statistics");
        d.constants = vec![("W", tuning.lanes)];
        d.operands = vec![("x", x), ("partials", partials)];
        d.sizes = few.words(self.images, self.shape, tuning);
        d.sizes.push(few.chunks);
        d.grid = few.grid(self.shape);
        list.push(d);

        let mut d = Dispatch::new(format!("{label} merge"), "norm/finish_statistics");
        d.constants = vec![("W", tuning.lanes)];
        d.operands = vec![
            ("partials", partials),
            ("gamma", gamma),
            ("beta", beta),
            ("running_mean", running_mean),
            ("running_var", running_var),
            ("coefficients", coefficients),
        ];
        d.sizes = vec![
            self.shape.channels,
            few.chunks,
            self.eps.to_bits(),
            self.momentum.to_bits(),
        ];
        d.grid = lanes_grid(self.shape.channels.div_ceil(4), tuning);
        d.once = true;
        list.push(d);

        self.apply(list, tuning, label, x, coefficients, y, addend, relu);
    }

    /// Appends what evaluation needs of the running statistics: `coefficients`, a quad a channel.
    #[allow(clippy::too_many_arguments, reason = "every argument is an operand")]
    pub fn eval_coefficients(
        &self,
        list: &mut List,
        tuning: &Tuning,
        label: &str,
        gamma: Tensor,
        beta: Tensor,
        running_mean: Tensor,
        running_var: Tensor,
        coefficients: Tensor,
    ) {
        let parameters = [gamma, beta, running_mean, running_var];
        self.running(list, tuning, label, parameters, coefficients, false);
    }

    /// The coefficients of evaluation, or of its gradient, which is `dy` times the scale alone.
    fn running(
        &self,
        list: &mut List,
        tuning: &Tuning,
        label: &str,
        [gamma, beta, running_mean, running_var]: [Tensor; 4],
        coefficients: Tensor,
        gradient: bool,
    ) {
        let tuning = &tuning.for_reductions();
        let mut d = Dispatch::new(format!("{label} coefficients"), "norm/running_coefficients");
        d.constants = vec![("W", tuning.lanes), ("GRADIENT", u32::from(gradient))];
        d.operands = vec![
            ("gamma", gamma),
            ("beta", beta),
            ("running_mean", running_mean),
            ("running_var", running_var),
            ("coefficients", coefficients),
        ];
        d.sizes = vec![self.shape.channels, self.eps.to_bits()];
        d.grid = lanes_grid(self.shape.channels.div_ceil(4), tuning);
        list.push(d);
    }

    /// Appends [`BatchNorm::eval_coefficients`] and `y = (x - running_mean) / sqrt(running_var + eps) * gamma + beta`, plus
    /// `addend`, then ReLU if `relu`.
    #[allow(clippy::too_many_arguments, reason = "every argument is an operand")]
    pub fn eval_forward(
        &self,
        list: &mut List,
        tuning: &Tuning,
        label: &str,
        x: Tensor,
        gamma: Tensor,
        beta: Tensor,
        running_mean: Tensor,
        running_var: Tensor,
        coefficients: Tensor,
        y: Tensor,
        addend: Option<Tensor>,
        relu: bool,
    ) {
        let tuning = &tuning.for_reductions();
        self.eval_coefficients(
            list,
            tuning,
            label,
            gamma,
            beta,
            running_mean,
            running_var,
            coefficients,
        );
        self.apply(list, tuning, label, x, coefficients, y, addend, relu);
    }

    /// Appends the gradients of [`BatchNorm::train_forward`]: `dgamma`, `dbeta`, and `dx` plus `addend`, where `mask` is
    /// positive. `dy` has passed the backward of the layer's own ReLU already; `mask` is the output of a ReLU that made
    /// `x`, and `addend` another consumer's gradient of `x`.
    #[allow(clippy::too_many_arguments, reason = "every argument is an operand")]
    pub fn backward(
        &self,
        list: &mut List,
        tuning: &Tuning,
        label: &str,
        x: Tensor,
        dy: Tensor,
        coefficients: Tensor,
        dx: Tensor,
        dgamma: Tensor,
        dbeta: Tensor,
        mask: Option<Tensor>,
        addend: Option<Tensor>,
    ) {
        let tuning = &tuning.for_reductions();
        let few = Channels::few(self.images, self.shape, tuning);
        let partials = self.partials(list, label, "sums", few.chunks);
        let mut d = Dispatch::new(format!("{label} sums"), "norm/gradient_sums");
        d.constants = vec![("W", tuning.lanes)];
        d.operands = vec![
            ("x", x),
            ("dy", dy),
            ("coefficients", coefficients),
            ("partials", partials),
        ];
        d.sizes = few.words(self.images, self.shape, tuning);
        d.sizes.push(few.chunks);
        d.grid = few.grid(self.shape);
        list.push(d);

        let factors = list.tensor(
            format!("{label}.factors"),
            Role::Scratch,
            u64::from(self.shape.channels),
        );
        let mut d = Dispatch::new(format!("{label} parameters"), "norm/finish_gradient");
        d.constants = vec![("W", tuning.lanes)];
        d.operands = vec![
            ("partials", partials),
            ("coefficients", coefficients),
            ("dgamma", dgamma),
            ("dbeta", dbeta),
            ("factors", factors),
        ];
        let count = self.images * self.shape.height * self.shape.width;
        d.sizes = vec![self.shape.channels, few.chunks, (count as f32).to_bits()];
        d.grid = lanes_grid(self.shape.channels.div_ceil(4), tuning);
        list.push(d);

        let even = Channels::even(self.images, self.shape, tuning);
        let mut d = Dispatch::new(format!("{label} input gradient"), "norm/gradient_input");
        d.constants = vec![("W", tuning.lanes)];
        d.operands = vec![("x", x), ("dy", dy), ("factors", factors), ("dx", dx)];
        finish(&mut d, addend, Then::mask(mask));
        d.sizes = even.words(self.images, self.shape, tuning);
        d.grid = even.grid(self.shape);
        list.push(d);
    }

    /// Appends the input gradient of [`BatchNorm::eval_forward`]: `dx = dy * gamma / sqrt(running_var + eps)` plus `addend`,
    /// where `mask` is positive. `parameters`: gamma, beta, running mean, running variance.
    #[allow(clippy::too_many_arguments, reason = "every argument is an operand")]
    pub fn frozen_backward(
        &self,
        list: &mut List,
        tuning: &Tuning,
        label: &str,
        dy: Tensor,
        parameters: [Tensor; 4],
        dx: Tensor,
        mask: Option<Tensor>,
        addend: Option<Tensor>,
    ) {
        let factors = self.coefficients(list, &format!("{label}.factors"));
        self.running(list, tuning, label, parameters, factors, true);
        let tuning = &tuning.for_reductions();
        let then = Then::mask(mask);
        self.apply_then(list, tuning, label, dy, factors, dx, addend, then);
    }

    #[allow(clippy::too_many_arguments, reason = "every argument is an operand")]
    fn apply(
        &self,
        list: &mut List,
        tuning: &Tuning,
        label: &str,
        x: Tensor,
        coefficients: Tensor,
        y: Tensor,
        addend: Option<Tensor>,
        relu: bool,
    ) {
        let then = if relu { Then::Relu } else { Then::Nothing };
        self.apply_then(list, tuning, label, x, coefficients, y, addend, then);
    }

    #[allow(clippy::too_many_arguments, reason = "every argument is an operand")]
    fn apply_then(
        &self,
        list: &mut List,
        tuning: &Tuning,
        label: &str,
        x: Tensor,
        coefficients: Tensor,
        y: Tensor,
        addend: Option<Tensor>,
        then: Then,
    ) {
        let even = Channels::even(self.images, self.shape, tuning);
        let mut d = Dispatch::new(format!("{label} apply"), "norm/apply");
        d.constants = vec![("W", tuning.lanes)];
        d.operands = vec![("x", x), ("coefficients", coefficients), ("y", y)];
        finish(&mut d, addend, then);
        d.sizes = even.words(self.images, self.shape, tuning);
        d.grid = even.grid(self.shape);
        list.push(d);
    }

    /// A quad for every channel and chunk.
    fn partials(&self, list: &mut List, label: &str, what: &str, chunks: u32) -> Tensor {
        list.tensor(
            format!("{label}.{what}"),
            Role::Scratch,
            u64::from(self.shape.channels) * u64::from(chunks),
        )
    }
}
