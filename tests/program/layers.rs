//! A network of the layers that no preset has: loss and gradients in the middle of the graph match f64.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::{gpu, noise, options};
use wattgrad::internals::data::{Arrays, Dataset, InputValues, mix};
use wattgrad::internals::kernels::oracle::elementwise::relu;
use wattgrad::internals::kernels::oracle::{
    Activation, AveragePool, Conv, Form, Gemm, MaxPool, cross_entropy, layer_norm, widen,
};
use wattgrad::internals::model::layers::{AvgPool2d, Conv2d};
use wattgrad::internals::model::weights::Weights;
use wattgrad::internals::model::{Metric, Network, init};
use wattgrad::internals::optim::Sgd;
use wattgrad::internals::program::{Order, Program, ProgramOptions};

const SAMPLES: usize = 6;
const SIZE: usize = 5;
const CLASSES: usize = 3;
const SEED: u32 = 77;
const RATE: f32 = 0.25;

fn network() -> Network {
    let mut net = Network::new();
    let x = net.input([2, SIZE as u32, SIZE as u32]);
    let dilated = Conv2d {
        dilation: [2, 1],
        padding: [2, 1],
        ..Conv2d::square(4, 3, 1, 1)
    };
    let x = net.conv2d("dilated", x, dilated).unwrap();
    let x = net.relu(x).unwrap();
    let grouped = Conv2d {
        groups: 2,
        ..Conv2d::square(6, 3, 1, 1)
    };
    let x = net.conv2d("grouped", x, grouped).unwrap();
    let gelu = net.gelu(x).unwrap();
    let depthwise = Conv2d {
        groups: 6,
        ..Conv2d::square(6, 3, 1, 1)
    };
    let x = net.conv2d("depthwise", gelu, depthwise).unwrap();
    let x = net.silu(x).unwrap();
    let x = net.add(x, gelu).unwrap();
    let x = net.avg_pool(x, AvgPool2d::square(2, 2, 1)).unwrap();
    let x = net.layer_norm("planes", x, 2).unwrap();
    let x = net.dropout("drop", x, RATE).unwrap();
    let x = net.linear("wide", x, 5).unwrap();
    let x = net.layer_norm("features", x, 1).unwrap();
    let x = net.tanh(x).unwrap();
    let logits = net.linear("fc", x, CLASSES as u32).unwrap();
    net.cross_entropy("label", logits, 0, 1.0);
    net
}

fn data() -> Dataset {
    let inputs: Vec<f32> = (0..(SAMPLES * 2 * SIZE * SIZE) as u32).map(noise).collect();
    let labels: Vec<u32> = (0..SAMPLES as u32).map(|i| i % CLASSES as u32).collect();
    let arrays = || Arrays {
        inputs: InputValues::F32(&inputs),
        labels: &labels,
    };
    let shape = [2, SIZE, SIZE];
    Dataset::from_arrays("noise", CLASSES, &shape, arrays(), arrays()).unwrap()
}

/// Whether dropout passes the element of a padded layout, by its definition.
fn passes(element: usize) -> bool {
    let name = "drop".bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    let batch = mix(mix(SEED).wrapping_add(name) ^ mix(1));
    let threshold = (f64::from(RATE) * 2f64.powi(32)) as u32;
    mix(batch.wrapping_add(mix(element as u32))) >= threshold
}

/// The loss in f64; `get` gives the parameters.
fn loss(data: &Dataset, training: bool, get: &dyn Fn(&str) -> Vec<f64>) -> f64 {
    let normal = &data.normalisation[0];
    let channel = |at: usize| at / (SIZE * SIZE) % normal.mean.len();
    let x: Vec<f64> = data.train.inputs[0]
        .values()
        .enumerate()
        .map(|(i, v)| (v - normal.mean[channel(i)]) / normal.std[channel(i)])
        .collect();
    let conv = |channels, out_channels, groups, dilation, padding| Conv {
        batch: SAMPLES,
        channels,
        height: SIZE,
        width: SIZE,
        out_channels,
        kernel: [3, 3],
        stride: [1, 1],
        padding,
        dilation,
        groups,
    };
    let run = |conv: Conv, x: &[f64], name: &str| {
        let (w, b) = (get(&format!("{name}.weight")), get(&format!("{name}.bias")));
        conv.forward(x, &w, Some(&b))
    };
    let each = |of: Activation, x: &[f64]| x.iter().map(|&x| of.value(x)).collect::<Vec<_>>();
    let norm = |x: &[f64], name: &str| {
        layer_norm(
            x,
            &get(&format!("{name}.weight")),
            &get(&format!("{name}.bias")),
        )
    };
    let linear = |x: &[f64], name: &str, n, k| {
        let gemm = Gemm {
            form: Form::Nt,
            m: SAMPLES,
            n,
            k,
        };
        let (w, b) = (get(&format!("{name}.weight")), get(&format!("{name}.bias")));
        gemm.forward(x, &w, Some(&b), false)
    };
    let x = relu(&run(conv(2, 4, 1, [2, 1], [2, 1]), &x, "dilated"));
    let gelu = each(
        Activation::Gelu,
        &run(conv(4, 6, 2, [1, 1], [1, 1]), &x, "grouped"),
    );
    let x = run(conv(6, 6, 6, [1, 1], [1, 1]), &gelu, "depthwise");
    let x = each(Activation::Silu, &x);
    let x: Vec<f64> = x.iter().zip(&gelu).map(|(a, b)| a + b).collect();
    let pool = AveragePool {
        windows: MaxPool {
            batch: SAMPLES,
            channels: 6,
            height: SIZE,
            width: SIZE,
            kernel: [2, 2],
            stride: [2, 2],
            padding: [1, 1],
        },
        count_include_pad: true,
    };
    // Planes of 3 x 3, whose rows take a quad each on the device.
    let mut x = norm(&pool.forward(&x), "planes");
    for (i, value) in x.iter_mut().enumerate().filter(|_| training) {
        *value *= f64::from(u8::from(passes(i / 3 * 4 + i % 3))) / (1.0 - f64::from(RATE));
    }
    let x = norm(&linear(&x, "wide", 5, 54), "features");
    let logits = linear(&each(Activation::Tanh, &x), "fc", CLASSES, 5);
    let labels: Vec<usize> = data.train.targets[0].values().map(|v| v as usize).collect();
    cross_entropy(&logits, &labels, CLASSES, SAMPLES, 0.0).mean
}

#[test]
fn loss_and_gradients_match_f64() {
    let gpu = gpu();
    let (data, network) = (data(), network());
    let with = ProgramOptions {
        seed: SEED,
        batch_size: SAMPLES as u32,
        eval_batch_size: 4,
        order: Order::Sequential,
        update_rule: Arc::new(Sgd::new(0.0, 0.0, 0.0, false).unwrap()),
        ..options(&gpu)
    };
    let mut program = Program::new(&gpu, &network, &data, &with).unwrap();
    let weights = init::initial(network.parameters(), 21).unwrap();
    program.load(&weights).unwrap();
    let evaluated = program.evaluate().unwrap().first(Metric::Loss);
    let mut trained = 0.0;
    program
        .train(1, &AtomicBool::new(false), &mut |r| {
            trained = f64::from(r.loss)
        })
        .unwrap();
    let get = |weights: &Weights, name: &str| widen(weights.floats(name).unwrap());
    for (found, training) in [(trained, true), (evaluated, false)] {
        let expected = loss(&data, training, &|name| get(&weights, name));
        assert!(
            (found - expected).abs() < 2e-6,
            "{found}, in f64 {expected}"
        );
    }
    assert!(
        (trained - evaluated).abs() > 1e-3,
        "dropout changes the loss of a step"
    );
    for spec in network.parameters() {
        let got = program.gradient(&spec.name).unwrap().unwrap();
        let values = get(&weights, &spec.name);
        // Every third element keeps the test short.
        let mut most: f64 = 0.0;
        let mut off: f64 = 0.0;
        for at in (0..values.len()).step_by(3) {
            let moved = |by: f64| {
                let mut point = values.clone();
                point[at] += by;
                loss(&data, true, &|name| match name == spec.name {
                    true => point.clone(),
                    false => get(&weights, name),
                })
            };
            let step = 1e-4;
            let want = (moved(step) - moved(-step)) / (2.0 * step);
            most = most.max(want.abs());
            off = off.max((f64::from(got[at]) - want).abs());
        }
        assert!(most > 1e-4, "{} has a gradient", spec.name);
        assert!(
            off < 2e-5 * most.max(0.1),
            "{}: off by {off} of {most}",
            spec.name
        );
    }
}
