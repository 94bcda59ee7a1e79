//! Programs: reproducible bits, exact counts of samples, and clear errors for networks that do not fit.
#![cfg(feature = "gpu")]

mod accumulation;
mod arenas;
mod evaluation;
mod freeze;
mod groups;
mod layers;
mod learning;
mod limits;
mod losses;
mod one_dimension;
mod poison;
mod precision;
mod profile;
mod same_bits;
mod shards;
mod snapshot;
mod stream;
mod two_heads;
mod winograd;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use wattgrad::internals::data::Dataset;
use wattgrad::internals::device::{AdapterKind, Gpu, GpuOptions};
use wattgrad::internals::kernels::{Shape, Tuning};
use wattgrad::internals::model::weights::Weights;
use wattgrad::internals::model::{Network, init, presets};
use wattgrad::internals::optim::Sgd;
use wattgrad::internals::program::{Program, ProgramOptions, StepResult};

fn gpu() -> Gpu {
    let gpu = Gpu::open(&GpuOptions::default()).unwrap();
    assert!(!gpu.is_noop(), "the noop backend computes no results");
    gpu
}

fn options(gpu: &Gpu) -> ProgramOptions {
    ProgramOptions {
        seed: 3,
        ..ProgramOptions::new(
            64,
            256,
            Arc::new(Sgd::new(0.05, 0.9, 0.0, false).unwrap()),
            Tuning::for_device(gpu.texel_lanes(), gpu.adapter.kind == AdapterKind::Cpu),
        )
    }
}

fn train(
    gpu: &Gpu,
    network: &Network,
    data: &Dataset,
    options: &ProgramOptions,
    steps: u32,
) -> (Vec<StepResult>, Weights) {
    let mut program = Program::new(gpu, network, data, options).unwrap();
    program
        .load(&init::initial(network.parameters(), 5).unwrap())
        .unwrap();
    let mut results = vec![];
    let done = program
        .train(steps, &AtomicBool::new(false), &mut |r| results.push(r))
        .unwrap();
    assert_eq!(done, steps);
    (results, program.weights().unwrap())
}

fn mlp(data: &Dataset) -> Network {
    let shape = &data.train.inputs[0].spec.shape;
    let shape = Shape {
        channels: 1,
        height: shape[1] as u32,
        width: shape[2] as u32,
    };
    presets::by_name("mlp", shape, data.classes() as u32).unwrap()
}

/// Bits of the losses, of the gradients' norms and of every weight.
fn bits(run: &(Vec<StepResult>, Weights)) -> Vec<u32> {
    let losses = run
        .0
        .iter()
        .flat_map(|r| [r.loss.to_bits(), r.gradient_norm.to_bits()]);
    let weights = run
        .1
        .iter()
        .filter_map(|(name, _)| run.1.floats(name))
        .flatten()
        .map(|v| v.to_bits());
    losses.chain(weights).collect()
}

/// Pseudo-random numbers in [-1, 1).
fn noise(i: u32) -> f32 {
    let mut x = i.wrapping_add(1).wrapping_mul(0x9e37_79b9);
    x = (x ^ (x >> 16)).wrapping_mul(0x7feb_352d);
    x = (x ^ (x >> 15)).wrapping_mul(0x846c_a68b);
    ((x ^ (x >> 16)) >> 8) as f32 / 8_388_608.0 - 1.0
}
