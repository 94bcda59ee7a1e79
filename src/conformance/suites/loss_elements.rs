//! Binary cross-entropy and squared error, their gradients and their flags.

use super::{EPS, activation, batch_of, widen};
use crate::conformance::examiner::{Examiner, Outcome, Way};
use crate::conformance::numbers::{Numbers, pack};
use crate::kernels::loss::ElementLoss;
use crate::kernels::{List, Role, Shape, Tensor, batch, loss, oracle};

/// Blocks of rows before those of the losses, which no kernel writes.
const FIRST: usize = 3;

/// A loss of elements that ran: its rows, its counts and its gradient.
struct Elements {
    got: Outcome,
    rows: Tensor,
    gradient: Tensor,
}

/// Runs a loss of `valid` of `rows` samples with `width` elements each.
#[allow(clippy::too_many_arguments, reason = "the operands of one kernel")]
fn elements(
    exam: &mut Examiner<'_>,
    (storage, tuning): &Way,
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
    let counts = FIRST + rows;
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
        Some(tgradient.into()),
        trows,
        FIRST as u32,
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
    Elements {
        got: exam.run(&list, &given, *storage),
        rows: trows,
        gradient: tgradient,
    }
}

/// Losses, counts of correct and positive elements, and gradients.
pub fn elements_of_rows(exam: &mut Examiner<'_>) {
    let mut numbers = Numbers::new(11);
    for way in exam.ways() {
        for (binary, weighted, rows, valid, width) in [
            (true, false, 17, 13, 40),
            (true, true, 9, 9, 5),
            (true, false, 70, 69, 1),
            (false, false, 17, 13, 6),
            (false, false, 66, 65, 1),
        ] {
            let n = rows * width;
            let mut outputs: Vec<f32> = numbers.many(n).iter().map(|v| v * 9.0).collect();
            // A logit of 0 is no positive answer.
            outputs.iter_mut().step_by(13).for_each(|x| *x = 0.0);
            let targets: Vec<f32> = (0..n)
                .map(|_| match binary {
                    true => (numbers.word() & 1) as f32,
                    false => numbers.unit() * 3.0,
                })
                .collect();
            let weights: Vec<f32> = (0..width).map(|_| numbers.unit() + 1.5).collect();
            let pos = weighted.then_some(&weights[..]);
            let samples: Vec<u32> = (0..rows).map(|_| numbers.word() % 1000).collect();
            let weight = 1.5f32;
            let Elements {
                got,
                rows: trows,
                gradient: tgradient,
            } = elements(
                exam,
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
            exam.close(&what, &got.rows(tgradient, width), &gradient, |i| {
                let share = scale / (valid * width) as f64;
                30.0 * EPS * (gradient[i].abs() + most * share)
            });
            // Blocks that no kernel writes, the rows, their counts.
            let mut exact = vec![f64::NAN; FIRST * 4];
            let mut bounds = vec![0.0; FIRST * 4];
            let mut counts = vec![];
            for row in 0..rows {
                if row >= valid {
                    exact.extend([0.0; 4]);
                    bounds.extend([0.0; 4]);
                    counts.extend([0.0; 4]);
                    continue;
                }
                let even = f64::from(u8::from(samples[row].is_multiple_of(2)));
                let own = |values: &[f32]| values[row * width..][..width].to_vec();
                let labels: Vec<(bool, bool)> = own(&outputs)
                    .iter()
                    .zip(own(&targets))
                    .map(|(x, t)| (*x > 0.0, t > 0.5))
                    .collect();
                let count = |of: &dyn Fn(&(bool, bool)) -> bool| {
                    labels.iter().filter(|l| of(l)).count() as f64
                };
                let mut right = count(&|(x, t)| x == t) / width as f64;
                let mut hits = 2.0 * count(&|(x, t)| *x && *t);
                let mut marks = count(&|(x, _)| *x) + count(&|(_, t)| *t);
                let loss = expected.rows[row] * scale;
                // Terms of a binary loss are not negative, and the smallest take no logarithm, whose error is absolute.
                let logarithm = own(&outputs).iter().any(|x| x.abs() < 7.6) || !binary;
                let bound = match logarithm {
                    true => (width as f64 + 40.0) * EPS * (loss + scale * most),
                    false => (width as f64 + 60.0) * EPS * loss,
                };
                if !binary {
                    (right, hits, marks) = (0.0, 0.0, 0.0);
                }
                exact.extend([loss, right, 0.0, right * even]);
                bounds.extend([bound, EPS, 0.0, EPS]);
                counts.extend([hits, marks, 0.0, marks * even]);
            }
            exact.extend(&counts);
            bounds.extend(counts.iter().map(|_| 0.0));
            let mut found = widen(&got.floats(trows));
            if !binary {
                // A squared error has no counts.
                found.truncate((FIRST + rows) * 4);
                exact.truncate(found.len());
            }
            let found = got.derived(trows, found);
            exam.close(&format!("{what}: rows"), &found, &exact, |i| bounds[i]);
        }
    }
}

/// A loss that is not finite is flagged, and only its own gradients are not finite.
pub fn elements_not_finite(exam: &mut Examiner<'_>) {
    let flag = |yes: bool| f64::from(u8::from(yes));
    for way in exam.ways() {
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
                let Elements {
                    got,
                    rows,
                    gradient,
                } = elements(exam, &way, binary, None, sizes, &[0, 2, 4], all, 1.0);
                let what = format!("binary {binary}, {bad}");
                let values = widen(&got.floats(rows));
                let row = |at: usize| &values[(FIRST + at) * 4..][..4];
                // The flags of all rows, and the correct share of the second.
                let found = vec![row(0)[2], row(1)[2], row(2)[2], row(1)[1], row(1)[3]];
                let found = got.derived(rows, found);
                exam.close(&what, &found, &[0.0, 1.0, 0.0, 0.0, 0.0], |_| 0.0);
                let places: Vec<usize> = (0..15).map(|i| i / 5 * 8 + i % 5).collect();
                let lost = !binary || bad.is_nan();
                let finite: Vec<f64> = (0..15).map(|i| flag(i != 9 || !lost)).collect();
                let what = format!("{what}: finite gradient");
                exam.close(&what, &got.finite(gradient, &places), &finite, |_| 0.0);
            }
        }
    }
}
