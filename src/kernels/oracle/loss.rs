//! The losses, averaged over the batch: softmax cross-entropy against class labels, which may be smoothed and weighted, binary
//! cross-entropy with logits, squared error.

use super::check;

/// What [`cross_entropy`] returns.
#[derive(Clone, Debug, PartialEq)]
pub struct CrossEntropy {
    /// The sum of the losses of the valid rows.
    pub sum: f64,
    /// `sum / valid`.
    pub mean: f64,
    /// The gradient of `mean` with respect to the logits \[rows, classes\]; 0 in rows that do not count.
    pub dlogits: Vec<f64>,
    /// Valid rows whose largest logit, the first of equal ones, is their label's.
    pub correct: usize,
}

/// The loss of `logits` \[rows, classes\] against `labels` \[rows\], of which the first `valid` rows count: a last batch that
/// the data does not fill has fewer than its rows. `smoothing`, 0 to 1, is the share of a label's weight that goes to all
/// classes evenly, as PyTorch's `label_smoothing`.
pub fn cross_entropy(
    logits: &[f64],
    labels: &[usize],
    classes: usize,
    valid: usize,
    smoothing: f64,
) -> CrossEntropy {
    check("logits", logits.len(), labels.len() * classes);
    assert!(
        valid <= labels.len(),
        "the oracle's loss counts {valid} rows of {}",
        labels.len()
    );
    let mut result = CrossEntropy {
        sum: 0.0,
        mean: 0.0,
        dlogits: vec![0.0; logits.len()],
        correct: 0,
    };
    for row in 0..valid {
        let values = &logits[row * classes..(row + 1) * classes];
        let label = labels[row];
        let mut winner = 0;
        for class in 1..classes {
            if values[class] > values[winner] {
                winner = class;
            }
        }
        result.correct += usize::from(winner == label);
        // Shifted by the maximum, so that no exponential overflows and one of them is 1.
        let shift = values[winner];
        let total: f64 = values.iter().map(|value| (value - shift).exp()).sum();
        for (class, value) in values.iter().enumerate() {
            let probability = (value - shift).exp() / total;
            let own = if class == label { 1.0 - smoothing } else { 0.0 };
            let target = own + smoothing / classes as f64;
            if target > 0.0 {
                result.sum += target * (total.ln() + shift - value);
            }
            result.dlogits[row * classes + class] = (probability - target) / valid as f64;
        }
    }
    result.mean = result.sum / valid as f64;
    result
}

/// What the losses with weights and the losses of elements return.
#[derive(Clone, Debug, PartialEq)]
pub struct RowLosses {
    /// The part of each row, such that their mean over the valid rows is the loss; 0 in rows that do not count.
    pub rows: Vec<f64>,
    /// The loss.
    pub mean: f64,
    /// Its gradient with respect to the outputs; 0 in rows that do not count.
    pub gradient: Vec<f64>,
}

/// As [`cross_entropy`], with PyTorch's weighted mean: `weights` has a number for each class.
pub fn weighted_cross_entropy(
    logits: &[f64],
    labels: &[usize],
    classes: usize,
    valid: usize,
    smoothing: f64,
    weights: &[f64],
) -> RowLosses {
    check("logits", logits.len(), labels.len() * classes);
    check("class weights", weights.len(), classes);
    let total: f64 = labels[..valid].iter().map(|&label| weights[label]).sum();
    let mut result = RowLosses {
        rows: vec![0.0; labels.len()],
        mean: 0.0,
        gradient: vec![0.0; logits.len()],
    };
    for row in 0..valid {
        let values = &logits[row * classes..(row + 1) * classes];
        let largest = values.iter().copied().fold(f64::MIN, f64::max);
        let sum: f64 = values.iter().map(|value| (value - largest).exp()).sum();
        for class in 0..classes {
            let log = values[class] - largest - sum.ln();
            let own = if class == labels[row] {
                1.0 - smoothing
            } else {
                0.0
            };
            let target = weights[class] * (own + smoothing / classes as f64);
            result.mean -= target * log / total;
            result.rows[row] -= target * log / total * valid as f64;
            for (other, value) in values.iter().enumerate() {
                let probability = (value - largest).exp() / sum;
                let slope = probability - f64::from(other == class);
                result.gradient[row * classes + other] += target * slope / total;
            }
        }
    }
    result
}

/// Binary cross-entropy with logits between `outputs` \[rows, width\] and `targets` of the same shape, of which the first
/// `valid` rows count; a positive target of output i counts `pos_weight[i]` times.
pub fn binary_cross_entropy(
    outputs: &[f64],
    targets: &[f64],
    width: usize,
    valid: usize,
    pos_weight: Option<&[f64]>,
) -> RowLosses {
    // The logarithms of the sigmoid and of one minus it, without overflow.
    let log_sigmoid = |x: f64| -(-x.abs()).exp().ln_1p() + x.min(0.0);
    elements(outputs, targets, width, valid, |x, t, i| {
        let weight = pos_weight.map_or(1.0, |weights| weights[i]);
        let sigmoid = log_sigmoid(x).exp();
        let loss = -weight * t * log_sigmoid(x) - (1.0 - t) * log_sigmoid(-x);
        (loss, -weight * t * (1.0 - sigmoid) + (1.0 - t) * sigmoid)
    })
}

/// Squared error between `outputs` \[rows, width\] and `targets` of the same shape, of which the first `valid` rows count.
pub fn squared_error(outputs: &[f64], targets: &[f64], width: usize, valid: usize) -> RowLosses {
    elements(outputs, targets, width, valid, |x, t, _| {
        ((x - t).powi(2), 2.0 * (x - t))
    })
}

fn elements(
    outputs: &[f64],
    targets: &[f64],
    width: usize,
    valid: usize,
    loss: impl Fn(f64, f64, usize) -> (f64, f64),
) -> RowLosses {
    check("targets", targets.len(), outputs.len());
    let mut result = RowLosses {
        rows: vec![0.0; outputs.len() / width],
        mean: 0.0,
        gradient: vec![0.0; outputs.len()],
    };
    for i in 0..valid * width {
        let (value, slope) = loss(outputs[i], targets[i], i % width);
        result.rows[i / width] += value / width as f64;
        result.mean += value / (valid * width) as f64;
        result.gradient[i] = slope / (valid * width) as f64;
    }
    result
}
