//! Addition and ReLU with fused operations.

use super::{EPS, activation, shape, widen};
use crate::conformance::examiner::Examiner;
use crate::conformance::numbers::{Numbers, pack};
use crate::kernels::{List, elementwise as ops, oracle};

/// ReLU, its backward, and addition: of finite numbers, then with a NaN.
pub fn elementwise(exam: &mut Examiner<'_>) {
    let mut numbers = Numbers::new(3);
    let sizes = [(1, 1), (3, 17), (65, 65), (130, 257)];
    let cases = sizes.map(|size| [(size, false), (size, true)]);
    for (storage, tuning) in exam.ways() {
        for ((rows, width), with_nan) in cases.into_iter().flatten() {
            let n = rows * width;
            let mut a = numbers.levels(n, 2.0);
            if with_nan {
                a[n / 2] = f32::NAN;
            }
            let (b, dy) = (numbers.many(n), numbers.many(n));
            let mut list = List::default();
            let shape = shape(1, rows as u32, width as u32);
            let mut named = |name: &str| activation(&mut list, name, 1, shape);
            let [ta, tb, tdy] = ["a", "b", "dy"].map(&mut named);
            let [relu, back, sum, sum_relu] = ["relu", "back", "sum", "sum relu"].map(&mut named);
            ops::relu(&mut list, &tuning, "relu", ta, relu);
            ops::relu_backward(&mut list, &tuning, "back", tdy, relu, back);
            ops::add(&mut list, &tuning, "sum", ta, tb, sum, false);
            ops::add(&mut list, &tuning, "sum relu", ta, tb, sum_relu, true);
            let given = [
                (ta, pack(&a, width)),
                (tb, pack(&b, width)),
                (tdy, pack(&dy, width)),
            ];
            let got = exam.run(&list, &given, storage);
            let (a, b, dy) = (widen(&a), widen(&b), widen(&dy));
            let added = oracle::elementwise::add(&a, &b);
            let checks = [
                ("relu", relu, oracle::elementwise::relu(&a), 0.0),
                (
                    "back",
                    back,
                    oracle::elementwise::relu_backward(&oracle::elementwise::relu(&a), &dy),
                    0.0,
                ),
                ("sum", sum, added.clone(), 1.0),
                ("sum relu", sum_relu, oracle::elementwise::relu(&added), 1.0),
            ];
            for (what, tensor, expected, roundings) in checks {
                exam.close(what, &got.rows(tensor, width), &expected, |i| {
                    roundings * EPS * added[i].abs()
                });
            }
        }
    }
}
