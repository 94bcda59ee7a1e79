//! The losses, their gradients and their flags.

use super::{EPS, activation, batch_of, widen};
use crate::conformance::examiner::Examiner;
use crate::conformance::numbers::{Numbers, pack};
use crate::kernels::{List, Role, Shape, batch, loss, oracle};

/// Softmax cross-entropy with its gradient, with and without smoothing.
pub fn cross_entropy(exam: &mut Examiner<'_>) {
    let mut numbers = Numbers::new(5);
    for (storage, tuning) in exam.ways() {
        for (rows, valid, classes, first_row, quantised, gradient, smoothing) in [
            (17, 13, 10, 5, false, true, 0.0),
            (65, 65, 3, 0, true, true, 0.0),
            (3, 1, 1, 2, false, true, 0.0),
            (70, 69, 65, 1, false, false, 0.0),
            (17, 13, 10, 5, false, true, 0.1),
            (65, 64, 7, 0, true, true, 0.75),
        ] {
            let n = rows * classes;
            let logits = if quantised {
                numbers.levels(n, 2.0)
            } else {
                numbers.many(n).iter().map(|v| v * 6.0 + 20.0).collect()
            };
            let labels: Vec<u32> = (0..rows).map(|_| numbers.word() % classes as u32).collect();
            // As in a shuffled batch: any sample in any row.
            let samples: Vec<u32> = (0..rows).map(|_| numbers.word() % 1000).collect();
            let weight = 0.75f32;
            let mut list = List::default();
            let tbatch =
                list.integers("batch", Role::State, batch::order::batch_quads(rows as u32));
            let tlabels = list.integers("labels", Role::State, (rows as u64).div_ceil(4));
            let vectors = Shape::vector(classes as u32);
            let tlogits = activation(&mut list, "logits", rows as u32, vectors);
            let tdlogits = activation(&mut list, "dlogits", rows as u32, vectors);
            let trows = list.buffer("rows", Role::Scratch, (rows + first_row) as u64);
            let out = gradient.then_some(tdlogits.into());
            loss::cross_entropy(
                &mut list,
                &tuning,
                "loss",
                tbatch,
                tlabels,
                tlogits,
                out,
                trows,
                first_row as u32,
                rows as u32,
                classes as u32,
                weight,
                smoothing,
                None,
            );
            let given = [
                (tbatch, batch_of(valid as u32, &samples)),
                (tlabels, labels.clone()),
                (tlogits, pack(&logits, classes)),
            ];
            let got = exam.run(&list, &given, storage);
            let what = format!("{rows} rows of {classes}");
            let logits = widen(&logits);
            let labels: Vec<usize> = labels.iter().map(|&l| l as usize).collect();
            let share = f64::from(smoothing);
            let whole = oracle::cross_entropy(&logits, &labels, classes, valid, share);
            let found = got.derived(trows, widen(&got.floats(trows)));
            // Rows before the first stay as they were, those of no sample are zero.
            let mut exact = vec![f64::NAN; first_row * 4];
            let mut bounds = vec![0.0; first_row * 4];
            for row in 0..rows {
                if row >= valid {
                    exact.extend([0.0; 4]);
                    bounds.extend([0.0; 4]);
                    continue;
                }
                let values = &logits[row * classes..][..classes];
                let own = oracle::cross_entropy(values, &labels[row..=row], classes, 1, share);
                let largest = values.iter().fold(f64::MIN, |a, &b| a.max(b));
                let range = largest - values.iter().fold(f64::MAX, |a, &b| a.min(b));
                // Vulkan allows an exponential 3 + 2 |x| units and a logarithm 3 units or 2^-21.
                let bound = (classes as f64 + 3.0 + 2.0 * range) * EPS
                    + 2f64.powi(-21)
                    + 4.0 * EPS * (own.sum + range)
                    + share * (classes as f64 + 4.0) * EPS * range;
                let correct = own.correct as f64;
                let even = f64::from(u8::from(samples[row].is_multiple_of(2)));
                // Loss, whether it is correct, the flag, whether it is correct and of even number.
                exact.extend([f64::from(weight) * own.sum, correct, 0.0, correct * even]);
                bounds.extend([bound, 0.0, 0.0, 0.0]);
            }
            exam.close(&format!("{what}: rows"), &found, &exact, |i| bounds[i]);
            if gradient {
                let expected: Vec<f64> = whole
                    .dlogits
                    .iter()
                    .map(|g| g * f64::from(weight))
                    .collect();
                exam.close(&what, &got.rows(tdlogits, classes), &expected, |i| {
                    let row = &logits[i / classes * classes..][..classes];
                    let largest = row.iter().fold(f64::MIN, |a, &b| a.max(b));
                    let total: f64 = row.iter().map(|v| (v - largest).exp()).sum();
                    let p = (logits[i] - largest).exp() / total;
                    let range = row.iter().fold(0.0f64, |a, &b| a.max(largest - b));
                    let relative = classes as f64 + 2.0 * (3.0 + 2.0 * range) + 3.0;
                    f64::from(weight) / valid as f64 * EPS * (relative * p + 4.0 * (p + 1.0))
                });
            }
        }
    }
}

/// A loss that is not finite is flagged and never correct.
pub fn cross_entropy_not_finite(exam: &mut Examiner<'_>) {
    let (nan, inf) = (f32::NAN, f32::INFINITY);
    // Lists of their own, so that a failure tells which numbers are handled wrong.
    poisoned_logits(exam, &[(0, nan), (1, nan), (4, nan), (4, 0.25)]);
    poisoned_logits(exam, &[(0, inf), (3, inf), (0, -inf), (2, -inf), (4, 0.25)]);
}

/// Cross-entropy of a row for each `(place, value)`: its logit there is the value, the others are 0.5, and its label is 0, so
/// that it is correct.
fn poisoned_logits(exam: &mut Examiner<'_>, cases: &[(usize, f32)]) {
    let classes = 5;
    let rows = cases.len();
    let mut logits = vec![0.5f32; rows * classes];
    for (row, &(class, value)) in cases.iter().enumerate() {
        logits[row * classes + class] = value;
    }
    for (storage, tuning) in exam.ways() {
        for smoothing in [0.0, 0.1f32] {
            let mut list = List::default();
            let quads = batch::order::batch_quads(rows as u32);
            let tbatch = list.integers("batch", Role::State, quads);
            let tlabels = list.integers("labels", Role::State, 2);
            let vector = Shape::vector(classes as u32);
            let tlogits = activation(&mut list, "logits", rows as u32, vector);
            let tdlogits = activation(&mut list, "dlogits", rows as u32, vector);
            let trows = list.buffer("rows", Role::Scratch, rows as u64);
            loss::cross_entropy(
                &mut list,
                &tuning,
                "loss",
                tbatch,
                tlabels,
                tlogits,
                Some(tdlogits.into()),
                trows,
                0,
                rows as u32,
                classes as u32,
                1.0,
                smoothing,
                None,
            );
            let even: Vec<u32> = (0..rows as u32).map(|row| 2 * row).collect();
            let given = [
                (tbatch, batch_of(rows as u32, &even)),
                (tlabels, vec![0; rows]),
                (tlogits, pack(&logits, classes)),
            ];
            let got = exam.run(&list, &given, storage);
            let values = got.floats(trows);
            let flag = |yes: bool| f64::from(u8::from(yes));
            for (row, &(class, value)) in cases.iter().enumerate() {
                let what = format!("logit {class} is {value}, smoothing {smoothing}");
                let own = widen(&logits[row * classes..][..classes]);
                let own = oracle::cross_entropy(&own, &[0], classes, 1, f64::from(smoothing));
                let finite = own.sum.is_finite();
                let right = flag(finite && own.correct == 1);
                let mut result = widen(&values[row * 4..][..4]);
                result[0] = flag(result[0].is_finite());
                let result = got.derived(trows, result);
                let expected = [flag(finite), right, flag(!finite), right];
                exam.close(&what, &result, &expected, |_| 0.0);
                let places: Vec<usize> = (0..classes)
                    .map(|class| row * classes.next_multiple_of(4) + class)
                    .collect();
                let expected: Vec<f64> = own.dlogits.iter().map(|g| flag(g.is_finite())).collect();
                let what = format!("{what}: finite gradient");
                exam.close(&what, &got.finite(tdlogits, &places), &expected, |_| 0.0);
            }
        }
    }
}

/// Classes with weights, as PyTorch's weighted mean.
pub fn weighted_cross_entropy(exam: &mut Examiner<'_>) {
    let mut numbers = Numbers::new(7);
    for (storage, tuning) in exam.ways() {
        for (rows, valid, classes, smoothing) in
            [(17, 13, 10, 0.0f32), (70, 70, 3, 0.1), (5, 1, 65, 0.5)]
        {
            let logits: Vec<f32> = numbers
                .many(rows * classes)
                .iter()
                .map(|v| v * 4.0)
                .collect();
            let labels: Vec<u32> = (0..rows).map(|_| numbers.word() % classes as u32).collect();
            let weights: Vec<f32> = (0..classes).map(|_| numbers.unit() + 1.25).collect();
            let samples: Vec<u32> = (0..rows as u32).collect();
            let (weight, first_row) = (0.75f32, 2);
            let mut list = List::default();
            let quads = batch::order::batch_quads(rows as u32);
            let tbatch = list.integers("batch", Role::State, quads);
            let tlabels = list.integers("labels", Role::State, (rows as u64).div_ceil(4));
            let vectors = Shape::vector(classes as u32);
            let tlogits = activation(&mut list, "logits", rows as u32, vectors);
            let tdlogits = activation(&mut list, "dlogits", rows as u32, vectors);
            let trows = list.buffer("rows", Role::Scratch, (rows + first_row) as u64);
            let tweights = list.constant("class weights", &weights);
            loss::cross_entropy(
                &mut list,
                &tuning,
                "loss",
                tbatch,
                tlabels,
                tlogits,
                Some(tdlogits.into()),
                trows,
                first_row as u32,
                rows as u32,
                classes as u32,
                weight,
                smoothing,
                Some(tweights),
            );
            let given = [
                (tbatch, batch_of(valid as u32, &samples)),
                (tlabels, labels.clone()),
                (tlogits, pack(&logits, classes)),
            ];
            let got = exam.run(&list, &given, storage);
            let what = format!("{rows} rows of {classes}");
            let labels: Vec<usize> = labels.iter().map(|&l| l as usize).collect();
            let expected = oracle::weighted_cross_entropy(
                &widen(&logits),
                &labels,
                classes,
                valid,
                f64::from(smoothing),
                &widen(&weights),
            );
            let scale = f64::from(weight);
            let found = widen(&got.floats(trows)[first_row * 4..]);
            let found = got.derived(trows, found.into_iter().step_by(4).collect());
            let largest = |values: &[f64]| values.iter().fold(0.0f64, |m, v| m.max(v.abs()));
            let losses: Vec<f64> = expected.rows.iter().map(|v| v * scale).collect();
            let bound = (classes as f64 + 40.0) * EPS * largest(&losses);
            exam.close(&what, &found, &losses, |_| bound);
            let gradient: Vec<f64> = expected.gradient.iter().map(|v| v * scale).collect();
            let found = got.rows(tdlogits, classes);
            let bound = (classes as f64 + 40.0) * EPS * largest(&gradient);
            exam.close(&what, &found, &gradient, |_| bound);
        }
    }
}
