//! The f64 oracle against PyTorch, and its gradients against central differences of its own forward passes.
#![cfg(feature = "gpu")]

#[path = "../fixtures/mod.rs"]
mod fixtures;
mod gradients;
mod layers;
mod losses;
mod optimizers;

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

fn layers_fixture() -> Fixture {
    Fixture::read("layers.safetensors")
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
            dilation: [1; 2],
            groups: 1,
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
