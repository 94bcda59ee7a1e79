//! Layer normalisation of rows.

use super::check;

/// Added to the variance, as in PyTorch.
const EPS: f64 = 1e-5;

/// Gradients of [`layer_norm`].
#[derive(Clone, Debug, PartialEq)]
pub struct LayerNormGradients {
    /// Of the input.
    pub dx: Vec<f64>,
    /// Of the scale.
    pub dweight: Vec<f64>,
    /// Of the shift.
    pub dbias: Vec<f64>,
}

/// Normalised values and the inverse standard deviation of a row.
fn normal(row: &[f64]) -> (Vec<f64>, f64) {
    let n = row.len() as f64;
    let mean = row.iter().sum::<f64>() / n;
    let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
    let invstd = 1.0 / (variance + EPS).sqrt();
    (row.iter().map(|x| (x - mean) * invstd).collect(), invstd)
}

/// Each row of `x` \[rows, width\] normalised by its mean and biased variance, times `weight` \[width\] plus `bias`.
pub fn layer_norm(x: &[f64], weight: &[f64], bias: &[f64]) -> Vec<f64> {
    let width = weight.len();
    check("bias", bias.len(), width);
    let rows = x.chunks_exact(width);
    rows.flat_map(|row| {
        let (normal, _) = normal(row);
        let scaled = normal.into_iter().zip(weight).zip(bias);
        scaled.map(|((v, w), b)| v * w + b).collect::<Vec<_>>()
    })
    .collect()
}

/// The gradients of [`layer_norm`] from that of its output.
pub fn layer_norm_backward(x: &[f64], weight: &[f64], dy: &[f64]) -> LayerNormGradients {
    check("upstream gradient", dy.len(), x.len());
    let width = weight.len();
    let mut all = LayerNormGradients {
        dx: vec![],
        dweight: vec![0.0; width],
        dbias: vec![0.0; width],
    };
    for (row, dy) in x.chunks_exact(width).zip(dy.chunks_exact(width)) {
        let (normal, invstd) = normal(row);
        let g: Vec<f64> = dy.iter().zip(weight).map(|(d, w)| d * w).collect();
        let mean = g.iter().sum::<f64>() / width as f64;
        let product: f64 = g.iter().zip(&normal).map(|(g, v)| g * v).sum();
        for i in 0..width {
            all.dweight[i] += dy[i] * normal[i];
            all.dbias[i] += dy[i];
            all.dx
                .push(invstd * (g[i] - mean - normal[i] * product / width as f64));
        }
    }
    all
}
