//! Max, average and mean pooling, both ways.

use super::{EPS, FINISHES, activation, masked, shape, widen};
use crate::conformance::examiner::Examiner;
use crate::conformance::numbers::{Numbers, pack};
use crate::kernels::pool::{AveragePool, MaxPool};
use crate::kernels::{List, Shape, oracle, pool};

/// Max pooling, with ties: of finite numbers, then with some NaN.
pub fn max_pool(exam: &mut Examiner<'_>) {
    let mut numbers = Numbers::new(1);
    let cases = [
        (3, shape(2, 17, 65), [2, 2], [2, 2], [0, 0]),
        (2, shape(3, 6, 8), [2, 2], [2, 2], [0, 0]),
        (1, shape(1, 3, 3), [2, 2], [2, 2], [0, 0]),
        (5, shape(65, 4, 12), [2, 2], [2, 2], [0, 0]),
        (1, shape(1, 1, 1), [1, 1], [1, 1], [0, 0]),
        (2, shape(3, 17, 3), [3, 3], [2, 2], [1, 1]),
        (3, shape(2, 9, 13), [3, 3], [1, 1], [1, 1]),
        (1, shape(3, 17, 17), [2, 2], [2, 2], [1, 1]),
        (2, shape(1, 7, 10), [5, 5], [3, 3], [2, 2]),
        (2, shape(3, 7, 13), [1, 5], [1, 2], [0, 2]),
        (2, shape(3, 11, 6), [3, 1], [2, 1], [1, 0]),
        (3, shape(5, 1, 37), [1, 4], [1, 3], [0, 2]),
    ];
    let cases = cases.into_iter().enumerate();
    let cases = cases.flat_map(|case| [(case, false), (case, true)]);
    for (storage, tuning) in exam.ways() {
        for ((case, (images, input, kernel, stride, padding)), with_nan) in cases.clone() {
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
                kernel: kernel.map(|n| n as usize),
                stride: stride.map(|n| n as usize),
                padding: padding.map(|n| n as usize),
            };
            // Few levels, all negative in every other case, to test ties and padding.
            let mut x = numbers.levels(judge.input_len(), 3.0);
            for value in &mut x {
                *value -= if case % 2 == 0 { 5.0 } else { 0.0 };
                if with_nan && numbers.word().is_multiple_of(23) {
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
            let got = exam.run(&list, &given, storage);
            let what = format!("{pool:?}");
            exam.close(&what, &got.rows(ty, narrow), &expected.y, |_| 0.0);
            let index: Vec<f64> = expected.index.iter().map(|&i| i as f64).collect();
            exam.close(&what, &got.rows(tindex, narrow), &index, |_| 0.0);
            let m = with_mask.then_some(&mask[..]);
            let a = with_addend.then_some(&addend[..]);
            // At most as many additions as a window has places, and the addend.
            let terms = f64::from(kernel[0] * kernel[1]);
            let bound = |i: usize| terms * EPS * (magnitude[i] + f64::from(addend[i].abs()));
            exam.close(&what, &got.rows(tdx, wide), &masked(&gradient, m, a), bound);
        }
    }
}

/// Global mean pooling.
pub fn mean_pool(exam: &mut Examiner<'_>) {
    let mut numbers = Numbers::new(2);
    let cases = [
        (3, shape(5, 7, 7)),
        (1, shape(1, 1, 1)),
        (17, shape(3, 1, 65)),
        (2, shape(65, 17, 3)),
        (65, shape(8, 4, 4)),
    ];
    for (storage, tuning) in exam.ways() {
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
            let got = exam.run(&list, &given, storage);
            let what = format!("{images} x {input:?}");
            let expected = oracle::mean_pool(&widen(&x), planes, spatial);
            let magnitude = oracle::mean_pool(&oracle::magnitudes(&widen(&x)), planes, spatial);
            // A plane's quads one after another, the four columns, and a division of 2.5 units.
            let terms = f64::from(input.plane_quads() + 6);
            exam.close(&what, &got.rows(ty, narrow), &expected, |i| {
                terms * EPS * magnitude[i]
            });
            let share = oracle::mean_pool_backward(&widen(&dy), planes, spatial);
            let m = with_mask.then_some(&mask[..]);
            let a = with_addend.then_some(&addend[..]);
            // A division of 2.5 units and an addition.
            let bound = |i: usize| 4.0 * EPS * (share[i].abs() + f64::from(addend[i].abs()));
            exam.close(&what, &got.rows(tdx, wide), &masked(&share, m, a), bound);
        }
    }
}

/// Average pooling.
pub fn average_pool(exam: &mut Examiner<'_>) {
    let mut numbers = Numbers::new(4);
    let cases = [
        (3, shape(2, 17, 65), [2, 2], [2, 2], [0, 0], true),
        (2, shape(3, 17, 3), [3, 3], [2, 2], [1, 1], true),
        (2, shape(3, 8, 7), [3, 3], [2, 2], [1, 1], false),
        (1, shape(2, 6, 9), [3, 2], [1, 3], [1, 1], false),
        (3, shape(5, 1, 37), [1, 4], [1, 3], [0, 2], true),
        (1, shape(1, 5, 6), [5, 6], [1, 1], [0, 0], true),
        (2, shape(2, 5, 5), [1, 1], [2, 2], [0, 0], false),
    ];
    for (storage, tuning) in exam.ways() {
        for (images, input, kernel, stride, padding, include) in cases {
            let pool = AveragePool {
                images,
                input,
                kernel,
                stride,
                padding,
                count_include_pad: include,
            };
            let out = pool.output();
            let judge = oracle::AveragePool {
                windows: oracle::MaxPool {
                    batch: images as usize,
                    channels: input.channels as usize,
                    height: input.height as usize,
                    width: input.width as usize,
                    kernel: kernel.map(|n| n as usize),
                    stride: stride.map(|n| n as usize),
                    padding: padding.map(|n| n as usize),
                },
                count_include_pad: include,
            };
            let x = numbers.many(judge.windows.input_len());
            let dy = numbers.many(judge.windows.output_len());
            let (mask, addend) = (numbers.levels(x.len(), 1.0), numbers.many(x.len()));
            let y = judge.forward(&widen(&x));
            let gradient = judge.backward(&widen(&dy));
            for (with_mask, with_addend) in FINISHES {
                let mut list = List::default();
                let [tx, tdx, tmask, tadd] = ["x", "dx", "mask", "add"]
                    .map(|name| activation(&mut list, name, images, input));
                let [ty, tdy] = ["y", "dy"].map(|name| activation(&mut list, name, images, out));
                pool.forward(&mut list, &tuning, "forward", tx, ty);
                let (m, a) = (with_mask.then_some(tmask), with_addend.then_some(tadd));
                pool.backward(&mut list, &tuning, "backward", tdy, tdx, m, a);
                let (from, to) = (input.width as usize, out.width as usize);
                let given = [
                    (tx, pack(&x, from)),
                    (tdy, pack(&dy, to)),
                    (tmask, pack(&mask, from)),
                    (tadd, pack(&addend, from)),
                ];
                let got = exam.run(&list, &given, storage);
                let what = format!("{pool:?}");
                let places = f64::from(kernel[0] * kernel[1]);
                let bound = (places + 4.0) * EPS;
                exam.close(&what, &got.rows(ty, to), &y, |_| bound);
                let mask = with_mask.then_some(&mask[..]);
                let expected = masked(&gradient, mask, with_addend.then_some(&addend[..]));
                exam.close(&what, &got.rows(tdx, from), &expected, |_| bound);
            }
        }
    }
}
