//! Batch normalisation over \[batch, channels, spatial\], as PyTorch's `batch_norm`.

use super::check;

/// The shape and constants of a batch normalisation; a matrix \[batch, channels\] has `spatial` 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchNorm {
    /// Images, or rows.
    pub batch: usize,
    /// Channels, each with statistics of its own.
    pub channels: usize,
    /// Height times width.
    pub spatial: usize,
    /// Added to the variance before the root.
    pub eps: f64,
    /// The share of the new batch in the running statistics.
    pub momentum: f64,
}

/// What [`BatchNorm::training`] returns; all but `y` is per channel.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchNormTraining {
    /// The output.
    pub y: Vec<f64>,
    /// The batch's mean.
    pub mean: Vec<f64>,
    /// `1 / sqrt(variance + eps)` with the batch's biased variance.
    pub invstd: Vec<f64>,
    /// The updated running mean.
    pub running_mean: Vec<f64>,
    /// The updated running variance, which takes the unbiased variance (NaN from a batch of one element a channel).
    pub running_var: Vec<f64>,
}

/// What [`BatchNorm::backward`] returns.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchNormGradients {
    /// The gradient of the input.
    pub dx: Vec<f64>,
    /// The gradient of the scale, per channel.
    pub dgamma: Vec<f64>,
    /// The gradient of the shift, per channel.
    pub dbeta: Vec<f64>,
}

impl BatchNorm {
    /// PyTorch's constants: `eps` 1e-5, `momentum` 0.1.
    pub fn new(batch: usize, channels: usize, spatial: usize) -> Self {
        Self {
            batch,
            channels,
            spatial,
            eps: 1e-5,
            momentum: 0.1,
        }
    }

    /// Elements of the input and of the output.
    pub fn len(&self) -> usize {
        self.batch * self.channels * self.spatial
    }

    /// Whether the input has no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn channel(&self, at: usize) -> usize {
        at / self.spatial % self.channels
    }

    /// The mean over batch and space of `value(at)` in every channel.
    fn mean(&self, value: impl Fn(usize) -> f64) -> Vec<f64> {
        let mut sums = vec![0.0; self.channels];
        for at in 0..self.len() {
            sums[self.channel(at)] += value(at);
        }
        sums.iter()
            .map(|sum| sum / (self.batch * self.spatial) as f64)
            .collect()
    }

    /// Normalises with the batch's own statistics, and moves the running ones towards them.
    pub fn training(
        &self,
        x: &[f64],
        gamma: &[f64],
        beta: &[f64],
        running_mean: &[f64],
        running_var: &[f64],
    ) -> BatchNormTraining {
        check("input", x.len(), self.len());
        for (what, values) in [
            ("scale", gamma),
            ("shift", beta),
            ("running mean", running_mean),
            ("running variance", running_var),
        ] {
            check(what, values.len(), self.channels);
        }
        let mean = self.mean(|at| x[at]);
        let var = self.mean(|at| (x[at] - mean[self.channel(at)]).powi(2));
        let invstd: Vec<f64> = var
            .iter()
            .map(|var| 1.0 / (var + self.eps).sqrt())
            .collect();
        let y = (0..self.len())
            .map(|at| {
                let c = self.channel(at);
                (x[at] - mean[c]) * invstd[c] * gamma[c] + beta[c]
            })
            .collect();
        let count = (self.batch * self.spatial) as f64;
        let blend = |old: f64, new: f64| (1.0 - self.momentum) * old + self.momentum * new;
        let running_mean = running_mean
            .iter()
            .zip(&mean)
            .map(|(&old, &new)| blend(old, new))
            .collect();
        let running_var = running_var
            .iter()
            .zip(&var)
            .map(|(&old, &new)| blend(old, new * count / (count - 1.0)))
            .collect();
        BatchNormTraining {
            y,
            mean,
            invstd,
            running_mean,
            running_var,
        }
    }

    /// Normalises with the running statistics.
    pub fn evaluation(
        &self,
        x: &[f64],
        gamma: &[f64],
        beta: &[f64],
        running_mean: &[f64],
        running_var: &[f64],
    ) -> Vec<f64> {
        check("input", x.len(), self.len());
        (0..self.len())
            .map(|at| {
                let c = self.channel(at);
                (x[at] - running_mean[c]) / (running_var[c] + self.eps).sqrt() * gamma[c] + beta[c]
            })
            .collect()
    }

    /// The gradients of [`BatchNorm::training`]; `mean` and `invstd` are what it returned for `x`.
    pub fn backward(
        &self,
        x: &[f64],
        gamma: &[f64],
        mean: &[f64],
        invstd: &[f64],
        dy: &[f64],
    ) -> BatchNormGradients {
        check("input", x.len(), self.len());
        check("upstream gradient", dy.len(), self.len());
        let normalised = |at: usize| (x[at] - mean[self.channel(at)]) * invstd[self.channel(at)];
        let mean_dy = self.mean(|at| dy[at]);
        let mean_dy_normalised = self.mean(|at| dy[at] * normalised(at));
        // The batch's mean and deviation depend on every element: their share of the gradient is what dy has in common
        // with a constant and with the normalised input, and is taken out.
        let dx = (0..self.len())
            .map(|at| {
                let c = self.channel(at);
                gamma[c]
                    * invstd[c]
                    * (dy[at] - mean_dy[c] - normalised(at) * mean_dy_normalised[c])
            })
            .collect();
        let count = (self.batch * self.spatial) as f64;
        BatchNormGradients {
            dx,
            dgamma: mean_dy_normalised.iter().map(|mean| mean * count).collect(),
            dbeta: mean_dy.iter().map(|mean| mean * count).collect(),
        }
    }
}
