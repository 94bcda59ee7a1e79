//! Batch normalisation in training and evaluation, both ways.

use super::{EPS, FINISHES, activation, masked, shape, widen};
use crate::conformance::examiner::Examiner;
use crate::conformance::numbers::{Numbers, pack};
use crate::kernels::norm::BatchNorm;
use crate::kernels::{List, Role, oracle};

/// Bounds of a batch normalisation's statistics.
struct NormBounds {
    mean: f64,
    relative_invstd: f64,
    var: f64,
}

/// Training, evaluation, and the gradients of both.
pub fn batch_norm(exam: &mut Examiner<'_>) {
    let mut numbers = Numbers::new(4);
    let cases = [
        (3, shape(5, 17, 3), false, false),
        (7, shape(1, 1, 1), true, false),
        (65, shape(3, 1, 1), false, true),
        (2, shape(17, 4, 65), true, true),
        (17, shape(4, 7, 7), false, true),
        (1, shape(2, 65, 17), true, false),
        // Several chunks of several images, and rows that the lanes' steps do not divide.
        (40, shape(2, 3, 11), false, true),
    ];
    for (storage, tuning) in exam.ways() {
        for (case, (images, shape, with_addend, relu)) in cases.into_iter().enumerate() {
            let Ok(norm) = BatchNorm::new(images, shape, 1e-5, 0.1) else {
                continue;
            };
            let c = shape.channels as usize;
            let spatial = (shape.height * shape.width) as usize;
            let mut judge = oracle::BatchNorm::new(images as usize, c, spatial);
            (judge.eps, judge.momentum) = (f64::from(1e-5f32), f64::from(0.1f32));
            let n = judge.len();
            let channel = |i: usize| i / spatial % c;
            // Far from 0, differently in every channel, to detect a variance computed as a difference of squares.
            let x: Vec<f32> = (0..n)
                .map(|i| numbers.unit() * 0.5 + 2.0 + channel(i) as f32)
                .collect();
            let dy = numbers.many(n);
            let (mask, addend) = (numbers.levels(n, 1.0), numbers.many(n));
            let gamma: Vec<f32> = numbers.many(c).iter().map(|g| g + 1.5).collect();
            let beta = numbers.many(c);
            let running_mean = numbers.many(c);
            let running_var: Vec<f32> = numbers.many(c).iter().map(|v| v + 1.5).collect();

            let mut list = List::default();
            let [tx, tdy, tdx, ty, tz, tmask, taddend] =
                ["x", "dy", "dx", "y", "z", "mask", "addend"]
                    .map(|name| activation(&mut list, name, images, shape));
            let mut vector =
                |name: &str, role| list.tensor(name, role, u64::from(shape.channels.div_ceil(4)));
            let tgamma = vector("gamma", Role::Parameter);
            let tbeta = vector("beta", Role::Parameter);
            let tmean = vector("running mean", Role::Statistic);
            let tvar = vector("running var", Role::Statistic);
            let tdgamma = vector("dgamma", Role::Gradient);
            let tdbeta = vector("dbeta", Role::Gradient);
            let coefficients = norm.coefficients(&mut list, "coefficients");
            let evaluated = norm.coefficients(&mut list, "evaluated");
            let (with_mask, with_other) = FINISHES[case % 4];
            // Evaluation first: training moves the running statistics.
            norm.eval_forward(
                &mut list,
                &tuning,
                "eval",
                tx,
                tgamma,
                tbeta,
                tmean,
                tvar,
                evaluated,
                tz,
                with_addend.then_some(taddend),
                relu,
            );
            norm.train_forward(
                &mut list,
                &tuning,
                "train",
                tx,
                tgamma,
                tbeta,
                tmean,
                tvar,
                coefficients,
                ty,
                with_addend.then_some(taddend),
                relu,
            );
            norm.backward(
                &mut list,
                &tuning,
                "backward",
                tx,
                tdy,
                coefficients,
                tdx,
                tdgamma,
                tdbeta,
                with_mask.then_some(tmask),
                with_other.then_some(taddend),
            );
            let frozen = activation(&mut list, "frozen dx", images, shape);
            let (ty2, scales) = (
                activation(&mut list, "frozen y", images, shape),
                norm.coefficients(&mut list, "frozen coefficients"),
            );
            // After training has moved the running statistics.
            norm.eval_forward(
                &mut list, &tuning, "frozen", tx, tgamma, tbeta, tmean, tvar, scales, ty2, None,
                false,
            );
            norm.frozen_backward(
                &mut list,
                &tuning,
                "frozen backward",
                tdy,
                [tgamma, tbeta, tmean, tvar],
                frozen,
                with_mask.then_some(tmask),
                with_other.then_some(taddend),
            );
            let width = shape.width as usize;
            let given = [
                (tx, pack(&x, width)),
                (tdy, pack(&dy, width)),
                (tmask, pack(&mask, width)),
                (taddend, pack(&addend, width)),
                (tgamma, pack(&gamma, c)),
                (tbeta, pack(&beta, c)),
                (tmean, pack(&running_mean, c)),
                (tvar, pack(&running_var, c)),
            ];
            let got = exam.run(&list, &given, storage);
            let what = format!("{images} x {shape:?} on {storage:?}");
            let (x, dy, gamma, beta) = (widen(&x), widen(&dy), widen(&gamma), widen(&beta));
            let (running_mean, running_var) = (widen(&running_mean), widen(&running_var));
            let expected = judge.training(&x, &gamma, &beta, &running_mean, &running_var);
            let count = (images as usize * spatial) as f64;

            // The longest chain of additions: a lane's quads, its four columns, the tree, the chunks; three roundings each.
            let quads = f64::from(images * shape.plane_quads());
            let chain =
                3.0 * (quads / f64::from(tuning.lanes) + 10.0 + f64::from(images.min(tuning.fill)));
            let mean_over = |value: &dyn Fn(usize) -> f64, ch: usize| {
                (0..n).filter(|&i| channel(i) == ch).map(value).sum::<f64>() / count
            };
            let bounds: Vec<NormBounds> = (0..c)
                .map(|ch| {
                    let mean = chain * EPS * mean_over(&|i| x[i].abs(), ch);
                    let var = 1.0 / expected.invstd[ch].powi(2) - judge.eps;
                    // The error of the squares is relative; the differences of means in the merge have the error of the means.
                    let var_bound =
                        chain * EPS * var + 2.0 * (2.0 * mean) * var.sqrt() + 4.0 * mean * mean;
                    let relative_invstd = 0.5 * var_bound / (var + judge.eps) + 4.0 * EPS;
                    NormBounds {
                        mean,
                        relative_invstd,
                        var: var_bound,
                    }
                })
                .collect();
            let after = |values: &[f64]| -> Vec<f64> {
                let sum = masked(values, None, with_addend.then_some(&addend[..]));
                if relu {
                    oracle::elementwise::relu(&sum)
                } else {
                    sum
                }
            };
            let y = got.rows(ty, width);
            exam.close(&format!("{what} y"), &y, &after(&expected.y), |i| {
                let (ch, b) = (channel(i), &bounds[channel(i)]);
                let scale = (gamma[ch] * expected.invstd[ch]).abs();
                let deviation = (x[i] - expected.mean[ch]).abs();
                scale * (b.mean + deviation * b.relative_invstd)
                    + 4.0 * EPS * (scale * deviation + beta[ch].abs() + f64::from(addend[i].abs()))
            });
            exam.close(
                &format!("{what} running mean"),
                &got.rows(tmean, c),
                &expected.running_mean,
                |ch| {
                    bounds[ch].mean + 4.0 * EPS * (running_mean[ch].abs() + expected.mean[ch].abs())
                },
            );
            if count > 1.0 {
                let unbiased = count / (count - 1.0);
                exam.close(
                    &format!("{what} running var"),
                    &got.rows(tvar, c),
                    &expected.running_var,
                    |ch| {
                        bounds[ch].var * unbiased
                            + 4.0 * EPS * (running_var[ch] + expected.running_var[ch])
                    },
                );
            }
            let z = got.rows(tz, width);
            let evaluation = judge.evaluation(&x, &gamma, &beta, &running_mean, &running_var);
            exam.close(
                &format!("{what} evaluation"),
                &z,
                &after(&evaluation),
                |i| {
                    let ch = channel(i);
                    let scaled = (x[i] - running_mean[ch]) * gamma[ch]
                        / (running_var[ch] + judge.eps).sqrt();
                    // A root and a division of 2.5 units each, and five roundings.
                    10.0 * EPS * (scaled.abs() + beta[ch].abs() + f64::from(addend[i].abs()))
                },
            );

            let gradients = judge.backward(&x, &gamma, &expected.mean, &expected.invstd, &dy);
            let normalised =
                |i: usize| (x[i] - expected.mean[channel(i)]) * expected.invstd[channel(i)];
            let off = |i: usize| {
                let ch = channel(i);
                expected.invstd[ch] * bounds[ch].mean
                    + normalised(i).abs() * (bounds[ch].relative_invstd + EPS)
            };
            let sums: Vec<[f64; 4]> = (0..c)
                .map(|ch| {
                    let dy_mean = mean_over(&|i| dy[i].abs(), ch);
                    let product = mean_over(&|i| (dy[i] * normalised(i)).abs(), ch);
                    let off_mean = mean_over(&|i| dy[i].abs() * off(i), ch);
                    [
                        dy_mean,
                        product,
                        chain * EPS * dy_mean,
                        chain * EPS * product + off_mean,
                    ]
                })
                .collect();
            exam.close(
                &format!("{what} dgamma"),
                &got.rows(tdgamma, c),
                &gradients.dgamma,
                |ch| sums[ch][3] * count,
            );
            exam.close(
                &format!("{what} dbeta"),
                &got.rows(tdbeta, c),
                &gradients.dbeta,
                |ch| sums[ch][2] * count,
            );
            let m = with_mask.then_some(&mask[..]);
            let a = with_other.then_some(&addend[..]);
            exam.close(
                &format!("{what} dx"),
                &got.rows(tdx, width),
                &masked(&gradients.dx, m, a),
                |i| {
                    let ch = channel(i);
                    let [dy_mean, product, dy_off, product_off] = sums[ch];
                    let scale = (gamma[ch] * expected.invstd[ch]).abs();
                    let terms = dy[i].abs() + dy_mean + normalised(i).abs() * product;
                    scale * (dy_off + normalised(i).abs() * product_off + off(i) * product)
                        + scale * (3.0 * bounds[ch].relative_invstd + 8.0 * EPS) * terms
                        + EPS * f64::from(addend[i].abs())
                },
            );
            // The statistics as the device has them: their own error is judged above.
            let moved = got.rows(tvar, c);
            let scale = |i: usize| gamma[channel(i)] / (moved[channel(i)] + judge.eps).sqrt();
            let plain: Vec<f64> = (0..n).map(|i| dy[i] * scale(i)).collect();
            exam.close(
                &format!("{what} frozen dx"),
                &got.rows(frozen, width),
                &masked(&plain, m, a),
                |i| 8.0 * EPS * (plain[i].abs() + f64::from(addend[i].abs())),
            );
        }
    }
}
