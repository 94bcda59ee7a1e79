//! The losses with weights and the losses of elements: against PyTorch, and against central differences.

use wattgrad::internals::kernels::oracle::{
    binary_cross_entropy, squared_error, weighted_cross_entropy,
};

use super::gradients::{differences, random};
use super::{close, layers_fixture};

#[test]
fn losses_are_pytorchs() {
    let fixture = layers_fixture();
    for case in fixture.cases("weighted.") {
        let get = |name: &str| fixture.get(&format!("{case}.{name}"));
        let labels = fixture.counts(&format!("{case}.labels"));
        let (logits, weights) = (get("logits"), get("weights"));
        let (classes, share) = (weights.len(), get("smoothing")[0]);
        let loss = weighted_cross_entropy(logits, &labels, classes, labels.len(), share, weights);
        close(&case, &[loss.mean], get("mean"));
        close(&case, &loss.gradient, get("dlogits"));
        let rows = loss.rows.iter().sum::<f64>() / labels.len() as f64;
        close(&case, &[rows], get("mean"));
    }
    for case in fixture.cases("binary.") {
        let get = |name: &str| fixture.get(&format!("{case}.{name}"));
        let (logits, targets, weights) = (get("logits"), get("targets"), get("weights"));
        let width = [40, 1, 7][case[7..].parse::<usize>().unwrap()];
        let weights = (!weights.is_empty()).then_some(weights);
        let rows = logits.len() / width;
        let loss = binary_cross_entropy(logits, targets, width, rows, weights);
        close(&case, &[loss.mean], get("mean"));
        close(&case, &loss.gradient, get("dlogits"));
    }
    for case in fixture.cases("squared.") {
        let get = |name: &str| fixture.get(&format!("{case}.{name}"));
        let n = get("outputs").len();
        let loss = squared_error(get("outputs"), get("targets"), 1, n);
        close(&case, &[loss.mean], get("mean"));
        close(&case, &loss.gradient, get("doutputs"));
    }
}

#[test]
fn gradients_are_central_differences() {
    let labels = [3, 0, 6, 6, 2];
    let logits: Vec<f64> = random(1, 35).iter().map(|x| 3.0 * x).collect();
    let weights: Vec<f64> = random(2, 7).iter().map(|x| x + 1.5).collect();
    let targets: Vec<f64> = random(3, 35).iter().map(|x| f64::from(*x > 0.0)).collect();
    for valid in [5, 3] {
        let loss = |x: &[f64]| weighted_cross_entropy(x, &labels, 7, valid, 0.1, &weights);
        differences("logits", &logits, &loss(&logits).gradient, |x| loss(x).mean);
        let loss = |x: &[f64]| binary_cross_entropy(x, &targets, 7, valid, Some(&weights));
        differences("labels", &logits, &loss(&logits).gradient, |x| loss(x).mean);
        let loss = |x: &[f64]| squared_error(x, &targets, 7, valid);
        differences("values", &logits, &loss(&logits).gradient, |x| loss(x).mean);
        assert!(
            loss(&logits).gradient[valid * 7..]
                .iter()
                .all(|d| *d == 0.0)
        );
    }
}
