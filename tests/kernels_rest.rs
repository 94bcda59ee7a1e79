//! Pooling, batch normalisation, loss, update and batches on a real device, against the plain f64 loops.
//!
//! Every kernel runs with its tensors in buffers and, where the device has them, in images, cut up in two ways; sizes
//! divide neither quads nor workgroups. `EPS` is f32's unit of rounding times two: a bound of `c * EPS * magnitude` allows
//! `2 c` roundings of terms that add up to `magnitude`.
#![cfg(feature = "gpu")]

#[path = "rest_harness/mod.rs"]
mod harness;

use harness::{Numbers, close, pack, run, unpack, ways};
use wattgrad::data::{Dtype, permute};
use wattgrad::kernels::batch::{self, BatchOrder, Mode, Shards, state};
use wattgrad::kernels::norm::{BatchNorm, NormError};
use wattgrad::kernels::pool::{self, MaxPool};
use wattgrad::kernels::{
    List, Role, SHADERS, Shape, Tensor, elementwise, emit, loss, optim, oracle,
};

const EPS: f64 = f32::EPSILON as f64;

fn shape(channels: u32, height: u32, width: u32) -> Shape {
    Shape {
        channels,
        height,
        width,
    }
}

fn activation(list: &mut List, name: &str, images: u32, shape: Shape) -> Tensor {
    list.tensor(
        name,
        Role::Activation,
        u64::from(images) * u64::from(shape.quads()),
    )
}

fn widen(values: &[f32]) -> Vec<f64> {
    oracle::widen(values)
}

fn masked(values: &[f64], mask: Option<&[f32]>, addend: Option<&[f32]>) -> Vec<f64> {
    let sum = |i: usize| values[i] + addend.map_or(0.0, |a| f64::from(a[i]));
    (0..values.len())
        .map(|i| {
            if mask.is_none_or(|m| m[i] > 0.0) {
                sum(i)
            } else {
                0.0
            }
        })
        .collect()
}

/// No mask and no addend, each alone, and both.
const FINISHES: [(bool, bool); 4] = [(false, false), (true, false), (false, true), (true, true)];

#[test]
fn every_shader_file_is_valid_as_it_stands() {
    let families = [
        "pool/",
        "norm/",
        "elementwise/",
        "loss/",
        "optim/",
        "batch/",
    ];
    for shader in SHADERS
        .iter()
        .filter(|s| families.iter().any(|f| s.name.starts_with(f)))
    {
        if let Err(error) = emit::validate(shader.text) {
            panic!("{}: {error}", shader.name);
        }
    }
}

#[test]
fn max_pool() {
    let mut numbers = Numbers::new(1);
    let cases = [
        (3, shape(2, 17, 65), 2, 2, 0),
        (2, shape(3, 6, 8), 2, 2, 0),
        (1, shape(1, 3, 3), 2, 2, 0),
        (5, shape(65, 4, 12), 2, 2, 0),
        (1, shape(1, 1, 1), 1, 1, 0),
        (2, shape(3, 17, 3), 3, 2, 1),
        (3, shape(2, 9, 13), 3, 1, 1),
        (1, shape(3, 17, 17), 2, 2, 1),
        (2, shape(1, 7, 10), 5, 3, 2),
    ];
    for (storage, tuning) in ways() {
        for (case, (images, input, kernel, stride, padding)) in cases.into_iter().enumerate() {
            let pool = MaxPool {
                images,
                input,
                kernel,
                stride,
                padding,
            };
            let out = pool.output();
            let judge = oracle::MaxPool {
                batch: images as usize,
                channels: input.channels as usize,
                height: input.height as usize,
                width: input.width as usize,
                kernel: kernel as usize,
                stride: stride as usize,
                padding: padding as usize,
            };
            assert_eq!(
                (out.height as usize, out.width as usize),
                (judge.out_height(), judge.out_width())
            );
            // Few levels, all negative in one case, so that ties and the padding are put to the test; and some NaN.
            let mut x = numbers.levels(judge.input_len(), 3.0);
            for value in &mut x {
                *value -= if case % 2 == 0 { 5.0 } else { 0.0 };
                if numbers.word().is_multiple_of(23) {
                    *value = f32::NAN;
                }
            }
            let dy = numbers.many(judge.output_len());
            let (mask, addend) = (numbers.levels(x.len(), 1.0), numbers.many(x.len()));
            let expected = judge.forward(&widen(&x));
            let gradient = judge.backward(&widen(&dy), &expected.index);
            let magnitude = judge.backward(&oracle::magnitudes(&widen(&dy)), &expected.index);
            let (with_mask, with_addend) = FINISHES[case % 4];

            let mut list = List::default();
            let tx = activation(&mut list, "x", images, input);
            let ty = activation(&mut list, "y", images, out);
            let tindex = activation(&mut list, "index", images, out);
            let tdy = activation(&mut list, "dy", images, out);
            let tdx = activation(&mut list, "dx", images, input);
            let tmask = activation(&mut list, "mask", images, input);
            let taddend = activation(&mut list, "addend", images, input);
            pool.max_forward(&mut list, &tuning, "forward", tx, ty, tindex);
            let (m, a) = (with_mask.then_some(tmask), with_addend.then_some(taddend));
            pool.max_backward(&mut list, &tuning, "backward", tdy, tindex, tdx, m, a);
            let (wide, narrow) = (input.width as usize, out.width as usize);
            let given = [
                (tx, pack(&x, wide)),
                (tdy, pack(&dy, narrow)),
                (tmask, pack(&mask, wide)),
                (taddend, pack(&addend, wide)),
            ];
            let got = run(&list, &given, storage);
            let what = format!("{pool:?}");
            close(
                &what,
                &unpack(&what, &got[&ty], narrow),
                &expected.y,
                |_| 0.0,
            );
            let index: Vec<f64> = expected.index.iter().map(|&i| i as f64).collect();
            close(&what, &unpack(&what, &got[&tindex], narrow), &index, |_| {
                0.0
            });
            let m = with_mask.then_some(&mask[..]);
            let a = with_addend.then_some(&addend[..]);
            // At most a window's places are added, and the addend.
            let terms = f64::from(kernel * kernel);
            let bound = |i: usize| terms * EPS * (magnitude[i] + f64::from(addend[i].abs()));
            close(
                &what,
                &unpack(&what, &got[&tdx], wide),
                &masked(&gradient, m, a),
                bound,
            );
        }
    }
}

#[test]
fn mean_pool() {
    let mut numbers = Numbers::new(2);
    let cases = [
        (3, shape(5, 7, 7)),
        (1, shape(1, 1, 1)),
        (17, shape(3, 1, 65)),
        (2, shape(65, 17, 3)),
        (65, shape(8, 4, 4)),
    ];
    for (storage, tuning) in ways() {
        for (case, (images, input)) in cases.into_iter().enumerate() {
            let planes = (images * input.channels) as usize;
            let spatial = (input.height * input.width) as usize;
            let x = numbers.many(planes * spatial);
            let dy = numbers.many(planes);
            let (mask, addend) = (numbers.levels(x.len(), 1.0), numbers.many(x.len()));
            let (with_mask, with_addend) = FINISHES[case % 4];
            let vector = Shape::vector(input.channels);
            let mut list = List::default();
            let tx = activation(&mut list, "x", images, input);
            let ty = activation(&mut list, "y", images, vector);
            let tdy = activation(&mut list, "dy", images, vector);
            let tdx = activation(&mut list, "dx", images, input);
            let tmask = activation(&mut list, "mask", images, input);
            let taddend = activation(&mut list, "addend", images, input);
            pool::mean_forward(&mut list, &tuning, "forward", images, input, tx, ty);
            let (m, a) = (with_mask.then_some(tmask), with_addend.then_some(taddend));
            pool::mean_backward(
                &mut list, &tuning, "backward", images, input, tdy, tdx, m, a,
            );
            let (wide, narrow) = (input.width as usize, input.channels as usize);
            let given = [
                (tx, pack(&x, wide)),
                (tdy, pack(&dy, narrow)),
                (tmask, pack(&mask, wide)),
                (taddend, pack(&addend, wide)),
            ];
            let got = run(&list, &given, storage);
            let what = format!("{images} x {input:?}");
            let expected = oracle::mean_pool(&widen(&x), planes, spatial);
            let magnitude = oracle::mean_pool(&oracle::magnitudes(&widen(&x)), planes, spatial);
            // A plane's quads one after another, the four columns, and a division of 2.5 units.
            let terms = f64::from(input.plane_quads() + 6);
            close(&what, &unpack(&what, &got[&ty], narrow), &expected, |i| {
                terms * EPS * magnitude[i]
            });
            let share = oracle::mean_pool_backward(&widen(&dy), planes, spatial);
            let m = with_mask.then_some(&mask[..]);
            let a = with_addend.then_some(&addend[..]);
            // A division of 2.5 units and an addition.
            let bound = |i: usize| 4.0 * EPS * (share[i].abs() + f64::from(addend[i].abs()));
            close(
                &what,
                &unpack(&what, &got[&tdx], wide),
                &masked(&share, m, a),
                bound,
            );
        }
    }
}

#[test]
fn elementwise_operations() {
    let mut numbers = Numbers::new(3);
    for (storage, tuning) in ways() {
        for (rows, width) in [(1, 1), (3, 17), (65, 65), (130, 257)] {
            let n = rows * width;
            let mut a = numbers.levels(n, 2.0);
            a[n / 2] = f32::NAN;
            let (b, dy) = (numbers.many(n), numbers.many(n));
            let mut list = List::default();
            let shape = shape(1, rows as u32, width as u32);
            let mut named = |name: &str| activation(&mut list, name, 1, shape);
            let [ta, tb, tdy] = ["a", "b", "dy"].map(&mut named);
            let [relu, back, sum, sum_relu] = ["relu", "back", "sum", "sum relu"].map(&mut named);
            elementwise::relu(&mut list, &tuning, "relu", ta, relu);
            elementwise::relu_backward(&mut list, &tuning, "back", tdy, relu, back);
            elementwise::add(&mut list, &tuning, "sum", ta, tb, sum, false);
            elementwise::add(&mut list, &tuning, "sum relu", ta, tb, sum_relu, true);
            let given = [
                (ta, pack(&a, width)),
                (tb, pack(&b, width)),
                (tdy, pack(&dy, width)),
            ];
            let got = run(&list, &given, storage);
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
                close(what, &unpack(what, &got[&tensor], width), &expected, |i| {
                    roundings * EPS * added[i].abs()
                });
            }
        }
    }
}

/// Bounds of a batch normalisation's statistics.
struct NormBounds {
    mean: f64,
    relative_invstd: f64,
    var: f64,
}

#[test]
fn batch_norm() {
    let mut numbers = Numbers::new(4);
    let cases = [
        (3, shape(5, 17, 3), false, false),
        (7, shape(1, 1, 1), true, false),
        (65, shape(3, 1, 1), false, true),
        (2, shape(17, 4, 65), true, true),
        (17, shape(4, 7, 7), false, true),
        (1, shape(2, 65, 17), true, false),
    ];
    for (storage, tuning) in ways() {
        for (case, (images, shape, with_addend, relu)) in cases.into_iter().enumerate() {
            let norm = BatchNorm::new(images, shape, 1e-5, 0.1).unwrap();
            let c = shape.channels as usize;
            let spatial = (shape.height * shape.width) as usize;
            let mut judge = oracle::BatchNorm::new(images as usize, c, spatial);
            (judge.eps, judge.momentum) = (f64::from(1e-5f32), f64::from(0.1f32));
            let n = judge.len();
            let channel = |i: usize| i / spatial % c;
            // Off centre, differently in every channel, so that a variance by difference of squares would show.
            let x: Vec<f32> = (0..n)
                .map(|i| numbers.next() * 0.5 + 2.0 + channel(i) as f32)
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
            let got = run(&list, &given, storage);
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
                    // Squares relative to themselves; the merge's differences of means carry the means' errors.
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
            let y = unpack(&what, &got[&ty], width);
            close(&format!("{what} y"), &y, &after(&expected.y), |i| {
                let (ch, b) = (channel(i), &bounds[channel(i)]);
                let scale = (gamma[ch] * expected.invstd[ch]).abs();
                let deviation = (x[i] - expected.mean[ch]).abs();
                scale * (b.mean + deviation * b.relative_invstd)
                    + 4.0 * EPS * (scale * deviation + beta[ch].abs() + f64::from(addend[i].abs()))
            });
            close(
                &format!("{what} running mean"),
                &unpack(&what, &got[&tmean], c),
                &expected.running_mean,
                |ch| {
                    bounds[ch].mean + 4.0 * EPS * (running_mean[ch].abs() + expected.mean[ch].abs())
                },
            );
            if count > 1.0 {
                let unbiased = count / (count - 1.0);
                close(
                    &format!("{what} running var"),
                    &unpack(&what, &got[&tvar], c),
                    &expected.running_var,
                    |ch| {
                        bounds[ch].var * unbiased
                            + 4.0 * EPS * (running_var[ch] + expected.running_var[ch])
                    },
                );
            }
            let z = unpack(&what, &got[&tz], width);
            let evaluation = judge.evaluation(&x, &gamma, &beta, &running_mean, &running_var);
            close(
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
            close(
                &format!("{what} dgamma"),
                &unpack(&what, &got[&tdgamma], c),
                &gradients.dgamma,
                |ch| sums[ch][3] * count,
            );
            close(
                &format!("{what} dbeta"),
                &unpack(&what, &got[&tdbeta], c),
                &gradients.dbeta,
                |ch| sums[ch][2] * count,
            );
            let m = with_mask.then_some(&mask[..]);
            let a = with_other.then_some(&addend[..]);
            close(
                &format!("{what} dx"),
                &unpack(&what, &got[&tdx], width),
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
        }
    }
}

#[test]
fn batch_norm_of_vectors_is_refused() {
    assert_eq!(
        BatchNorm::new(4, Shape::vector(10), 1e-5, 0.1),
        Err(NormError::Vector { features: 10 })
    );
    assert!(matches!(
        BatchNorm::new(0, shape(1, 2, 2), 1e-5, 0.1),
        Err(NormError::Empty { .. })
    ));
}

#[test]
fn cross_entropy() {
    let mut numbers = Numbers::new(5);
    for (storage, tuning) in ways() {
        for (rows, valid, classes, first_row, quantised, gradient) in [
            (17, 13, 10, 5, false, true),
            (65, 65, 3, 0, true, true),
            (3, 1, 1, 2, false, true),
            (70, 69, 65, 1, false, false),
        ] {
            let n = rows * classes;
            let logits = if quantised {
                numbers.levels(n, 2.0)
            } else {
                numbers.many(n).iter().map(|v| v * 6.0 + 20.0).collect()
            };
            let labels: Vec<u32> = (0..rows).map(|_| numbers.word() % classes as u32).collect();
            let weight = 0.75f32;
            let mut list = List::default();
            let tbatch = list.buffer("batch", Role::State, batch::order::batch_quads(rows as u32));
            let tlabels = list.buffer("labels", Role::State, (rows as u64).div_ceil(4));
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
            );
            let given = [
                (tbatch, vec![valid as u32, 0, 0, 0]),
                (tlabels, labels.clone()),
                (tlogits, pack(&logits, classes)),
            ];
            let got = run(&list, &given, storage);
            let what = format!("{rows} rows of {classes}");
            let logits = widen(&logits);
            let labels: Vec<usize> = labels.iter().map(|&l| l as usize).collect();
            let whole = oracle::cross_entropy(&logits, &labels, classes, valid);
            let result: Vec<f32> = got[&trows].iter().map(|&w| f32::from_bits(w)).collect();
            assert!(
                result[..first_row * 4].iter().all(|v| v.is_nan()),
                "{what}: rows before the first were written"
            );
            let mut correct = 0;
            for row in 0..rows {
                let r = &result[(first_row + row) * 4..][..4];
                assert_eq!(r[2..], [0.0, 0.0], "{what}, row {row}");
                if row >= valid {
                    assert_eq!(r[..2], [0.0, 0.0], "{what}, row {row}");
                    continue;
                }
                let values = &logits[row * classes..][..classes];
                let own = oracle::cross_entropy(values, &labels[row..=row], classes, 1);
                let largest = values.iter().fold(f64::MIN, |a, &b| a.max(b));
                let range = largest - values.iter().fold(f64::MAX, |a, &b| a.min(b));
                // Vulkan allows an exponential 3 + 2 |x| units and a logarithm 3 units or 2^-21.
                let bound = (classes as f64 + 3.0 + 2.0 * range) * EPS
                    + 2f64.powi(-21)
                    + 4.0 * EPS * (own.sum + range);
                let expected = f64::from(weight) * own.sum;
                let off = (f64::from(r[0]) - expected).abs();
                assert!(
                    off <= bound,
                    "{what}, row {row}: loss {} instead of {expected}",
                    r[0]
                );
                assert_eq!(r[1], own.correct as f32, "{what}, row {row}: correct");
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
fn a_loss_that_is_not_finite_is_flagged() {
    for (storage, tuning) in ways() {
        let classes = 5;
        let mut logits = vec![0.5f32; 4 * classes];
        logits[2] = f32::NAN;
        logits[classes + 1] = f32::INFINITY;
        // The label of row 2 has probability zero.
        logits[2 * classes] = f32::NEG_INFINITY;
        let mut list = List::default();
        let tbatch = list.buffer("batch", Role::State, 1);
        let tlabels = list.buffer("labels", Role::State, 1);
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
        );
        let given = [
            (tbatch, vec![4, 0, 0, 0]),
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

#[test]
fn sgd() {
    let mut numbers = Numbers::new(6);
    let groups = [
        state::Group {
            lr: 0.1,
            momentum: 0.9,
            weight_decay: 5e-4,
            nesterov: true,
        },
        state::Group {
            lr: 0.03,
            momentum: 0.5,
            weight_decay: 0.0,
            nesterov: false,
        },
        state::Group {
            lr: 0.2,
            momentum: 0.0,
            weight_decay: 0.01,
            nesterov: false,
        },
    ];
    // Gaps between the ranges belong to frozen parameters and must stay as they are.
    let ranges = [(0, 1, 0), (3, 1025, 1), (1100, 2048, 0), (3148, 17, 2)];
    let quads = 3200usize;
    let chunks = optim::chunks(&ranges);
    assert_eq!(
        chunks,
        [
            [0, 1, 0, 0],
            [3, 1024, 1, 0],
            [1027, 1, 1, 0],
            [1100, 1024, 0, 0],
            [2124, 1024, 0, 0],
            [3148, 17, 2, 0]
        ]
    );
    for (storage, tuning) in ways() {
        let (params, grads, momenta) = (
            numbers.many(quads * 4),
            numbers.many(quads * 4),
            numbers.many(quads * 4),
        );
        let mut list = List::default();
        let tchunks = list.buffer("chunks", Role::State, chunks.len() as u64);
        let tstate = list.buffer("state", Role::State, state::quads(3));
        let tparams = list.tensor("params", Role::Parameter, quads as u64);
        let tgrads = list.tensor("grads", Role::Gradient, quads as u64);
        let tmomenta = list.tensor("momenta", Role::Momentum, quads as u64);
        let tpartials = list.buffer("partials", Role::Scratch, chunks.len() as u64);
        // The first step at once, the second as if its chunks belonged to two arenas.
        for range in [0..6, 0..3, 3..6] {
            optim::sgd(
                &mut list, &tuning, "sgd", tchunks, range, tparams, tgrads, tmomenta, tstate,
                tpartials,
            );
        }
        let given = [
            (tchunks, chunks.concat()),
            (tstate, state::words(&groups)),
            (tparams, pack(&params, 4)),
            (tgrads, pack(&grads, 4)),
            (tmomenta, pack(&momenta, 4)),
        ];
        let got = run(&list, &given, storage);
        let (grads, mut params, mut momenta) = (widen(&grads), widen(&params), widen(&momenta));
        for &(first, count, group) in &ranges {
            let g = groups[group as usize];
            let rule = oracle::Sgd {
                lr: f64::from(g.lr),
                momentum: f64::from(g.momentum),
                weight_decay: f64::from(g.weight_decay),
                nesterov: g.nesterov,
            };
            let range = first as usize * 4..(first + count) as usize * 4;
            for _ in 0..2 {
                rule.step(
                    &mut params[range.clone()],
                    &grads[range.clone()],
                    &mut momenta[range.clone()],
                );
            }
        }
        // All values are below 4, and two steps round each about ten times.
        close(
            "params",
            &unpack("params", &got[&tparams], 4),
            &params,
            |_| 20.0 * EPS,
        );
        close(
            "momenta",
            &unpack("momenta", &got[&tmomenta], 4),
            &momenta,
            |_| 20.0 * EPS,
        );
        for (i, chunk) in chunks.iter().enumerate() {
            let range = chunk[0] as usize * 4..(chunk[0] + chunk[1]) as usize * 4;
            let exact: f64 = grads[range].iter().map(|g| g * g).sum();
            let got = f64::from(f32::from_bits(got[&tpartials][i * 4]));
            // A lane's quads one after another, the four columns, the tree.
            let chain = 1024.0 / f64::from(tuning.lanes) + 10.0;
            assert!(
                (got - exact).abs() <= chain * EPS * exact,
                "chunk {i}: {got} instead of {exact}"
            );
        }
    }
}

#[test]
fn a_gradient_that_is_not_finite_shows_in_the_norm() {
    for (storage, tuning) in ways() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut grads = vec![0.25f32; 80];
            grads[77] = bad;
            let mut list = List::default();
            let tchunks = list.buffer("chunks", Role::State, 2);
            let tstate = list.buffer("state", Role::State, state::quads(1));
            let tparams = list.tensor("params", Role::Parameter, 20);
            let tgrads = list.tensor("grads", Role::Gradient, 20);
            let tmomenta = list.tensor("momenta", Role::Momentum, 20);
            let tpartials = list.buffer("partials", Role::Scratch, 2);
            let trows = list.buffer("rows", Role::Scratch, 1);
            let tresults = list.buffer("results", Role::Results, 1);
            optim::sgd(
                &mut list,
                &tuning,
                "sgd",
                tchunks,
                0..2,
                tparams,
                tgrads,
                tmomenta,
                tstate,
                tpartials,
            );
            batch::finish_step(
                &mut list, &tuning, "end", trows, 1, tpartials, 2, tstate, tresults, 1, 0, 1,
            );
            let group = state::Group {
                lr: 0.1,
                momentum: 0.0,
                weight_decay: 0.0,
                nesterov: false,
            };
            let given = [
                (tchunks, optim::chunks(&[(0, 5, 0), (5, 15, 0)]).concat()),
                (tstate, state::words(&[group])),
                (tparams, vec![0; 80]),
                (tgrads, pack(&grads, 4)),
                (tmomenta, vec![0; 80]),
                (trows, pack(&[1.0, 0.0, 0.0, 0.0], 4)),
            ];
            let got = run(&list, &given, storage);
            assert!(f32::from_bits(got[&tpartials][0]).is_finite());
            assert!(!f32::from_bits(got[&tpartials][4]).is_finite());
            assert_eq!(
                f32::from_bits(got[&tresults][3]),
                1.0,
                "{bad} was not flagged"
            );
        }
    }
}

#[test]
fn batches_name_the_samples_bit_for_bit() {
    for (storage, tuning) in ways() {
        for (samples, size) in [
            (1u32, 1u32),
            (1, 3),
            (3, 3),
            (17, 5),
            (65, 65),
            (1000, 1000),
            (4097, 300),
            (65_537, 1024),
        ] {
            for (first, seed, epoch, step) in [
                (0, 0, 0, 0),
                (7, 0xdead_beef, 0xffff_ffff, 0),
                (100, 42, 3, 2),
                (1, 1, 1, 3),
            ] {
                let mut list = List::default();
                let tstate = list.buffer("state", Role::State, state::quads(1));
                let quads = batch::order::batch_quads(size);
                let all = [Mode::Sequential, Mode::Shuffled, Mode::Evaluate].map(|mode| {
                    let tensor = list.buffer("batch", Role::State, quads);
                    let order = BatchOrder {
                        mode,
                        samples,
                        first,
                        size,
                        seed,
                    };
                    batch::order(&mut list, &tuning, "order", tstate, tensor, order);
                    (mode, tensor)
                });
                let mut words = vec![0u32; 12];
                words[state::EPOCH as usize] = epoch;
                words[state::WINDOW_STEP as usize] = step;
                words[state::EVALUATION_BATCH as usize] = step + 1;
                let got = run(&list, &[(tstate, words)], storage);
                for (mode, tensor) in all {
                    let start = if mode == Mode::Evaluate {
                        (step + 1) * size
                    } else {
                        step * size
                    };
                    let valid = size.min(samples.saturating_sub(start));
                    let mut expected = vec![valid, 0, 0, 0];
                    expected.extend((0..size).map(|i| match mode {
                        _ if i >= valid => u32::MAX,
                        Mode::Shuffled => first + permute(seed, epoch, start + i, samples),
                        _ => first + start + i,
                    }));
                    assert_eq!(
                        got[&tensor][..expected.len()],
                        expected,
                        "{mode:?}, {samples} samples in {size}, step {step}"
                    );
                }
            }
        }
    }
}

/// Data of a type as bytes, and what each element means.
fn elements(dtype: Dtype, n: usize, numbers: &mut Numbers) -> (Vec<u8>, Vec<f64>) {
    let (mut bytes, mut values) = (vec![], vec![]);
    for _ in 0..n {
        let word = numbers.word() ^ numbers.word() << 16;
        let value = match dtype {
            Dtype::U8 => f64::from(word as u8),
            Dtype::I8 => f64::from(word as i8),
            Dtype::U16 => f64::from(word as u16),
            Dtype::I16 => f64::from(word as i16),
            Dtype::I32 => f64::from(word as i32),
            Dtype::F32 => f64::from(word as i32 as f32 / 1e8),
        };
        match dtype {
            Dtype::F32 => bytes.extend((value as f32).to_le_bytes()),
            _ => bytes.extend(&word.to_le_bytes()[..dtype.size_bytes()]),
        }
        values.push(value);
    }
    (bytes, values)
}

/// The words of a piece, its last one filled up with ones.
fn as_words(bytes: &[u8]) -> Vec<u32> {
    let word = |chunk: &[u8]| {
        let mut four = [0xff; 4];
        four[..chunk.len()].copy_from_slice(chunk);
        u32::from_le_bytes(four)
    };
    bytes.chunks(4).map(word).collect()
}

#[test]
fn gather_normalises_samples_of_every_type_and_shard() {
    let mut numbers = Numbers::new(7);
    let dtypes = [
        Dtype::U8,
        Dtype::I8,
        Dtype::U16,
        Dtype::I16,
        Dtype::I32,
        Dtype::F32,
    ];
    for (storage, tuning) in ways() {
        for (case, dtype) in dtypes.into_iter().enumerate() {
            // Samples of 51, 1, 28 and 195 elements: they start at every offset within a word.
            let shape = [
                shape(1, 17, 3),
                shape(1, 1, 1),
                shape(1, 4, 7),
                shape(3, 1, 65),
            ][case % 4];
            let counts: [usize; 4] =
                [[11, 0, 0, 0], [5, 3, 1, 2], [6, 5, 0, 0], [1, 9, 1, 0]][case % 4];
            let sample = shape.elements() as usize;
            let (bytes, values) = elements(dtype, 11 * sample, &mut numbers);
            let mut list = List::default();
            let (mut bounds, mut tensors, mut given) = ([0u32; 5], vec![], vec![]);
            for (i, count) in counts.into_iter().enumerate() {
                let start = bounds[i] as usize;
                bounds[i + 1] = (start + count) as u32;
                if count == 0 {
                    tensors.push(tensors[i - 1]);
                    continue;
                }
                let size = sample * dtype.size_bytes();
                let words = as_words(&bytes[start * size..(start + count) * size]);
                let tensor = list.buffer("shard", Role::Data, (words.len() as u64).div_ceil(4));
                tensors.push(tensor);
                given.push((tensor, words));
            }
            let shards = Shards {
                tensors: tensors.try_into().unwrap(),
                bounds,
                dtype,
            };
            let indices = [10usize, 0, 4, 5, 7, 8, 9, 9, 1, 6, 3];
            let size = 13u32;
            let mut words = vec![indices.len() as u32, 0, 0, 0];
            words.extend(indices.map(|i| i as u32));
            words.resize(4 + size as usize, u32::MAX);
            let tbatch = list.buffer("batch", Role::State, batch::order::batch_quads(size));
            given.push((tbatch, words));
            let out = activation(&mut list, "out", size, shape);
            let (scale, mean, std) = (255.0f32, 0.286f32, 0.353f32);
            batch::gather(
                &mut list, &tuning, "gather", tbatch, &shards, out, size, shape, scale, mean, std,
            );
            let got = run(&list, &given, storage);
            let what = format!("{dtype} {shape:?}");
            let normalise = oracle::Normalise {
                scale: scale.into(),
                mean: mean.into(),
                std: std.into(),
            };
            let mut expected = oracle::gather(&values, sample, &indices, normalise);
            expected.resize(size as usize * sample, 0.0);
            let none = oracle::Normalise {
                scale: scale.into(),
                mean: 0.0,
                std: std.into(),
            };
            let mut magnitude =
                oracle::magnitudes(&oracle::gather(&values, sample, &indices, none));
            magnitude.resize(expected.len(), 0.0);
            // The conversion of a large whole number, two divisions of 2.5 units, a subtraction.
            let bound = |i: usize| 7.0 * EPS * (magnitude[i] + f64::from(mean / std));
            let out = unpack(&what, &got[&out], shape.width as usize);
            close(&what, &out, &expected, bound);
            assert!(
                out[indices.len() * sample..].iter().all(|&v| v == 0.0),
                "{what}: rows that are not valid"
            );
        }
    }
}

#[test]
fn labels_come_from_every_type_and_shard() {
    for (storage, tuning) in ways() {
        for dtype in [
            Dtype::U8,
            Dtype::I8,
            Dtype::U16,
            Dtype::I16,
            Dtype::I32,
            Dtype::F32,
        ] {
            let labels: Vec<u32> = (0..11).map(|i| (i * 37 + 5) % 120).collect();
            let bytes = |range: std::ops::Range<usize>| -> Vec<u8> {
                labels[range]
                    .iter()
                    .flat_map(|label| match dtype {
                        Dtype::F32 => (*label as f32).to_le_bytes().to_vec(),
                        _ => label.to_le_bytes()[..dtype.size_bytes()].to_vec(),
                    })
                    .collect()
            };
            let mut list = List::default();
            let bounds = [0, 5, 8, 11, 11];
            let mut given = vec![];
            let pieces = [0..5, 5..8, 8..11].map(|range| {
                let tensor = list.buffer("shard", Role::Data, 3);
                given.push((tensor, as_words(&bytes(range))));
                tensor
            });
            let shards = Shards {
                tensors: [pieces[0], pieces[1], pieces[2], pieces[2]],
                bounds,
                dtype,
            };
            let indices = [10u32, 0, 4, 5, 7, 8, 1];
            let mut words = vec![7, 0, 0, 0];
            words.extend(indices);
            words.resize(4 + 9, u32::MAX);
            let tbatch = list.buffer("batch", Role::State, batch::order::batch_quads(9));
            given.push((tbatch, words));
            let out = list.buffer("labels", Role::State, 3);
            batch::gather_labels(&mut list, &tuning, "labels", tbatch, &shards, out, 9);
            let got = run(&list, &given, storage);
            let mut expected: Vec<u32> = indices.iter().map(|&i| labels[i as usize]).collect();
            expected.extend([0, 0]);
            assert_eq!(got[&out][..9], expected, "{dtype}");
        }
    }
}

#[test]
fn a_step_ends_with_its_result_and_the_counters_moved() {
    let mut numbers = Numbers::new(8);
    for (storage, tuning) in ways() {
        let (rows, chunks, ring, steps_per_window) = (131usize, 17usize, 4u32, 3u32);
        let mut row_data = vec![];
        let mut loss = 0.0;
        for i in 0..rows {
            let value = numbers.next() + 2.0;
            loss += f64::from(value);
            row_data.extend([value, (i % 3 == 0) as u32 as f32, 0.0, 0.0]);
        }
        let partials: Vec<f32> = (0..chunks)
            .flat_map(|_| [numbers.next() + 1.0, 9.0, 9.0, 9.0])
            .collect();
        let squares: f64 = partials.iter().step_by(4).map(|&p| f64::from(p)).sum();
        for (steps, epochs) in [(1u32, 0u32), (3, 1), (8, 2)] {
            let mut list = List::default();
            let trows = list.buffer("rows", Role::Scratch, rows as u64);
            let tpartials = list.buffer("partials", Role::Scratch, chunks as u64);
            let tstate = list.buffer("state", Role::State, state::quads(1));
            let tresults = list.buffer("results", Role::Results, u64::from(ring));
            for _ in 0..steps {
                batch::finish_step(
                    &mut list,
                    &tuning,
                    "end",
                    trows,
                    rows as u32,
                    tpartials,
                    chunks as u32,
                    tstate,
                    tresults,
                    ring,
                    steps_per_window,
                    128,
                );
            }
            let mut words = vec![0u32; 12];
            words[state::STEP as usize] = 6;
            words[9] = 77;
            let given = [
                (trows, pack(&row_data, 4)),
                (tpartials, pack(&partials, 4)),
                (tstate, words),
            ];
            let got = run(&list, &given, storage);
            let mut expected = vec![0u32; 12];
            expected[..4].copy_from_slice(&[6 + steps, epochs, steps % steps_per_window, 0]);
            expected[9] = 77;
            assert_eq!(got[&tstate], expected, "after {steps} steps");
            for slot in 0..ring {
                let result: Vec<f64> = got[&tresults][slot as usize * 4..][..4]
                    .iter()
                    .map(|&w| f32::from_bits(w).into())
                    .collect();
                let written = (6..6 + steps).any(|step| step % ring == slot);
                assert_eq!(
                    !result[0].is_nan(),
                    written,
                    "slot {slot} after {steps} steps"
                );
                if written {
                    // Rows a lane, then the tree.
                    let chain = rows as f64 / f64::from(tuning.lanes) + 12.0;
                    let exact = [loss / 128.0, 44.0, squares.sqrt(), 0.0];
                    close("result", &result, &exact, |i| chain * EPS * exact[i]);
                }
            }
        }
    }
}

#[test]
fn an_evaluation_ends_with_a_row_a_batch() {
    for (storage, tuning) in ways() {
        for flagged in [false, true] {
            let mut list = List::default();
            let trows = list.buffer("rows", Role::Scratch, 70);
            let tbatch = list.buffer("batch", Role::State, 3);
            let tstate = list.buffer("state", Role::State, state::quads(1));
            let tresults = list.buffer("results", Role::Results, 3);
            for _ in 0..2 {
                batch::finish_evaluation(
                    &mut list, &tuning, "end", trows, 70, tbatch, tstate, tresults, 3,
                );
            }
            let mut rows: Vec<f32> = (0..70)
                .flat_map(|i| [0.5, (i % 2) as f32, 0.0, 0.0])
                .collect();
            if flagged {
                rows[69 * 4 + 2] = 1.0;
            }
            let mut words = vec![0u32; 12];
            words[state::EVALUATION_BATCH as usize] = 2;
            let given = [
                (trows, pack(&rows, 4)),
                (tbatch, vec![69, 0, 0, 0]),
                (tstate, words),
            ];
            let got = run(&list, &given, storage);
            let result: Vec<f32> = got[&tresults].iter().map(|&w| f32::from_bits(w)).collect();
            let row = [35.0, 35.0, 69.0, f32::from(u8::from(flagged))];
            assert_eq!(result[..4], row);
            assert!(result[4..8].iter().all(|v| v.is_nan()));
            assert_eq!(result[8..], row);
            assert_eq!(got[&tstate][..4], [0, 0, 0, 1]);
        }
    }
}
