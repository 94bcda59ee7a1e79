//! The f64 oracle against PyTorch, and its gradients against central differences of its own forward passes.
#![cfg(feature = "gpu")]

mod fixtures;

use fixtures::Fixture;
use wattgrad::internals::data::Normalisation;
use wattgrad::internals::kernels::oracle::elementwise::{add, relu, relu_backward};
use wattgrad::internals::kernels::oracle::{
    BatchNorm, Conv, Form, Gemm, MaxPool, Sgd, column_sums, column_sums_magnitude, cross_entropy,
    gather, mean_pool, mean_pool_backward,
};

fn kernels() -> Fixture {
    Fixture::read("kernels.safetensors")
}

fn largest(values: &[f64]) -> f64 {
    values
        .iter()
        .fold(0.0, |largest, value| value.abs().max(largest))
}

/// Every element within `tolerance` times the tensor's largest.
#[track_caller]
fn close_to(what: &str, got: &[f64], want: &[f64], tolerance: f64) {
    assert_eq!(got.len(), want.len(), "{what}");
    let scale = largest(want);
    for (i, (got, want)) in got.iter().zip(want).enumerate() {
        assert!(
            (got - want).abs() <= tolerance * scale,
            "{what}[{i}]: {got} instead of {want}, tensor up to {scale}"
        );
    }
}

#[track_caller]
fn close(what: &str, got: &[f64], want: &[f64]) {
    close_to(what, got, want, 1e-13);
}

/// Every element within the rounding error of its sum of magnitudes, even after cancellation.
#[track_caller]
fn within(what: &str, got: &[f64], want: &[f64], magnitude: &[f64]) {
    assert_eq!(
        (got.len(), magnitude.len()),
        (want.len(), want.len()),
        "{what}"
    );
    for i in 0..got.len() {
        let (got, want, magnitude) = (got[i], want[i], magnitude[i]);
        assert!(
            (got - want).abs() <= 1e-14 * magnitude,
            "{what}[{i}]: {got} instead of {want}, terms {magnitude}"
        );
        assert!(
            want.abs() <= magnitude * (1.0 + 1e-13),
            "{what}[{i}]: magnitude {magnitude} is below {want}"
        );
    }
}

#[test]
fn gemm_is_pytorchs() {
    let fixture = kernels();
    for case in fixture.cases("gemm.") {
        let form = match &case[..7] {
            "gemm.nn" => Form::Nn,
            "gemm.nt" => Form::Nt,
            _ => Form::Tn,
        };
        let get = |name: &str| fixture.get(&format!("{case}.{name}"));
        let [m, n, k] = fixture.counts(&format!("{case}.shape"))[..] else {
            panic!("{case}")
        };
        let gemm = Gemm { form, m, n, k };
        let (a, b, bias) = (get("a"), get("b"), get("bias"));
        let plain = gemm.forward(a, b, None, false);
        within(&case, &plain, get("plain"), &gemm.magnitude(a, b, None));
        let y = gemm.forward(a, b, Some(bias), true);
        within(&case, &y, get("y"), &gemm.magnitude(a, b, Some(bias)));
        let dc = relu_backward(&y, get("r"));
        let (da, db) = gemm.backward(a, b, &dc);
        close(&case, &da, get("da"));
        close(&case, &db, get("db"));
        within(
            &case,
            &column_sums(&dc, m, n),
            get("dbias"),
            &column_sums_magnitude(&dc, m, n),
        );
    }
}

#[test]
fn convolution_is_pytorchs() {
    let fixture = kernels();
    for case in fixture.cases("conv.") {
        let get = |name: &str| fixture.get(&format!("{case}.{name}"));
        let shape = fixture.counts(&format!("{case}.shape"));
        let [
            batch,
            channels,
            height,
            width,
            out_channels,
            kernel_h,
            kernel_w,
            stride,
            padding,
        ] = shape[..]
        else {
            panic!("{case}")
        };
        let conv = Conv {
            batch,
            channels,
            height,
            width,
            out_channels,
            kernel: [kernel_h, kernel_w],
            stride: [stride; 2],
            padding: [padding; 2],
        };
        let (x, w, bias, dy) = (get("x"), get("w"), get("bias"), get("r"));
        let y = conv.forward(x, w, Some(bias));
        within(
            &case,
            &y,
            get("y"),
            &conv.forward_magnitude(x, w, Some(bias)),
        );
        within(
            &case,
            &conv.grad_input(dy, w),
            get("dx"),
            &conv.grad_input_magnitude(dy, w),
        );
        within(
            &case,
            &conv.grad_weight(x, dy),
            get("dw"),
            &conv.grad_weight_magnitude(x, dy),
        );
        within(
            &case,
            &conv.grad_bias(dy),
            get("dbias"),
            &conv.grad_bias_magnitude(dy),
        );
    }
}

#[test]
fn max_pool_is_pytorchs() {
    let fixture = kernels();
    for case in fixture.cases("pool.") {
        let get = |name: &str| fixture.get(&format!("{case}.{name}"));
        let shape = fixture.counts(&format!("{case}.shape"));
        let [batch, channels, height, width, kernel, stride, padding] = shape[..] else {
            panic!("{case}")
        };
        let pool = MaxPool {
            batch,
            channels,
            height,
            width,
            kernel: [kernel; 2],
            stride: [stride; 2],
            padding: [padding; 2],
        };
        let pooled = pool.forward(get("x"));
        assert_eq!(pooled.y, get("y"), "{case}");
        let flat: Vec<usize> = (pooled.index.iter().enumerate())
            .map(|(output, &index)| pool.input_at(output, index).unwrap() % (height * width))
            .collect();
        assert_eq!(flat, fixture.counts(&format!("{case}.index")), "{case}");
        close(&case, &pool.backward(get("r"), &pooled.index), get("dx"));
    }
}

#[test]
fn mean_pool_is_pytorchs() {
    let fixture = kernels();
    for case in fixture.cases("mean.") {
        let get = |name: &str| fixture.get(&format!("{case}.{name}"));
        let [batch, channels, height, width] = fixture.counts(&format!("{case}.shape"))[..] else {
            panic!("{case}")
        };
        close(
            &case,
            &mean_pool(get("x"), batch * channels, height * width),
            get("y"),
        );
        close(
            &case,
            &mean_pool_backward(get("r"), batch * channels, height * width),
            get("dx"),
        );
    }
}

#[test]
fn batch_norm_is_pytorchs() {
    let fixture = kernels();
    for case in fixture.cases("norm.") {
        let get = |name: &str| fixture.get(&format!("{case}.{name}"));
        let [batch, channels, spatial] = fixture.counts(&format!("{case}.shape"))[..] else {
            panic!("{case}")
        };
        let norm = BatchNorm::new(batch, channels, spatial);
        let (x, gamma, beta) = (get("x"), get("gamma"), get("beta"));
        let out = norm.training(x, gamma, beta, get("running_mean"), get("running_var"));
        close(&case, &out.y, get("y"));
        close(&case, &out.mean, get("mean"));
        close(&case, &out.invstd, get("invstd"));
        close(&case, &out.running_mean, get("new_mean"));
        close(&case, &out.running_var, get("new_var"));
        let back = norm.backward(x, gamma, &out.mean, &out.invstd, get("r"));
        // Two elements per channel always normalise to -1 and 1, so all but eps cancels in their gradient.
        let cancelled = if batch * spatial == 2 { 1e-9 } else { 1e-12 };
        close_to(&case, &back.dx, get("dx"), cancelled);
        close(&case, &back.dgamma, get("dgamma"));
        close(&case, &back.dbeta, get("dbeta"));
        let later = norm.training(get("x2"), gamma, beta, &out.running_mean, &out.running_var);
        close(&case, &later.running_mean, get("later_mean"));
        close(&case, &later.running_var, get("later_var"));
        close(
            &case,
            &norm.evaluation(x, gamma, beta, &later.running_mean, &later.running_var),
            get("eval"),
        );
    }
}

#[test]
fn elementwise_is_pytorchs() {
    let fixture = kernels();
    for case in fixture.cases("relu.") {
        let get = |name: &str| fixture.get(&format!("{case}.{name}"));
        let y = relu(get("x"));
        assert_eq!(y, get("y"), "{case}");
        assert_eq!(relu_backward(&y, get("r")), get("dx"), "{case}");
        assert_eq!(relu_backward(get("x"), get("r")), get("dx"), "{case}");
    }
    for case in fixture.cases("add.") {
        let get = |name: &str| fixture.get(&format!("{case}.{name}"));
        assert_eq!(add(get("a"), get("b")), get("y"), "{case}");
    }
    assert!(relu(&[f64::NAN])[0].is_nan());
}

#[test]
fn cross_entropy_is_pytorchs() {
    let fixture = kernels();
    for case in fixture.cases("loss.") {
        let get = |name: &str| fixture.get(&format!("{case}.{name}"));
        let [_, classes, valid] = fixture.counts(&format!("{case}.shape"))[..] else {
            panic!("{case}")
        };
        let labels = fixture.counts(&format!("{case}.labels"));
        let loss = cross_entropy(get("logits"), &labels, classes, valid, 0.0);
        close(&case, &[loss.mean], get("mean"));
        close(&case, &[loss.sum], get("sum"));
        close(&case, &loss.dlogits, get("dlogits"));
        assert_eq!(
            [loss.correct],
            fixture.counts(&format!("{case}.correct"))[..],
            "{case}"
        );
    }
}

#[test]
fn smoothed_cross_entropy_is_pytorchs() {
    let fixture = kernels();
    let cases = fixture.cases("smooth.");
    assert_eq!(cases.len(), 3);
    for case in cases {
        let get = |name: &str| fixture.get(&format!("{case}.{name}"));
        let labels = fixture.counts(&format!("{case}.labels"));
        let (logits, share) = (get("logits"), get("smoothing")[0]);
        let classes = logits.len() / labels.len();
        let loss = cross_entropy(logits, &labels, classes, labels.len(), share);
        close(&case, &[loss.mean], get("mean"));
        close(&case, &loss.dlogits, get("dlogits"));
    }
}

#[test]
fn sgd_is_pytorchs_over_100_steps() {
    let fixture = kernels();
    for case in fixture.cases("sgd.") {
        let get = |name: &str| fixture.get(&format!("{case}.{name}"));
        let [lr, momentum, weight_decay, nesterov] = get("settings")[..] else {
            panic!("{case}")
        };
        let sgd = Sgd {
            lr,
            momentum,
            weight_decay,
            nesterov: nesterov != 0.0,
        };
        let mut params = get("params").to_vec();
        let mut buffers = vec![0.0; params.len()];
        let grads = get("grads").chunks_exact(params.len());
        assert_eq!(grads.len(), 100);
        for (step, grads) in grads.enumerate() {
            sgd.step(&mut params, grads, &mut buffers);
            match step {
                0 => close(&case, &params, get("first")),
                1 => close(&case, &params, get("second")),
                99 => close(&case, &params, get("last")),
                _ => {}
            }
        }
        if momentum != 0.0 {
            close(&case, &buffers, get("momentum"));
        }
    }
}

#[test]
fn gather_is_pytorchs() {
    let fixture = kernels();
    for case in fixture.cases("gather.") {
        let get = |name: &str| fixture.get(&format!("{case}.{name}"));
        let [_, length] = fixture.counts(&format!("{case}.shape"))[..] else {
            panic!("{case}")
        };
        let [scale, mean, std] = get("settings")[..] else {
            panic!("{case}")
        };
        let normalise = &Normalisation {
            scale,
            mean: vec![mean],
            std: vec![std],
        };
        let indices = fixture.counts(&format!("{case}.indices"));
        let batch = if scale == 255.0 {
            let bytes: Vec<u8> = get("data").iter().map(|&value| value as u8).collect();
            gather(&bytes, length, &indices, normalise)
        } else {
            let floats: Vec<f32> = get("data").iter().map(|&value| value as f32).collect();
            gather(&floats, length, &indices, normalise)
        };
        close(&case, &batch, get("y"));
    }
}

/// Uniform values in [-1, 1) from a seed (splitmix64).
fn random(seed: u64, len: usize) -> Vec<f64> {
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

fn dot(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

const STEP: f64 = 1e-3;

/// Compares `gradient` with the fourth-order central differences of `functional` at `at`.
#[track_caller]
fn differences(what: &str, at: &[f64], gradient: &[f64], functional: impl Fn(&[f64]) -> f64) {
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
    };
    assert_eq!((conv.out_height(), conv.out_width()), (0, 7));
    assert!(
        conv.forward(&[1.0; 18], &[1.0; 25], Some(&[1.0]))
            .is_empty()
    );
    assert_eq!(conv.grad_weight(&[1.0; 18], &[]), [0.0; 25]);
}
