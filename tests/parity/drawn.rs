//! The larger presets against PyTorch, from weights and samples that both sides draw from the same generator:
//! `scripts/fixtures/presets.py`. `resnet18` is torchvision's.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::fixtures::Fixture;
use super::native;
use wattgrad::internals::conformance::drawn::{samples, unit, weights};
use wattgrad::internals::data::Dataset;
use wattgrad::internals::device::{Gpu, GpuOptions};
use wattgrad::internals::kernels::Shape;
use wattgrad::internals::model::{Metric, Network, presets};
use wattgrad::internals::optim::Sgd;
use wattgrad::internals::program::{Order, Program, ProgramOptions};

/// Smallest relative bound: a single flipped ReLU or pool maximum is not an error.
const FLOOR: f64 = 1e-4;

fn program<'g>(
    gpu: &'g Gpu,
    network: &Network,
    data: &Dataset,
    batch: u32,
    lr: f64,
) -> Program<'g> {
    let momentum = if lr == 0.0 { 0.0 } else { 0.9 };
    let options = ProgramOptions {
        order: Order::Sequential,
        ..ProgramOptions::new(
            batch,
            batch,
            Arc::new(Sgd::new(lr, momentum, 0.0, false).unwrap()),
            native(gpu),
        )
    };
    let mut program = Program::new(gpu, network, data, &options).unwrap();
    program.load(&weights(network).unwrap()).unwrap();
    program
}

fn open() -> Gpu {
    let gpu = Gpu::open(&GpuOptions::default()).unwrap();
    assert!(!gpu.is_noop(), "the noop backend computes no results");
    gpu
}

fn losses(program: &mut Program<'_>, steps: u32) -> Vec<f64> {
    let mut losses = vec![];
    program
        .train(steps, &AtomicBool::new(false), &mut |r| {
            losses.push(f64::from(r.loss))
        })
        .unwrap();
    losses
}

/// Both forward passes and every gradient of torchvision's network with the stem of ImageNet.
#[test]
fn resnet18_is_torchvisions() {
    let gpu = open();
    let fixture = Fixture::read("presets.safetensors");
    let network = presets::by_name("resnet18", Shape::from([3, 64, 64]), 10).unwrap();
    let data = samples(2, &[3, 64, 64], 10).unwrap();
    let mut program = program(&gpu, &network, &data, 2, 0.0);
    let evaluated = program.evaluate().unwrap().first(Metric::Loss);
    let want = fixture.get("resnet18.eval")[0];
    assert!(
        (evaluated - want).abs() < FLOOR * want,
        "{evaluated}, PyTorch's {want}"
    );
    let loss = losses(&mut program, 1)[0];
    let [want, distance] = fixture.get("resnet18.loss") else {
        panic!("two numbers")
    };
    let bound = (10.0 * distance).max(FLOOR * want);
    assert!(
        (loss - want).abs() <= bound,
        "loss {loss}, PyTorch's {want}"
    );
    for spec in network.parameters().iter().filter(|p| p.kind.trained()) {
        let name = &spec.name;
        let [norm, dot, distance] = fixture.get(&format!("resnet18.gradient.{name}")) else {
            panic!("three numbers")
        };
        let got = program.gradient(name).unwrap().unwrap();
        let found = |by: &mut dyn Iterator<Item = f64>| -> f64 {
            got.iter().zip(by).map(|(g, by)| f64::from(*g) * by).sum()
        };
        let squares = found(&mut got.iter().map(|g| f64::from(*g)));
        let probe = format!("{name}.probe");
        let probe = &mut unit(&probe, got.len()).map(|u| 2.0 * u - 1.0);
        let bound = (10.0 * distance).max(FLOOR * norm);
        for (got, want) in [(squares.sqrt(), norm), (found(probe), dot)] {
            let off = (got - want).abs();
            assert!(
                off <= bound,
                "{name}: {got}, PyTorch's {want}: off by {off} > {bound}"
            );
        }
    }
}

fn follows(name: &str, shape: &[usize], classes: usize, lr: f64) {
    let gpu = open();
    let fixture = Fixture::read("presets.safetensors");
    let sizes: Vec<u32> = shape.iter().map(|n| *n as u32).collect();
    let input = match sizes[..] {
        [channels, length] => Shape::from([channels, length]),
        [channels, height, width] => Shape::from([channels, height, width]),
        _ => panic!("{shape:?}"),
    };
    let network = presets::by_name(name, input, classes as u32).unwrap();
    let data = samples(800, shape, classes).unwrap();
    let mut program = program(&gpu, &network, &data, 8, lr);
    let losses = losses(&mut program, 100);
    let double = fixture.get(&format!("{name}.f64"));
    let mut distance: f64 = 0.0;
    for (step, loss) in losses.iter().enumerate() {
        for run in fixture
            .get(&format!("{name}.f32"))
            .chunks_exact(double.len())
        {
            distance = distance.max((run[step] - double[step]).abs());
        }
        let bound = (10.0 * distance).max(FLOOR * double[step]);
        let off = (loss - double[step]).abs();
        assert!(
            off <= bound,
            "{name} step {}: loss {loss}, PyTorch's {}, off by {off:e} > {bound:e}",
            step + 1,
            double[step]
        );
    }
}

#[test]
fn resnet20_follows_pytorch() {
    follows("resnet20", &[3, 16, 16], 10, 0.0001);
}

#[test]
fn har_cnn_follows_pytorch() {
    follows("har-cnn", &[6, 32], 5, 0.01);
}
