//! Whole networks built from the oracle, against the losses of PyTorch's f64 training runs. They check the order of
//! dimensions, the names of parameters and the settings of the parity fixtures.
//!
//! Needs Fashion-MNIST's training files in `data/fashion-mnist`, or in the folder that `FASHION_MNIST` names; the tests are
//! skipped without them.
#![cfg(feature = "gpu")]

mod fixtures;
mod skip;

use fixtures::Fixture;
use skip::skipped;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;
use wattgrad::internals::data::Normalisation;
use wattgrad::internals::kernels::oracle::elementwise::{add, relu, relu_backward};
use wattgrad::internals::kernels::oracle::{
    BatchNorm, Conv, Form, Gemm, MaxPool, Sgd, column_sums, cross_entropy, gather, mean_pool,
};

/// The first `count` training samples, normalised, and their labels; `None` without the data.
fn samples(count: usize) -> Option<(Vec<f64>, Vec<usize>)> {
    let folder = std::env::var_os("FASHION_MNIST").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/data/fashion-mnist")),
        PathBuf::from,
    );
    if !folder.join("train-images-idx3-ubyte.gz").is_file() {
        let reason = format!("Fashion-MNIST is not in {}", folder.display());
        skipped("losses of the PyTorch fixtures by the oracle", &reason);
        return None;
    }
    let read = |name: &str, header: usize, len: usize| {
        let mut bytes = vec![0; header + len];
        let file = std::fs::File::open(folder.join(name)).unwrap();
        flate2::read::GzDecoder::new(file)
            .read_exact(&mut bytes)
            .unwrap();
        bytes.split_off(header)
    };
    let images = read("train-images-idx3-ubyte.gz", 16, count * 784);
    let labels = read("train-labels-idx1-ubyte.gz", 8, count);
    let normalisation = Normalisation {
        scale: 255.0,
        mean: vec![0.2860],
        std: vec![0.3530],
    };
    let indices: Vec<usize> = (0..count).collect();
    Some((
        gather(&images, 784, &indices, &normalisation),
        labels.into_iter().map(usize::from).collect(),
    ))
}

type Params = BTreeMap<&'static str, Vec<f64>>;

fn linear(rows: usize, inputs: usize, outputs: usize) -> Gemm {
    Gemm {
        form: Form::Nt,
        m: rows,
        n: outputs,
        k: inputs,
    }
}

#[track_caller]
fn same_loss(what: &str, got: f64, want: f64) {
    assert!(
        (got - want).abs() <= 1e-12 * want,
        "{what}: loss {got} instead of {want}"
    );
}

fn initial(fixture: &Fixture, names: &[&'static str]) -> Params {
    names
        .iter()
        .map(|&name| (name, fixture.get(&format!("init.{name}")).to_vec()))
        .collect()
}

/// Runs `steps` steps of `forward_backward` from the fixture's weights and compares each loss with the fixture's f64 run.
fn train(
    file: &str,
    names: &[&'static str],
    batch: usize,
    steps: usize,
    sgd: Sgd,
    forward_backward: impl Fn(&Params, &[f64], &[usize]) -> (f64, Params),
) {
    let Some((images, labels)) = samples(batch * steps) else {
        return;
    };
    let fixture = Fixture::read(file);
    let mut params = initial(&fixture, names);
    let mut momentum: Params = params
        .iter()
        .map(|(&name, values)| (name, vec![0.0; values.len()]))
        .collect();
    for step in 0..steps {
        let x = &images[step * batch * 784..(step + 1) * batch * 784];
        let (loss, grads) = forward_backward(&params, x, &labels[step * batch..(step + 1) * batch]);
        same_loss(
            &format!("{file}, step {step}"),
            loss,
            fixture.get("loss.f64")[step],
        );
        assert_eq!(grads.len(), params.len());
        for (name, grad) in &grads {
            sgd.step(
                params.get_mut(name).unwrap(),
                grad,
                momentum.get_mut(name).unwrap(),
            );
        }
    }
}

fn mlp(params: &Params, x: &[f64], labels: &[usize]) -> (f64, Params) {
    let rows = labels.len();
    let (fc1, fc2, fc3) = (
        linear(rows, 784, 512),
        linear(rows, 512, 256),
        linear(rows, 256, 10),
    );
    let h1 = fc1.forward(x, &params["fc1.weight"], Some(&params["fc1.bias"]), true);
    let h2 = fc2.forward(&h1, &params["fc2.weight"], Some(&params["fc2.bias"]), true);
    let logits = fc3.forward(&h2, &params["fc3.weight"], Some(&params["fc3.bias"]), false);
    let loss = cross_entropy(&logits, labels, 10, rows, 0.0);
    let (dh2, dw3) = fc3.backward(&h2, &params["fc3.weight"], &loss.dlogits);
    let dh2 = relu_backward(&h2, &dh2);
    let (dh1, dw2) = fc2.backward(&h1, &params["fc2.weight"], &dh2);
    let dh1 = relu_backward(&h1, &dh1);
    let (_, dw1) = fc1.backward(x, &params["fc1.weight"], &dh1);
    let grads = [
        ("fc1.weight", dw1),
        ("fc1.bias", column_sums(&dh1, rows, 512)),
        ("fc2.weight", dw2),
        ("fc2.bias", column_sums(&dh2, rows, 256)),
        ("fc3.weight", dw3),
        ("fc3.bias", column_sums(&loss.dlogits, rows, 10)),
    ];
    (loss.mean, grads.into())
}

const MLP: [&str; 6] = [
    "fc1.weight",
    "fc1.bias",
    "fc2.weight",
    "fc2.bias",
    "fc3.weight",
    "fc3.bias",
];

#[test]
fn mlp_trains_as_in_pytorch() {
    let sgd = Sgd {
        lr: 0.003,
        momentum: 0.9,
        weight_decay: 0.0,
        nesterov: false,
    };
    train("parity_mlp.safetensors", &MLP, 64, 3, sgd, mlp);
    let sgd = Sgd {
        weight_decay: 1e-3,
        nesterov: true,
        ..sgd
    };
    train("parity2_mlp.safetensors", &MLP, 32, 4, sgd, mlp);
}

fn cnn(params: &Params, x: &[f64], labels: &[usize]) -> (f64, Params) {
    let batch = labels.len();
    let conv = |channels, size, out_channels| Conv {
        batch,
        channels,
        height: size,
        width: size,
        out_channels,
        kernel: [3, 3],
        stride: [1, 1],
        padding: [1, 1],
        dilation: [1; 2],
        groups: 1,
    };
    let pool = |channels, size| MaxPool {
        batch,
        channels,
        height: size,
        width: size,
        kernel: [2, 2],
        stride: [2, 2],
        padding: [0, 0],
    };
    let (conv1, conv2) = (conv(1, 28, 32), conv(32, 14, 64));
    let (pool1, pool2) = (pool(32, 28), pool(64, 14));
    let (fc1, fc2) = (linear(batch, 3136, 128), linear(batch, 128, 10));
    let a1 = relu(&conv1.forward(x, &params["conv1.weight"], Some(&params["conv1.bias"])));
    let p1 = pool1.forward(&a1);
    let a2 = relu(&conv2.forward(&p1.y, &params["conv2.weight"], Some(&params["conv2.bias"])));
    let p2 = pool2.forward(&a2);
    let h = fc1.forward(
        &p2.y,
        &params["fc1.weight"],
        Some(&params["fc1.bias"]),
        true,
    );
    let logits = fc2.forward(&h, &params["fc2.weight"], Some(&params["fc2.bias"]), false);
    let loss = cross_entropy(&logits, labels, 10, batch, 0.0);
    let (dh, dw_fc2) = fc2.backward(&h, &params["fc2.weight"], &loss.dlogits);
    let dh = relu_backward(&h, &dh);
    let (dp2, dw_fc1) = fc1.backward(&p2.y, &params["fc1.weight"], &dh);
    let da2 = relu_backward(&a2, &pool2.backward(&dp2, &p2.index));
    let dp1 = conv2.grad_input(&da2, &params["conv2.weight"]);
    let da1 = relu_backward(&a1, &pool1.backward(&dp1, &p1.index));
    let grads = [
        ("conv1.weight", conv1.grad_weight(x, &da1)),
        ("conv1.bias", conv1.grad_bias(&da1)),
        ("conv2.weight", conv2.grad_weight(&p1.y, &da2)),
        ("conv2.bias", conv2.grad_bias(&da2)),
        ("fc1.weight", dw_fc1),
        ("fc1.bias", column_sums(&dh, batch, 128)),
        ("fc2.weight", dw_fc2),
        ("fc2.bias", column_sums(&loss.dlogits, batch, 10)),
    ];
    (loss.mean, grads.into())
}

const CNN: [&str; 8] = [
    "conv1.weight",
    "conv1.bias",
    "conv2.weight",
    "conv2.bias",
    "fc1.weight",
    "fc1.bias",
    "fc2.weight",
    "fc2.bias",
];

#[test]
fn cnn_trains_as_in_pytorch() {
    let sgd = Sgd {
        lr: 0.003,
        momentum: 0.9,
        weight_decay: 1e-3,
        nesterov: true,
    };
    train("parity2_cnn.safetensors", &CNN, 16, 3, sgd, cnn);
}

#[test]
fn cnn_starts_as_in_pytorch() {
    let sgd = Sgd {
        lr: 0.003,
        momentum: 0.9,
        weight_decay: 0.0,
        nesterov: false,
    };
    train("parity_cnn.safetensors", &CNN, 64, 1, sgd, cnn);
}

#[test]
fn resnet8_starts_as_in_pytorch() {
    let Some((images, labels)) = samples(64) else {
        return;
    };
    let fixture = Fixture::read("parity_resnet8.safetensors");
    let init = |name: String| fixture.get(&format!("init.{name}"));
    // A convolution named `conv` and the batch norm `bn` after it, on square images of `size`.
    let normed = |x: &[f64],
                  conv: String,
                  bn: String,
                  channels,
                  size,
                  out_channels,
                  kernel: usize,
                  stride| {
        let conv_shape = Conv {
            batch: 64,
            channels,
            height: size,
            width: size,
            out_channels,
            kernel: [kernel; 2],
            stride: [stride; 2],
            padding: [kernel / 2; 2],
            dilation: [1; 2],
            groups: 1,
        };
        let y = conv_shape.forward(x, init(format!("{conv}.weight")), None);
        let norm = BatchNorm::new(
            64,
            out_channels,
            conv_shape.out_height() * conv_shape.out_width(),
        );
        let part = |name: &str| init(format!("{bn}.{name}"));
        norm.training(
            &y,
            part("weight"),
            part("bias"),
            part("running_mean"),
            part("running_var"),
        )
        .y
    };
    let mut x = relu(&normed(
        &images,
        "conv1".into(),
        "bn1".into(),
        1,
        28,
        16,
        3,
        1,
    ));
    let (mut channels, mut size) = (16, 28);
    for (layer, out_channels, stride) in [("layer1", 16, 1), ("layer2", 32, 2), ("layer3", 64, 2)] {
        let out_size = size / stride;
        let name = |part: &str| format!("{layer}.{part}");
        let h = relu(&normed(
            &x,
            name("conv1"),
            name("bn1"),
            channels,
            size,
            out_channels,
            3,
            stride,
        ));
        let h = normed(
            &h,
            name("conv2"),
            name("bn2"),
            out_channels,
            out_size,
            out_channels,
            3,
            1,
        );
        if stride != 1 {
            x = normed(
                &x,
                name("downsample.0"),
                name("downsample.1"),
                channels,
                size,
                out_channels,
                1,
                stride,
            );
        }
        x = relu(&add(&h, &x));
        (channels, size) = (out_channels, out_size);
    }
    let pooled = mean_pool(&x, 64 * channels, size * size);
    let (weight, bias) = (init("fc.weight".into()), init("fc.bias".into()));
    let logits = linear(64, 64, 10).forward(&pooled, weight, Some(bias), false);
    same_loss(
        "resnet8",
        cross_entropy(&logits, &labels, 10, 64, 0.0).mean,
        fixture.get("loss.f64")[0],
    );
}
