//! Gradients of the oracle against central differences of its own forward passes, and its strides and paddings per axis.

use wattgrad::internals::kernels::oracle::elementwise::{add, relu, relu_backward};
use wattgrad::internals::kernels::oracle::{
    BatchNorm, Conv, Form, Gemm, MaxPool, column_sums, cross_entropy, mean_pool, mean_pool_backward,
};

use super::{close_to, largest};

/// Uniform values in [-1, 1) from a seed (splitmix64).
pub fn random(seed: u64, len: usize) -> Vec<f64> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) >> 11
    };
    (0..len)
        .map(|_| next() as f64 / (1u64 << 52) as f64 - 1.0)
        .collect()
}

pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

const STEP: f64 = 1e-3;

/// Compares `gradient` with the fourth-order central differences of `functional` at `at`.
#[track_caller]
pub fn differences(what: &str, at: &[f64], gradient: &[f64], functional: impl Fn(&[f64]) -> f64) {
    assert_eq!(at.len(), gradient.len(), "{what}");
    let numeric: Vec<f64> = (0..at.len())
        .map(|i| {
            let moved = |steps: f64| {
                let mut point = at.to_vec();
                point[i] += steps * STEP;
                functional(&point)
            };
            (8.0 * (moved(1.0) - moved(-1.0)) - (moved(2.0) - moved(-2.0))) / (12.0 * STEP)
        })
        .collect();
    assert!(largest(&numeric) > 1e-3, "{what}: nothing depends on it");
    close_to(what, gradient, &numeric, 1e-7);
}

#[test]
fn gemm_gradients_are_central_differences() {
    for (seed, form) in [(1, Form::Nn), (2, Form::Nt), (3, Form::Tn)] {
        let gemm = Gemm {
            form,
            m: 4,
            n: 3,
            k: 5,
        };
        let (a, b, bias, r) = (
            random(seed, 20),
            random(seed + 10, 15),
            random(seed + 20, 3),
            random(seed + 30, 12),
        );
        let kink = gemm
            .forward(&a, &b, Some(&bias), false)
            .iter()
            .fold(f64::MAX, |least, c| least.min(c.abs()));
        assert!(
            kink > 4.0 * STEP,
            "{form:?}: a sum of {kink} is too near the ReLU's kink, choose another seed"
        );
        let y = gemm.forward(&a, &b, Some(&bias), true);
        assert!(y.contains(&0.0) && largest(&y) > 0.0);
        let dc = relu_backward(&y, &r);
        let (da, db) = gemm.backward(&a, &b, &dc);
        differences("da", &a, &da, |a| {
            dot(&gemm.forward(a, &b, Some(&bias), true), &r)
        });
        differences("db", &b, &db, |b| {
            dot(&gemm.forward(&a, b, Some(&bias), true), &r)
        });
        differences("dbias", &bias, &column_sums(&dc, 4, 3), |bias| {
            dot(&gemm.forward(&a, &b, Some(bias), true), &r)
        });
    }
}

#[test]
fn convolution_gradients_are_central_differences() {
    for (kernel, stride, padding) in [
        ([3, 3], [1, 1], [1, 1]),
        ([3, 2], [2, 2], [1, 1]),
        ([1, 1], [2, 2], [0, 0]),
        ([2, 3], [3, 3], [2, 2]),
        ([1, 5], [1, 2], [0, 2]),
        ([3, 1], [2, 1], [2, 0]),
        ([2, 3], [3, 1], [0, 1]),
    ] {
        let (batch, channels, height, width, out_channels) = (2, 2, 6, 5, 3);
        let conv = Conv {
            batch,
            channels,
            height,
            width,
            out_channels,
            kernel,
            stride,
            padding,
            dilation: [1; 2],
            groups: 1,
        };
        let (x, w, bias) = (
            random(1, conv.input_len()),
            random(2, conv.weight_len()),
            random(3, 3),
        );
        let r = random(4, conv.output_len());
        let value = |x: &[f64], w: &[f64], bias: &[f64]| dot(&conv.forward(x, w, Some(bias)), &r);
        differences("dx", &x, &conv.grad_input(&r, &w), |x| value(x, &w, &bias));
        differences("dw", &w, &conv.grad_weight(&x, &r), |w| value(&x, w, &bias));
        differences("dbias", &bias, &conv.grad_bias(&r), |bias| {
            value(&x, &w, bias)
        });
    }
}

#[test]
fn pool_gradients_are_central_differences() {
    for (kernel, stride, padding) in [
        ([2, 2], [2, 2], [0, 0]),
        ([3, 3], [2, 2], [1, 1]),
        ([3, 3], [1, 1], [1, 1]),
        ([1, 4], [1, 3], [0, 2]),
        ([3, 1], [1, 2], [1, 0]),
    ] {
        let pool = MaxPool {
            batch: 2,
            channels: 2,
            height: 7,
            width: 5,
            kernel,
            stride,
            padding,
        };
        // All elements differ by at least 0.1, in an irregular order (37 and 140 are coprime).
        let x: Vec<f64> = (0..pool.input_len())
            .map(|i| (i * 37 % 140) as f64 * 0.1 - 7.0)
            .collect();
        let r = random(kernel[0] as u64, pool.output_len());
        let dx = pool.backward(&r, &pool.forward(&x).index);
        differences("max pool", &x, &dx, |x| dot(&pool.forward(x).y, &r));
    }
    let (x, r) = (random(7, 24), random(8, 4));
    differences("mean pool", &x, &mean_pool_backward(&r, 4, 6), |x| {
        dot(&mean_pool(x, 4, 6), &r)
    });
}

#[test]
fn batch_norm_gradients_are_central_differences() {
    for (batch, channels, spatial) in [(3, 2, 4), (1, 3, 5), (6, 2, 1)] {
        let norm = BatchNorm::new(batch, channels, spatial);
        let (x, r) = (random(1, norm.len()), random(2, norm.len()));
        let (gamma, beta) = (random(3, channels), random(4, channels));
        let (mean, var) = (vec![0.0; channels], vec![1.0; channels]);
        let value = |x: &[f64], gamma: &[f64], beta: &[f64]| {
            dot(&norm.training(x, gamma, beta, &mean, &var).y, &r)
        };
        let out = norm.training(&x, &gamma, &beta, &mean, &var);
        let back = norm.backward(&x, &gamma, &out.mean, &out.invstd, &r);
        differences("dx", &x, &back.dx, |x| value(x, &gamma, &beta));
        differences("dgamma", &gamma, &back.dgamma, |gamma| {
            value(&x, gamma, &beta)
        });
        differences("dbeta", &beta, &back.dbeta, |beta| value(&x, &gamma, beta));
    }
}

#[test]
fn elementwise_gradients_are_central_differences() {
    let x: Vec<f64> = random(1, 30).iter().map(|x| x + 0.1 * x.signum()).collect();
    let r = random(2, 30);
    differences("relu", &x, &relu_backward(&relu(&x), &r), |x| {
        dot(&relu(x), &r)
    });
    let other = random(3, 30);
    differences("add, first term", &x, &r, |x| dot(&add(x, &other), &r));
    differences("add, second term", &other, &r, |other| {
        dot(&add(&x, other), &r)
    });
}

#[test]
fn cross_entropy_gradients_are_central_differences() {
    let labels = [3, 0, 6, 6, 2];
    let logits: Vec<f64> = random(1, 35).iter().map(|x| 3.0 * x).collect();
    for (valid, smoothing) in [(5, 0.0), (3, 0.0), (3, 0.1)] {
        let loss = cross_entropy(&logits, &labels, 7, valid, smoothing);
        differences("logits", &logits, &loss.dlogits, |logits| {
            cross_entropy(logits, &labels, 7, valid, smoothing).mean
        });
        assert!((loss.sum - loss.mean * valid as f64).abs() < 1e-14);
        assert!(loss.dlogits[valid * 7..].iter().all(|&d| d == 0.0));
    }
}

/// Columns `0, step, 2 step ..` of rows of `width`.
fn every_column(values: &[f64], width: usize, step: usize) -> Vec<f64> {
    let rows = values.chunks(width);
    rows.flat_map(|row| row.iter().step_by(step))
        .copied()
        .collect()
}

/// Rows of `width` with `padding` values of `fill` on both sides.
fn pad_columns(values: &[f64], width: usize, padding: usize, fill: f64) -> Vec<f64> {
    let side = || std::iter::repeat_n(fill, padding);
    let rows = values.chunks(width);
    rows.flat_map(|row| side().chain(row.iter().copied()).chain(side()))
        .collect()
}

/// A stride equals leaving out columns of the output, and a padding equals adding columns to the input, on each axis.
#[test]
fn stride_and_padding_differ_by_axis() {
    let (batch, channels, height, width, out_channels) = (2, 3, 6, 9, 2);
    let conv = Conv {
        batch,
        channels,
        height,
        width,
        out_channels,
        kernel: [3, 5],
        stride: [1, 2],
        padding: [1, 2],
        dilation: [1; 2],
        groups: 1,
    };
    let plain = Conv {
        width: width + 4,
        stride: [1, 1],
        padding: [1, 0],
        ..conv
    };
    let (x, w) = (random(1, conv.input_len()), random(2, conv.weight_len()));
    let wide = plain.forward(&pad_columns(&x, width, 2, 0.0), &w, None);
    assert_eq!((conv.out_height(), conv.out_width()), (6, 5));
    assert_eq!(
        conv.forward(&x, &w, None),
        every_column(&wide, plain.out_width(), 2)
    );

    let pool = MaxPool {
        batch,
        channels,
        height,
        width,
        kernel: [3, 4],
        stride: [1, 3],
        padding: [1, 2],
    };
    let plain = MaxPool {
        width: width + 4,
        stride: [1, 1],
        padding: [1, 0],
        ..pool
    };
    let wide = plain.forward(&pad_columns(&x, width, 2, f64::NEG_INFINITY));
    assert_eq!((pool.out_height(), pool.out_width()), (6, 4));
    assert_eq!(
        pool.forward(&x).y,
        every_column(&wide.y, plain.out_width(), 3)
    );
}

#[test]
fn a_kernel_larger_than_its_input_has_no_output() {
    let conv = Conv {
        batch: 1,
        channels: 1,
        height: 2,
        width: 9,
        out_channels: 1,
        kernel: [5, 5],
        stride: [1, 1],
        padding: [1, 1],
        dilation: [1; 2],
        groups: 1,
    };
    assert_eq!((conv.out_height(), conv.out_width()), (0, 7));
    assert!(
        conv.forward(&[1.0; 18], &[1.0; 25], Some(&[1.0]))
            .is_empty()
    );
    assert_eq!(conv.grad_weight(&[1.0; 18], &[]), [0.0; 25]);
}
