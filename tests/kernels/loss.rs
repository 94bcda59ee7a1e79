//! Cross-entropy, its gradient and its flags.

use super::harness::{Numbers, close, pack, run, unpack, ways};
use super::{EPS, activation, widen};
use wattgrad::internals::kernels::{List, Role, Shape, batch, loss, oracle};

/// The output of `batch/order`: the number of filled rows, and the sample of each.
fn batch_of(valid: u32, samples: &[u32]) -> Vec<u32> {
    let mut words = vec![valid, 0, 0, 0];
    words.extend(samples);
    words.resize(words.len().next_multiple_of(4), 0);
    words
}

#[test]
fn cross_entropy() {
    let mut numbers = Numbers::new(5);
    for (storage, tuning) in ways() {
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
            let out = gradient.then_some(tdlogits);
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
            );
            let given = [
                (tbatch, batch_of(valid as u32, &samples)),
                (tlabels, labels.clone()),
                (tlogits, pack(&logits, classes)),
            ];
            let got = run(&list, &given, storage);
            let what = format!("{rows} rows of {classes}");
            let logits = widen(&logits);
            let labels: Vec<usize> = labels.iter().map(|&l| l as usize).collect();
            let share = f64::from(smoothing);
            let whole = oracle::cross_entropy(&logits, &labels, classes, valid, share);
            let result: Vec<f32> = got[&trows].iter().map(|&w| f32::from_bits(w)).collect();
            assert!(
                result[..first_row * 4].iter().all(|v| v.is_nan()),
                "{what}: rows before the first were written"
            );
            let mut correct = 0;
            for row in 0..rows {
                let r = &result[(first_row + row) * 4..][..4];
                assert_eq!(r[2], 0.0, "{what}, row {row}");
                if row >= valid {
                    assert_eq!(r, [0.0; 4], "{what}, row {row}");
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
                let expected = f64::from(weight) * own.sum;
                let off = (f64::from(r[0]) - expected).abs();
                assert!(
                    off <= bound,
                    "{what}, row {row}: loss {} instead of {expected}",
                    r[0]
                );
                assert_eq!(r[1], own.correct as f32, "{what}, row {row}: correct");
                let even = own.correct * usize::from(samples[row].is_multiple_of(2));
                assert_eq!(r[3], even as f32, "{what}, row {row}: of even number");
                correct += own.correct;
            }
            assert_eq!(correct, whole.correct);
            if gradient {
                let dlogits = unpack(&what, &got[&tdlogits], classes);
                let expected: Vec<f64> = whole
                    .dlogits
                    .iter()
                    .map(|g| g * f64::from(weight))
                    .collect();
                close(&what, &dlogits, &expected, |i| {
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

#[test]
fn flags_a_loss_that_is_not_finite() {
    for (storage, tuning) in ways() {
        let classes = 5;
        let mut logits = vec![0.5f32; 4 * classes];
        logits[2] = f32::NAN;
        logits[classes + 1] = f32::INFINITY;
        // The label of row 2 has probability zero.
        logits[2 * classes] = f32::NEG_INFINITY;
        let mut list = List::default();
        let tbatch = list.integers("batch", Role::State, batch::order::batch_quads(4));
        let tlabels = list.integers("labels", Role::State, 1);
        let tlogits = activation(&mut list, "logits", 4, Shape::vector(classes as u32));
        let trows = list.buffer("rows", Role::Scratch, 4);
        loss::cross_entropy(
            &mut list,
            &tuning,
            "loss",
            tbatch,
            tlabels,
            tlogits,
            None,
            trows,
            0,
            4,
            classes as u32,
            1.0,
            0.0,
        );
        let given = [
            (tbatch, batch_of(4, &[0, 1, 2, 3])),
            (tlabels, vec![0; 4]),
            (tlogits, pack(&logits, classes)),
        ];
        let got = run(&list, &given, storage);
        let flags: Vec<f32> = got[&trows]
            .chunks(4)
            .map(|row| f32::from_bits(row[2]))
            .collect();
        assert_eq!(flags, [1.0, 1.0, 1.0, 0.0]);
    }
}
