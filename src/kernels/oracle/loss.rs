//! Softmax cross-entropy against class labels, averaged over the batch; labels may be smoothed.

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
