//! Frozen parameters: they keep their bits, cost no gradient, and a frozen batch norm keeps its statistics.

use std::sync::atomic::AtomicBool;

use super::{gpu, noise, options, train};
use wattgrad::internals::data::{Arrays, Dataset, InputValues};
use wattgrad::internals::device::Gpu;
use wattgrad::internals::kernels::Shape;
use wattgrad::internals::model::layers::Conv2d;
use wattgrad::internals::model::weights::Weights;
use wattgrad::internals::model::{Metric, Network, init, presets};
use wattgrad::internals::program::{Order, Program, ProgramOptions};

#[test]
fn frozen_layers_keep_their_bits_and_what_lies_below_them_costs_no_gradient() {
    let gpu = gpu();
    let data = Dataset::open("digits").unwrap();
    let mut network = presets::by_name("resnet8", Shape::from([1, 8, 8]), 10).unwrap();
    for pattern in ["conv1", "bn1", "layer1.*", "layer2.bn2"] {
        assert!(network.freeze(pattern) > 0);
    }
    let start = init::initial(network.parameters(), 5).unwrap();
    let (_, end) = train(&gpu, &network, &data, &options(&gpu), 6);
    let frozen = |name: &str| {
        ["conv1.", "bn1.", "layer1.", "layer2.bn2."]
            .iter()
            .any(|part| name.starts_with(part))
    };
    for (name, param) in end.iter() {
        let same = start.get(name) == Some(param);
        assert_eq!(same, frozen(name), "{name}");
    }
    let program = Program::new(&gpu, &network, &data, &options(&gpu)).unwrap();
    let summary = program.summary();
    let dispatches = summary.lists[0].dispatches.iter();
    let labels: Vec<&str> = dispatches
        .map(|dispatch| dispatch.label.as_str())
        .skip_while(|label| !label.contains("entropy"))
        .collect();
    assert!(
        labels
            .iter()
            .any(|label| label.starts_with("layer2.conv1 "))
    );
    // The lowest trained layers have a gradient of their weights and none of their input.
    let below = |label: &&&str| frozen(label) && !label.starts_with("layer2.bn2");
    assert_eq!(labels.iter().find(below), None);

    let whole = network.unfrozen();
    assert!(whole.parameters().iter().all(|spec| !spec.frozen));
    let (_, end) = train(&gpu, &whole, &data, &options(&gpu), 2);
    assert!(
        end.iter()
            .all(|(name, param)| start.get(name) != Some(param))
    );
}

/// The loss over all samples at some weights, whose evaluation uses the running statistics.
fn loss(program: &mut Program<'_>, weights: &Weights) -> f64 {
    program.load(weights).unwrap();
    program.evaluate().unwrap().first(Metric::Loss)
}

/// The gradients through a frozen batch norm, against differences of evaluated losses: with frozen statistics training and
/// evaluation compute the same function.
#[test]
fn gradients_through_a_frozen_batch_norm_are_those_of_evaluation() {
    let gpu: Gpu = gpu();
    let samples = 32;
    let values: Vec<f32> = (0..samples * 50).map(noise).collect();
    let labels: Vec<u32> = (0..samples).map(|at| at % 3).collect();
    let arrays = || Arrays {
        inputs: InputValues::F32(&values),
        labels: &labels,
    };
    let data = Dataset::from_arrays("noise", 3, &[2, 5, 5], arrays(), arrays()).unwrap();
    let mut network = Network::new();
    let x = network.input([2, 5, 5]);
    let conv = |out| Conv2d::square(out, 3, 1, 1);
    let a = network.conv2d("conv1", x, conv(6)).unwrap();
    let a = network.batch_norm("bn1", a).unwrap();
    let b = network.conv2d("conv2", a, conv(6)).unwrap();
    let b = network.batch_norm("bn2", b).unwrap();
    let sum = network.add(b, a).unwrap();
    let logits = network.linear("fc", sum, 3).unwrap();
    network.cross_entropy("label", logits, 0, 1.0);
    assert_eq!(network.freeze("bn*"), 8);

    let mut weights = init::initial(network.parameters(), 5).unwrap();
    for (at, bn) in ["bn1", "bn2"].into_iter().enumerate() {
        for (part, name) in ["weight", "bias", "running_mean", "running_var"]
            .into_iter()
            .enumerate()
        {
            let value = |i: u32| noise(1000 * at as u32 + 100 * part as u32 + i);
            let values = (0..6).map(|i| match name {
                "bias" | "running_mean" => value(i),
                _ => 1.3 + value(i),
            });
            weights
                .insert(format!("{bn}.{name}"), vec![6], values.collect())
                .unwrap();
        }
    }
    let with = ProgramOptions {
        batch_size: samples,
        eval_batch_size: samples,
        order: Order::Sequential,
        ..options(&gpu)
    };
    let mut program = Program::new(&gpu, &network, &data, &with).unwrap();
    program.load(&weights).unwrap();
    let mut first = 0.0;
    program
        .train(1, &AtomicBool::new(false), &mut |result| {
            first = f64::from(result.loss)
        })
        .unwrap();
    let gradients = |name: &str| program.gradient(name).unwrap().unwrap();
    let all = ["conv1.weight", "conv2.weight", "conv1.bias"].map(|name| (name, gradients(name)));
    let evaluated = loss(&mut program, &weights);
    assert!(
        (first - evaluated).abs() < 1e-5 * evaluated,
        "{first} {evaluated}"
    );
    const STEP: f32 = 0.02;
    for (name, gradient) in all {
        let largest = gradient.iter().fold(0.0f32, |most, g| most.max(g.abs()));
        for at in [0, 2, gradient.len() / 2, gradient.len() - 1] {
            let mut ends = [STEP, -STEP].map(|step| {
                let mut moved = weights.clone();
                let mut values = weights.floats(name).unwrap().to_vec();
                values[at] += step;
                let shape = weights.get(name).unwrap().shape.clone();
                moved.insert(name, shape, values).unwrap();
                moved
            });
            let [more, less] = ends.each_mut().map(|weights| loss(&mut program, weights));
            let expected = (more - less) / f64::from(2.0 * STEP);
            let off = (expected - f64::from(gradient[at])).abs();
            assert!(
                off < 0.01 * f64::from(largest),
                "{name}[{at}]: {} and not {expected}, of {largest}",
                gradient[at]
            );
        }
    }
}
