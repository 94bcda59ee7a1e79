//! The losses, their gradients and their flags.

use super::harness::{Numbers, close, pack, run, unpack, ways};
use super::{EPS, activation, widen};
use wattgrad::internals::kernels::loss::ElementLoss;
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
                None,
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
fn a_loss_that_is_not_finite_is_flagged_and_never_correct() {
    let classes = 5;
    let (nan, inf) = (f32::NAN, f32::INFINITY);
    // (place, value) of a row's poisoned logit, whose label is 0; the others are 0.5, so that class 0 wins.
    let cases = [
        (0, nan),
        (1, nan),
        (4, nan),
        (0, inf),
        (3, inf),
        (0, -inf),
        (2, -inf),
        (4, 0.25),
    ];
    let rows = cases.len();
    let mut logits = vec![0.5f32; rows * classes];
    for (row, (class, value)) in cases.into_iter().enumerate() {
        logits[row * classes + class] = value;
    }
    for (storage, tuning) in ways() {
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
                Some(tdlogits),
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
            let got = run(&list, &given, storage);
            let gradient = unpack("dlogits", &got[&tdlogits], classes);
            for (row, (class, value)) in cases.into_iter().enumerate() {
                let what = format!("logit {class} is {value}, smoothing {smoothing}");
                let own = widen(&logits[row * classes..][..classes]);
                let own = oracle::cross_entropy(&own, &[0], classes, 1, f64::from(smoothing));
                let result = got[&trows][row * 4..][..4].iter();
                let result: Vec<f32> = result.map(|&word| f32::from_bits(word)).collect();
                let finite = own.sum.is_finite();
                let right = f32::from(u8::from(finite && own.correct == 1));
                assert_eq!(result[0].is_finite(), finite, "{what}: loss {}", result[0]);
                assert_eq!(
                    result[1..],
                    [right, f32::from(u8::from(!finite)), right],
                    "{what}"
                );
                let gradient = &gradient[row * classes..][..classes];
                let found = gradient.iter().map(|g| g.is_finite());
                assert!(
                    found.eq(own.dlogits.iter().map(|g| g.is_finite())),
                    "{what}: gradient {gradient:?} instead of {:?}",
                    own.dlogits
                );
            }
        }
    }
}

/// Classes with weights, as PyTorch's weighted mean.
#[test]
fn weighted_cross_entropy() {
    let mut numbers = Numbers::new(7);
    for (storage, tuning) in ways() {
        for (rows, valid, classes, smoothing) in
            [(17, 13, 10, 0.0f32), (70, 70, 3, 0.1), (5, 1, 65, 0.5)]
        {
            let logits: Vec<f32> = numbers
                .many(rows * classes)
                .iter()
                .map(|v| v * 4.0)
                .collect();
            let labels: Vec<u32> = (0..rows).map(|_| numbers.word() % classes as u32).collect();
            let weights: Vec<f32> = (0..classes).map(|_| numbers.next() + 1.25).collect();
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
                Some(tdlogits),
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
            let got = run(&list, &given, storage);
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
            let found: Vec<f64> = got[&trows][first_row * 4..]
                .chunks(4)
                .map(|row| f64::from(f32::from_bits(row[0])))
                .collect();
            let largest = |values: &[f64]| values.iter().fold(0.0f64, |m, v| m.max(v.abs()));
            let losses: Vec<f64> = expected.rows.iter().map(|v| v * scale).collect();
            let bound = (classes as f64 + 40.0) * EPS * largest(&losses);
            close(&what, &found, &losses, |_| bound);
            let gradient: Vec<f64> = expected.gradient.iter().map(|v| v * scale).collect();
            let found = unpack(&what, &got[&tdlogits], classes);
            let bound = (classes as f64 + 40.0) * EPS * largest(&gradient);
            close(&what, &found, &gradient, |_| bound);
        }
    }
}

/// Runs a loss of elements and returns its rows, its counts and its gradient.
struct Elements {
    rows: Vec<Vec<f32>>,
    counts: Vec<Vec<f32>>,
    gradient: Vec<f64>,
}

fn elements(
    (storage, tuning): &super::harness::Way,
    binary: bool,
    pos_weight: Option<&[f32]>,
    [rows, valid, width]: [usize; 3],
    samples: &[u32],
    [targets, outputs]: [&[f32]; 2],
    weight: f32,
) -> Elements {
    let mut list = List::default();
    let quads = batch::order::batch_quads(rows as u32);
    let tbatch = list.integers("batch", Role::State, quads);
    let vectors = Shape::vector(width as u32);
    let ttargets = activation(&mut list, "targets", rows as u32, vectors);
    let toutputs = activation(&mut list, "outputs", rows as u32, vectors);
    let tgradient = activation(&mut list, "gradient", rows as u32, vectors);
    let (first, counts) = (3, 3 + rows);
    let trows = list.buffer("rows", Role::Scratch, (counts + rows) as u64);
    let pos_weight = pos_weight.map(|weights| list.constant("positive weights", weights));
    let kind = match binary {
        true => ElementLoss::Binary { pos_weight },
        false => ElementLoss::SquaredError,
    };
    loss::elements(
        &mut list,
        tuning,
        "loss",
        kind,
        tbatch,
        ttargets,
        toutputs,
        Some(tgradient),
        trows,
        first as u32,
        Some(counts as u32),
        rows as u32,
        width as u32,
        weight,
    );
    let given = [
        (tbatch, batch_of(valid as u32, samples)),
        (ttargets, pack(targets, width)),
        (toutputs, pack(outputs, width)),
    ];
    let got = run(&list, &given, *storage);
    let all: Vec<f32> = got[&trows].iter().map(|&w| f32::from_bits(w)).collect();
    assert!(all[..first * 4].iter().all(|v| v.is_nan()));
    let block = |from: usize| -> Vec<Vec<f32>> {
        let rows = all[from * 4..].chunks(4).take(rows);
        rows.map(<[f32]>::to_vec).collect()
    };
    Elements {
        rows: block(first),
        counts: block(counts),
        gradient: unpack("gradient", &got[&tgradient], width),
    }
}

#[test]
fn binary_cross_entropy_and_squared_error() {
    let mut numbers = Numbers::new(11);
    for way in ways() {
        for (binary, weighted, rows, valid, width) in [
            (true, false, 17, 13, 40),
            (true, true, 9, 9, 5),
            (true, false, 70, 69, 1),
            (false, false, 17, 13, 6),
            (false, false, 66, 65, 1),
        ] {
            let n = rows * width;
            let outputs: Vec<f32> = numbers.many(n).iter().map(|v| v * 9.0).collect();
            let targets: Vec<f32> = (0..n)
                .map(|_| match binary {
                    true => (numbers.word() & 1) as f32,
                    false => numbers.next() * 3.0,
                })
                .collect();
            let weights: Vec<f32> = (0..width).map(|_| numbers.next() + 1.5).collect();
            let pos = weighted.then_some(&weights[..]);
            let samples: Vec<u32> = (0..rows).map(|_| numbers.word() % 1000).collect();
            let weight = 1.5f32;
            let got = elements(
                &way,
                binary,
                pos,
                [rows, valid, width],
                &samples,
                [&targets, &outputs],
                weight,
            );
            let (x, t) = (widen(&outputs), widen(&targets));
            let wide = pos.map(widen);
            let expected = match binary {
                true => oracle::binary_cross_entropy(&x, &t, width, valid, wide.as_deref()),
                false => oracle::squared_error(&x, &t, width, valid),
            };
            let what = format!("binary {binary}, {rows} rows of {width}");
            let scale = f64::from(weight);
            let gradient: Vec<f64> = expected.gradient.iter().map(|g| g * scale).collect();
            // An exponential of 9 is within 3 + 18 units; everything else is a few roundings.
            let most = if weighted { 2.5 } else { 1.0 };
            close(&what, &got.gradient, &gradient, |i| {
                let share = scale / (valid * width) as f64;
                30.0 * EPS * (gradient[i].abs() + most * share)
            });
            for row in 0..rows {
                let r = &got.rows[row];
                let c = &got.counts[row];
                if row >= valid {
                    assert_eq!((&r[..], &c[..]), (&[0.0; 4][..], &[0.0; 4][..]), "{what}");
                    continue;
                }
                let loss = expected.rows[row] * scale;
                let off = (f64::from(r[0]) - loss).abs();
                let bound = (width as f64 + 40.0) * EPS * (loss + scale * most);
                assert!(
                    off <= bound,
                    "{what}, row {row}: {} instead of {loss}",
                    r[0]
                );
                let even = |v: f32| {
                    if samples[row].is_multiple_of(2) {
                        v
                    } else {
                        0.0
                    }
                };
                let own = |values: &[f32]| values[row * width..][..width].to_vec();
                let labels: Vec<(bool, bool)> = own(&outputs)
                    .iter()
                    .zip(own(&targets))
                    .map(|(x, t)| (*x > 0.0, t > 0.5))
                    .collect();
                let count = |of: &dyn Fn(&(bool, bool)) -> bool| {
                    labels.iter().filter(|l| of(l)).count() as f32
                };
                let (right, hits, marks) = (
                    count(&|(x, t)| x == t) / width as f32,
                    2.0 * count(&|(x, t)| *x && *t),
                    count(&|(x, _)| *x) + count(&|(_, t)| *t),
                );
                if binary {
                    assert!((r[1] - right).abs() <= f32::EPSILON, "{what}, row {row}");
                    assert_eq!(r[3], even(r[1]), "{what}, row {row}");
                    assert_eq!(c[..], [hits, marks, 0.0, even(marks)], "{what}, row {row}");
                } else {
                    assert_eq!(r[1..], [0.0; 3], "{what}, row {row}");
                }
                assert_eq!(r[2], 0.0, "{what}, row {row}");
            }
        }
    }
}

#[test]
fn a_loss_of_elements_that_is_not_finite_is_flagged() {
    for way in ways() {
        for binary in [true, false] {
            for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                let mut outputs = [0.5f32; 3 * 5];
                outputs[5 + 4] = bad;
                let mut targets = [1.0f32; 3 * 5];
                if bad == f32::INFINITY {
                    targets[5 + 4] = 0.0;
                }
                let sizes = [3, 3, 5];
                let all = [&targets[..], &outputs[..]];
                let got = elements(&way, binary, None, sizes, &[0, 2, 4], all, 1.0);
                let flags: Vec<f32> = got.rows.iter().map(|row| row[2]).collect();
                assert_eq!(flags, [0.0, 1.0, 0.0], "binary {binary}, {bad}");
                assert_eq!(got.rows[1][1], 0.0, "binary {binary}, {bad}");
                assert_eq!(got.rows[1][3], 0.0, "binary {binary}, {bad}");
                let nan = !got.gradient[9].is_finite();
                assert_eq!(nan, !binary || bad.is_nan(), "binary {binary}, {bad}");
                let others = got.gradient.iter().enumerate();
                assert!(others.filter(|(i, _)| *i != 9).all(|(_, g)| g.is_finite()));
            }
        }
    }
}
