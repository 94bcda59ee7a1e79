//! Layer normalisation.

use super::{EPS, FINISHES, masked, widen};
use crate::conformance::examiner::Examiner;
use crate::conformance::numbers::{Numbers, pack};
use crate::kernels::norm::LayerNorm;
use crate::kernels::{List, Role, oracle};

/// More rows than a grid has workgroups in one dimension: checked without mask and addend.
const MOST: (u32, u32, u32) = (65_600, 1, 7);

/// Forward and all gradients.
pub fn layer_norm(exam: &mut Examiner<'_>) {
    let mut numbers = Numbers::new(17);
    for (storage, tuning) in exam.ways() {
        for (rows, lines, width) in [
            (5, 1, 7),
            (1, 1, 1),
            (3, 4, 6),
            (41, 1, 64),
            (9, 3, 33),
            MOST,
        ] {
            let ends = if rows == MOST.0 { 1 } else { FINISHES.len() };
            for (mask, addend) in FINISHES.into_iter().take(ends) {
                let norm = LayerNorm {
                    rows,
                    lines,
                    width,
                    eps: 1e-5,
                };
                let row = (lines * width) as usize;
                let n = rows as usize * row;
                let mut list = List::default();
                let quads = u64::from(norm.quads());
                let mut tensor = |name: &str, quads| list.tensor(name, Role::Activation, quads);
                let all = u64::from(rows) * quads;
                let [tx, ty, tdy, tdx, tmask, tadd] =
                    ["x", "y", "dy", "dx", "mask", "add"].map(|name| tensor(name, all));
                let [tgamma, tbeta, tdgamma, tdbeta] =
                    ["gamma", "beta", "dgamma", "dbeta"].map(|name| tensor(name, quads));
                let moments = norm.moments(&mut list, "moments");
                let relu = addend;
                norm.forward(
                    &mut list, &tuning, "forward", tx, tgamma, tbeta, moments, ty, relu,
                );
                let (m, a) = (mask.then_some(tmask), addend.then_some(tadd));
                norm.gradient_input(
                    &mut list, &tuning, "input", tx, tdy, tgamma, moments, tdx, m, a,
                );
                norm.gradient_parameters(
                    &mut list,
                    &tuning,
                    "parameters",
                    tx,
                    tdy,
                    moments,
                    tdgamma,
                    tdbeta,
                );
                let x: Vec<f32> = numbers.many(n).iter().map(|v| 3.0 * v + 2.0).collect();
                let (dy, other, add) = (numbers.many(n), numbers.many(n), numbers.many(n));
                let (gamma, beta) = (numbers.many(row), numbers.many(row));
                let packed = |values: &[f32]| pack(values, width as usize);
                let given = [
                    (tx, packed(&x)),
                    (tdy, packed(&dy)),
                    (tmask, packed(&other)),
                    (tadd, packed(&add)),
                    (tgamma, packed(&gamma)),
                    (tbeta, packed(&beta)),
                ];
                let got = exam.run(&list, &given, storage);
                let what = format!("{rows} rows of {lines} x {width}");
                let [x, dy, gamma, beta] = [&x, &dy, &gamma, &beta].map(|v| widen(v));
                let mut y = oracle::layer_norm(&x, &gamma, &beta);
                if relu {
                    y.iter_mut().for_each(|v| *v = v.max(0.0));
                }
                let back = oracle::layer_norm_backward(&x, &gamma, &dy);
                let dx = masked(
                    &back.dx,
                    mask.then_some(&other[..]),
                    addend.then_some(&add[..]),
                );
                let read = |tensor| got.rows(tensor, width as usize);
                // Values of a few units, whose mean cancels; sums of up to `row` or `rows` terms. One element has the variance 0,
                // so that 1 / sqrt(eps) multiplies every rounding.
                // Of many short rows some have little variance too.
                let amplified = match norm.rows {
                    _ if row == 1 => 320.0,
                    rows if rows == MOST.0 => 64.0,
                    _ => 8.0,
                };
                let bound = (row as f64 / 4.0 + 40.0) * EPS * amplified;
                exam.close(&what, &read(ty), &y, |_| bound);
                exam.close(&what, &read(tdx), &dx, |_| bound);
                let bound = (f64::from(rows) + 40.0) * EPS * amplified;
                exam.close(&what, &read(tdgamma), &back.dweight, |_| bound);
                exam.close(&what, &read(tdbeta), &back.dbias, |_| bound);
            }
        }
    }
}
