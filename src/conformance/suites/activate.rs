//! GELU, SiLU, tanh and dropout.

use super::{EPS, FINISHES, activation, masked, shape, widen};
use crate::conformance::examiner::Examiner;
use crate::conformance::numbers::{Numbers, pack};
use crate::kernels::elementwise::{Dropout, Function, activate, activate_backward};
use crate::kernels::{List, Role, oracle};

/// GELU, SiLU and tanh, with their slopes.
pub fn activations(exam: &mut Examiner<'_>) {
    let mut numbers = Numbers::new(3);
    let functions = [
        (Function::Gelu, oracle::Activation::Gelu),
        (Function::GeluTanh, oracle::Activation::GeluTanh),
        (Function::Silu, oracle::Activation::Silu),
        (Function::Tanh, oracle::Activation::Tanh),
    ];
    for (storage, tuning) in exam.ways() {
        for (function, reference) in functions {
            // The final operations are those of other kernels: one function with each of them suffices.
            let finishes = if function == Function::Silu { 4 } else { 1 };
            for (mask, addend) in FINISHES.into_iter().rev().take(finishes) {
                let of = shape(5, 7, 11);
                let n = 2 * of.elements() as usize;
                let mut x: Vec<f32> = numbers.many(n).iter().map(|v| v * v * v * 30.0).collect();
                x[..6].copy_from_slice(&[0.0, 1e-3, -1e-3, 0.2, 90.0, -90.0]);
                let dy = numbers.many(n);
                let (other, add) = (numbers.many(n), numbers.many(n));
                let mut list = List::default();
                let [tx, ty, tdy, tdx, tmask, tadd] = ["x", "y", "dy", "dx", "mask", "add"]
                    .map(|name| activation(&mut list, name, 2, of));
                activate(&mut list, &tuning, "forward", function, tx, ty);
                let (m, a) = (mask.then_some(tmask), addend.then_some(tadd));
                activate_backward(&mut list, &tuning, "backward", function, tx, tdy, tdx, m, a);
                let packed = |values: &[f32]| pack(values, 11);
                let given = [
                    (tx, packed(&x)),
                    (tdy, packed(&dy)),
                    (tmask, packed(&other)),
                    (tadd, packed(&add)),
                ];
                let got = exam.run(&list, &given, storage);
                let what = format!("{function:?}");
                // An exponential of z is within 3 + 2 |z| units, and its z is rounded: the tails of the functions are
                // relative, everything else is within some units of 1.
                let y: Vec<f64> = widen(&x).iter().map(|&x| reference.value(x)).collect();
                exam.close(&what, &got.rows(ty, 11), &y, |i| {
                    let x = f64::from(x[i].abs());
                    4.0 * EPS * (1.0 + x) + 12.0 * EPS * y[i].abs()
                });
                let slopes: Vec<f64> = widen(&x).iter().map(|&x| reference.slope(x)).collect();
                let dx: Vec<f64> = slopes
                    .iter()
                    .zip(&dy)
                    .map(|(s, d)| s * f64::from(*d))
                    .collect();
                let dx = masked(&dx, mask.then_some(&other[..]), addend.then_some(&add[..]));
                exam.close(&what, &got.rows(tdx, 11), &dx, |_| 40.0 * EPS);
            }
        }
    }
}

/// The mask by its definition.
fn passes(key: u32, micro_batch: u32, element: u32, rate: f32) -> bool {
    let mix = crate::data::mix;
    let batch = mix(key ^ mix(micro_batch + 1));
    let threshold = (f64::from(rate) * 2f64.powi(32)) as u32;
    mix(batch.wrapping_add(mix(element))) >= threshold
}

/// The mask of the definition, in value and gradient.
pub fn dropout(exam: &mut Examiner<'_>) {
    for (storage, tuning) in exam.ways() {
        for rate in [0.0f32, 0.1, 0.5, 0.9] {
            let of = shape(1, 1, 1000);
            let (images, n) = (20u32, 20_000);
            let mut list = List::default();
            let state = list.integers("state", Role::State, 2);
            let [tx, ty, tdx] =
                ["x", "y", "dx"].map(|name| activation(&mut list, name, images, of));
            let dropout = Dropout {
                rate,
                key: 0x1234_5678,
            };
            let label = "dropout";
            dropout.apply(&mut list, &tuning, label, state, tx, ty, None, None);
            // The gradient passes where the value did.
            dropout.apply(&mut list, &tuning, label, state, ty, tdx, None, None);
            let x = vec![1.0f32; n];
            for micro_batch in [0, 1] {
                let given = [
                    (tx, pack(&x, 1000)),
                    (state, vec![micro_batch, 9, 9, 9, micro_batch, 9, 9, 9]),
                ];
                let got = exam.run(&list, &given, storage);
                let y = got.rows(ty, 1000);
                let scale = 1.0 / (1.0 - f64::from(rate));
                let expected: Vec<f64> = (0..n as u32)
                    .map(|i| f64::from(u8::from(passes(dropout.key, micro_batch, i, rate))) * scale)
                    .collect();
                exam.close(&format!("rate {rate}"), &y, &expected, |_| EPS * scale);
                let twice: Vec<f64> = expected.iter().map(|v| v * scale).collect();
                exam.close("dx", &got.rows(tdx, 1000), &twice, |_| {
                    3.0 * EPS * scale * scale
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::passes;

    #[test]
    fn the_mask_has_its_rate_and_differs_between_micro_batches() {
        let n = 20_000u32;
        for rate in [0.1f32, 0.5, 0.9] {
            let mask = |micro_batch| -> Vec<bool> {
                (0..n)
                    .map(|i| passes(0x1234_5678, micro_batch, i, rate))
                    .collect()
            };
            let (first, second) = (mask(0), mask(1));
            let wanted = 1.0 - f64::from(rate);
            // Five standard deviations.
            let bound = 5.0 * (wanted * (1.0 - wanted) / f64::from(n)).sqrt();
            let share = first.iter().filter(|passes| **passes).count() as f64 / f64::from(n);
            assert!((share - wanted).abs() <= bound, "rate {rate}: {share} pass");
            let same = first.iter().zip(&second).filter(|(a, b)| a == b).count();
            let share = same as f64 / f64::from(n);
            let wanted = 1.0 - 2.0 * f64::from(rate) * (1.0 - f64::from(rate));
            assert!((share - wanted).abs() < 0.02, "rate {rate}: {share} agree");
        }
    }
}
