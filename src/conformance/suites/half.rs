//! f16: its conversions, and the scale of the loss.

use half::f16;

use super::{activation, batch_of};
use crate::conformance::examiner::Examiner;
use crate::conformance::numbers::{Numbers, pack};
use crate::kernels::batch::state;
use crate::kernels::loss::{self, ElementLoss, OutputGradient};
use crate::kernels::{List, Role, Shape, batch, elementwise};

/// All f16 values but NaN, those that are finite or not.
fn all(finite: bool) -> impl Iterator<Item = f16> {
    let all = (0..=u16::MAX).map(f16::from_bits);
    all.filter(move |v| !v.is_nan() && v.is_finite() == finite)
}

/// f16 values as the words of a tensor.
fn words(values: &[f16]) -> Vec<u32> {
    let pair = |pair: &[f16]| u32::from(pair[0].to_bits()) | u32::from(pair[1].to_bits()) << 16;
    values.chunks_exact(2).map(pair).collect()
}

/// Every f16 value becomes the f32 of the same value.
pub fn widening(exam: &mut Examiner<'_>) {
    let beyond: Vec<f16> = all(false).chain([f16::NAN; 2]).collect();
    for (storage, tuning) in exam.ways() {
        for values in [all(true).collect(), beyond.clone()] {
            let quads = values.len() as u64 / 4;
            let mut list = List::default();
            let x = list.halves("x", Role::Activation, quads);
            let y = list.tensor("y", Role::Activation, quads);
            elementwise::copy(&mut list, &tuning, "widen", x, y);
            let got = exam.run(&list, &[(x, words(&values))], storage);
            let expected: Vec<f64> = values.iter().map(|v| v.to_f64()).collect();
            // WGSL lets devices read subnormal numbers as zero.
            let bound = |i: usize| match values[i].is_normal() {
                true => 0.0,
                false => f64::from(f16::MIN_POSITIVE).min(expected[i].abs()),
            };
            exam.close("widened", &got.rows(y, 4), &expected, bound);
        }
    }
}

/// f32 values become the nearest f16, those halfway the even one, and those beyond the largest infinity.
pub fn rounding(exam: &mut Examiner<'_>) {
    let mut finite = vec![f32::MAX, -1e6, 1e-40, 1e-9];
    for low in all(true) {
        // Halfway to the next larger magnitude; beyond the largest value as if exponents went on.
        let next = match f16::from_bits(low.to_bits() + 1) {
            next if next.is_infinite() => 65_536f32.copysign(next.to_f32()),
            next => next.to_f32(),
        };
        let middle = (low.to_f32() + next) / 2.0;
        let bits = middle.to_bits();
        finite.extend([low.to_f32(), middle]);
        finite.extend([bits - 1, bits + 1].map(f32::from_bits));
    }
    let beyond = vec![f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1.0];
    for (storage, tuning) in exam.ways() {
        for values in [&finite, &beyond] {
            let quads = values.len() as u64 / 4;
            let mut list = List::default();
            let x = list.tensor("x", Role::Activation, quads);
            let y = list.halves("y", Role::Activation, quads);
            elementwise::copy(&mut list, &tuning, "round", x, y);
            let got = exam.run(&list, &[(x, pack(values, 4))], storage);
            let pairs = got[&y].iter();
            let halves = pairs.flat_map(|word| [*word as u16, (word >> 16) as u16]);
            let found = halves.map(|bits| f16::from_bits(bits).to_f64()).collect();
            let expected: Vec<f64> = values.iter().map(|v| f16::from_f32(*v).to_f64()).collect();
            exam.close("rounded", &got.derived(y, found), &expected, |_| 0.0);
        }
    }
}

/// The gradient of a scaled loss is that of the loss times the scale, bit for bit where the scale is a power of two.
pub fn scaled_losses(exam: &mut Examiner<'_>) {
    const ROWS: u32 = 5;
    const CLASSES: u32 = 7;
    let mut numbers = Numbers::new(33);
    let (mut state_words, _) = state::words(&[vec![0; 4]], &[]);
    state_words[state::LOSS_SCALE as usize] = 256f32.to_bits();
    for (storage, tuning) in exam.ways() {
        let n = (ROWS * CLASSES) as usize;
        let outputs: Vec<f32> = numbers.many(n).iter().map(|v| v * 4.0).collect();
        let targets: Vec<f32> = numbers.levels(n, 1.0).iter().map(|v| v.abs()).collect();
        let labels: Vec<u32> = (0..ROWS).map(|_| numbers.word() % CLASSES).collect();
        let samples: Vec<u32> = (0..ROWS).collect();
        let mut list = List::default();
        let tbatch = list.integers("batch", Role::State, batch::order::batch_quads(ROWS));
        let tlabels = list.integers("labels", Role::State, u64::from(ROWS).div_ceil(4));
        let tstate = list.integers("state", Role::State, state_words.len() as u64 / 4);
        let rows = list.buffer("rows", Role::Scratch, u64::from(ROWS));
        let vectors = Shape::vector(CLASSES);
        let mut named = |name: &str| activation(&mut list, name, ROWS, vectors);
        let [toutputs, ttargets] = ["outputs", "targets"].map(&mut named);
        let gradients = ["plain", "scaled", "plain elements", "scaled elements"].map(&mut named);
        for (at, tensor) in gradients.into_iter().enumerate() {
            let scale = (at % 2 == 1).then_some(tstate);
            let gradient = Some(OutputGradient { tensor, scale });
            if at < 2 {
                loss::cross_entropy(
                    &mut list, &tuning, "classes", tbatch, tlabels, toutputs, gradient, rows, 0,
                    ROWS, CLASSES, 1.0, 0.1, None,
                );
            } else {
                let kind = ElementLoss::Binary { pos_weight: None };
                loss::elements(
                    &mut list, &tuning, "elements", kind, tbatch, ttargets, toutputs, gradient,
                    rows, 0, None, ROWS, CLASSES, 1.0,
                );
            }
        }
        let given = [
            (tbatch, batch_of(ROWS - 1, &samples)),
            (tlabels, labels),
            (tstate, state_words.clone()),
            (toutputs, pack(&outputs, CLASSES as usize)),
            (ttargets, pack(&targets, CLASSES as usize)),
        ];
        let got = exam.run(&list, &given, storage);
        for pair in gradients.chunks_exact(2) {
            let plain = got.rows(pair[0], CLASSES as usize);
            let expected: Vec<f64> = plain.iter().map(|v| v * 256.0).collect();
            let scaled = got.rows(pair[1], CLASSES as usize);
            exam.close("scaled gradient", &scaled, &expected, |_| 0.0);
        }
    }
}
