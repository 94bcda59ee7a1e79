//! A network whose parameters exceed a buffer uses several, with the same results.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::{bits, gpu, noise, options};
use wattgrad::internals::data::{Arrays, Dataset, InputValues};
use wattgrad::internals::device::{Gpu, GpuOptions};
use wattgrad::internals::kernels::{Role, Shape, Tuning};
use wattgrad::internals::model::{Network, init, presets};
use wattgrad::internals::optim::Sgd;
use wattgrad::internals::program::{Program, ProgramOptions};

/// The bits of a few steps: losses, norms, weights, a gradient, an evaluation. Also the number of buffers or images of each
/// role in `roles`, none of which is larger than `limit`.
fn run(
    gpu: &Gpu,
    network: &Network,
    data: &Dataset,
    with: &ProgramOptions,
    roles: &[Role],
    limit: u64,
) -> (Vec<u32>, Vec<usize>) {
    let mut program = Program::new(gpu, network, data, with).unwrap();
    let initial = init::initial(network.parameters(), 5).unwrap();
    program.load(&initial).unwrap();
    let loaded = program.weights().unwrap();
    for (name, _) in initial.iter() {
        assert_eq!(initial.floats(name), loaded.floats(name), "{name}");
    }
    let mut results = vec![];
    program
        .train(5, &AtomicBool::new(false), &mut |r| results.push(r))
        .unwrap();
    let mut all = bits(&(results, program.weights().unwrap()));
    for spec in network.parameters() {
        let gradient = program.gradient(&spec.name).unwrap();
        assert_eq!(gradient.is_some(), spec.trained(), "{}", spec.name);
        all.extend(gradient.into_iter().flatten().map(f32::to_bits));
    }
    let found = program.evaluate().unwrap();
    for value in found.metrics {
        all.push((value.value as f32).to_bits());
    }
    let summary = program.summary();
    let slots = roles.iter().map(|role| {
        let memory = summary.memory.iter().find(|m| m.role == *role).unwrap();
        // Whole arenas are among the operands of the update.
        for operand in summary
            .lists
            .iter()
            .flat_map(|l| &l.dispatches)
            .filter(|d| d.shader == "optim/update")
            .flat_map(|d| &d.operands)
        {
            assert!(operand.bytes <= limit, "{}: {}", operand.tensor, limit);
        }
        memory.slots
    });
    (all, slots.collect())
}

fn largest(network: &Network) -> u64 {
    let bytes = |p: &wattgrad::internals::model::ParameterSpec| p.layout.bytes();
    network.parameters().iter().map(bytes).max().unwrap()
}

const UPDATED: [Role; 3] = [Role::Parameter, Role::Gradient, Role::OptimizerState];

#[test]
fn parameters_in_several_buffers_or_images_give_the_same_bits() {
    let gpu = gpu();
    let data = Dataset::open("digits").unwrap();
    let mut ways = vec![Tuning::gpu()];
    ways.extend(gpu.texel_lanes().map(Tuning::texel));
    for tuning in ways {
        for name in ["mlp", "cnn", "resnet8"] {
            let input = Shape {
                channels: 1,
                height: 8,
                width: 8,
            };
            let mut network = presets::by_name(name, input, 10).unwrap();
            if name == "cnn" {
                network.freeze("conv1");
            }
            let whole = ProgramOptions {
                tuning: tuning.clone(),
                update_rule: Arc::new(Sgd::new(0.05, 0.9, 1e-3, true).unwrap()),
                ..options(&gpu)
            };
            let (want, one) = run(&gpu, &network, &data, &whole, &UPDATED, u64::MAX);
            assert_eq!(one, [1; 3], "{name}");
            // Not a multiple of any alignment, and the smallest possible limit.
            for limit in [largest(&network) + 24, largest(&network)] {
                let divided = ProgramOptions {
                    arena_limit: Some(limit),
                    ..whole.clone()
                };
                let (found, several) = run(&gpu, &network, &data, &divided, &UPDATED, limit);
                assert!(several.iter().all(|n| *n > 1), "{name}: {several:?}");
                assert!(found == want, "{name} in {several:?} with {}", tuning.name);
            }
        }
    }
}

#[test]
fn a_device_with_a_small_binding_limit_uses_several_arenas() {
    let data = Dataset::open("digits").unwrap();
    let network = super::mlp(&data);
    let limit = largest(&network);
    let narrow = GpuOptions {
        storage_binding_limit: Some(limit),
        ..GpuOptions::default()
    };
    // The partial sums of a split product would not fit either.
    let mut tuning = Tuning::gpu();
    tuning.gemm.iter_mut().for_each(|rule| rule.max_split = 1);
    let found = [GpuOptions::default(), narrow].map(|open| {
        let gpu = Gpu::open(&open).unwrap();
        let with = ProgramOptions {
            tuning: tuning.clone(),
            ..options(&gpu)
        };
        let limit = gpu.most_bytes(None);
        run(&gpu, &network, &data, &with, &UPDATED, limit)
    });
    assert_eq!(found[0].1, [1; 3]);
    assert!(found[1].1.iter().all(|n| *n > 1), "{:?}", found[1].1);
    assert!(found[0].0 == found[1].0);
}

#[test]
fn running_statistics_in_several_buffers_give_the_same_bits() {
    let gpu = gpu();
    let inputs: Vec<f32> = (0..80 * 64).map(noise).collect();
    let labels: Vec<u32> = (0..80).map(|i| i % 3).collect();
    let arrays = || Arrays {
        inputs: InputValues::F32(&inputs),
        labels: &labels,
    };
    let data = Dataset::from_arrays("norms", 64, &[64, 1, 1], arrays(), arrays()).unwrap();
    let mut network = Network::new();
    let x = network.input([64, 1, 1]);
    let h = network.batch_norm("first", x).unwrap();
    let h = network.batch_norm("second", h).unwrap();
    let logits = network.batch_norm("third", h).unwrap();
    network.cross_entropy("label", logits, 0, 1.0);
    let mut ways = vec![Tuning::gpu()];
    ways.extend(gpu.texel_lanes().map(Tuning::texel));
    for tuning in ways {
        let whole = ProgramOptions {
            tuning,
            batch_size: 16,
            ..options(&gpu)
        };
        let roles = [Role::Parameter, Role::Statistic];
        let (want, one) = run(&gpu, &network, &data, &whole, &roles, u64::MAX);
        assert_eq!(one, [1, 1]);
        let divided = ProgramOptions {
            arena_limit: Some(largest(&network)),
            ..whole
        };
        let (found, several) = run(&gpu, &network, &data, &divided, &roles, largest(&network));
        assert!(several.iter().all(|n| *n > 1), "{several:?}");
        assert!(found == want);
    }
}
