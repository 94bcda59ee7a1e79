//! A network over sequences of several channels: samples of shape [channels, length].

use std::sync::atomic::AtomicBool;

use super::{gpu, noise, options};
use wattgrad::internals::data::{Arrays, Dataset, InputValues};
use wattgrad::internals::kernels::oracle::{self, Form, Gemm, cross_entropy, widen};
use wattgrad::internals::model::layers::{Conv2d, MaxPool2d};
use wattgrad::internals::model::weights::Weights;
use wattgrad::internals::model::{Network, init};
use wattgrad::internals::program::{Order, Program, ProgramOptions};

const SAMPLES: usize = 12;
const CHANNELS: usize = 3;
const LENGTH: usize = 21;
const CLASSES: usize = 4;

/// The loss of the first step matches the f64 oracle, with kernels, strides and padding along the length only and
/// normalisation per channel.
#[test]
fn one_dimensional_networks_match_the_oracle() {
    let gpu = gpu();
    let data = sequences();
    let network = network().unwrap();
    let with = ProgramOptions {
        batch_size: SAMPLES as u32,
        eval_batch_size: SAMPLES as u32,
        order: Order::Sequential,
        ..options(&gpu)
    };
    let mut program = Program::new(&gpu, &network, &data, &with).unwrap();
    let weights = init::initial(network.parameters(), 5).unwrap();
    program.load(&weights).unwrap();
    let mut loss = 0.0;
    program
        .train(1, &AtomicBool::new(false), &mut |step| {
            loss = f64::from(step.loss)
        })
        .unwrap();
    let expected = loss_in_f64(&data, &weights);
    assert!(
        (loss - expected).abs() < 1e-5 * expected,
        "loss {loss}, in f64 {expected}"
    );
}

#[test]
fn rejects_a_network_whose_channels_differ_from_the_normalisation() {
    let gpu = gpu();
    let mut network = Network::new();
    let x = network.input([1, (CHANNELS * LENGTH) as u32]);
    let logits = network.linear("fc", x, CLASSES as u32).unwrap();
    network.cross_entropy("label", logits, 0, 1.0);
    let with = ProgramOptions {
        batch_size: 4,
        ..options(&gpu)
    };
    let error = Program::new(&gpu, &network, &sequences(), &with).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("normalized over 3 channels, but the network reads 1"),
        "{text}"
    );
}

fn network() -> Result<Network, wattgrad::internals::model::ModelError> {
    let mut network = Network::new();
    let x = network.input([CHANNELS as u32, LENGTH as u32]);
    let conv = Conv2d {
        out: 5,
        kernel: [1, 5],
        stride: [1, 2],
        padding: [0, 2],
        bias: true,
        dilation: [1; 2],
        groups: 1,
        one_dimensional: false,
    };
    let x = network.conv2d("conv", x, conv)?;
    let x = network.relu(x)?;
    let pool = MaxPool2d {
        kernel: [1, 3],
        stride: [1, 2],
        padding: [0, 1],
    };
    let x = network.max_pool(x, pool)?;
    let x = network.mean_pool(x)?;
    let logits = network.linear("fc", x, CLASSES as u32)?;
    network.cross_entropy("label", logits, 0, 1.0);
    Ok(network)
}

fn sequences() -> Dataset {
    let value = |at: usize| {
        let channel = at / LENGTH % CHANNELS;
        (1 + channel) as f32 * noise(at as u32) + channel as f32
    };
    let inputs: Vec<f32> = (0..SAMPLES * CHANNELS * LENGTH).map(value).collect();
    let labels: Vec<u32> = (0..SAMPLES as u32).map(|i| i % CLASSES as u32).collect();
    let arrays = || Arrays {
        inputs: InputValues::F32(&inputs),
        labels: &labels,
    };
    Dataset::from_arrays(
        "sequences",
        CLASSES,
        &[CHANNELS, LENGTH],
        arrays(),
        arrays(),
    )
    .unwrap()
}

fn loss_in_f64(data: &Dataset, weights: &Weights) -> f64 {
    let get = |name: &str| widen(weights.floats(name).unwrap());
    let values: Vec<f32> = data.train.inputs[0].values().map(|v| v as f32).collect();
    let all: Vec<usize> = (0..SAMPLES).collect();
    let x = oracle::gather(&values, CHANNELS * LENGTH, &all, &data.normalisation[0]);
    let conv = oracle::Conv {
        batch: SAMPLES,
        channels: CHANNELS,
        height: 1,
        width: LENGTH,
        out_channels: 5,
        kernel: [1, 5],
        stride: [1, 2],
        padding: [0, 2],
        dilation: [1; 2],
        groups: 1,
    };
    let x = conv.forward(&x, &get("conv.weight"), Some(&get("conv.bias")));
    let x = oracle::elementwise::relu(&x);
    let pool = oracle::MaxPool {
        batch: SAMPLES,
        channels: 5,
        height: 1,
        width: 11,
        kernel: [1, 3],
        stride: [1, 2],
        padding: [0, 1],
    };
    let x = pool.forward(&x).y;
    let x = oracle::mean_pool(&x, SAMPLES * 5, 6);
    let fc = Gemm {
        form: Form::Nt,
        m: SAMPLES,
        n: CLASSES,
        k: 5,
    };
    let logits = fc.forward(&x, &get("fc.weight"), Some(&get("fc.bias")), false);
    let labels = data.train.targets[0].values().map(|v| v as usize);
    let labels: Vec<usize> = labels.collect();
    cross_entropy(&logits, &labels, CLASSES, SAMPLES, 0.0).mean
}
