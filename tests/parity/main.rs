//! From the same weights and batches, losses differ from PyTorch's f64 run by at most ten times what PyTorch's f32 run does.
//! `tests/fixtures` holds both runs; `scripts/fixtures/parity.py` writes them.
#![cfg(feature = "gpu")]

mod drawn;
#[path = "../fixtures/mod.rs"]
mod fixtures;
mod half;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use fixtures::Fixture;
use wattgrad::internals::data::Dataset;
use wattgrad::internals::device::{AdapterKind, Gpu, GpuOptions};
use wattgrad::internals::kernels::{Shape, Tuning};
use wattgrad::internals::model::weights::Weights;
use wattgrad::internals::model::{Network, presets};
use wattgrad::internals::optim::{ParameterGroup, ScheduleOptions, Sgd, Steps, UpdateRule};
use wattgrad::internals::program::{Order, Program, ProgramOptions};
use wattgrad::internals::train::Regime;

/// Smallest relative bound: a single flipped ReLU or pool maximum is not an error.
const FLOOR: f64 = 1e-4;

struct Case {
    file: &'static str,
    model: &'static str,
    batch: u32,
    steps: u32,
    sgd: Sgd,
    /// Whether the fixture holds the final weights.
    finals: bool,
}

fn network(model: &str) -> Network {
    let shape = Shape {
        channels: 1,
        height: 28,
        width: 28,
    };
    presets::by_name(model, shape, 10).unwrap()
}

/// The initial weights of a fixture.
fn weights(fixture: &Fixture, network: &Network) -> Weights {
    let mut weights = Weights::default();
    for spec in network.parameters() {
        let values = fixture.get(&format!("init.{}", spec.name)).iter();
        let values = values.map(|v| *v as f32).collect();
        weights
            .insert(spec.name.clone(), spec.shape.clone(), values)
            .unwrap();
        if let Some(layer) = spec.name.strip_suffix("running_var") {
            weights.insert_count(format!("{layer}num_batches_tracked"), 0);
        }
    }
    weights
}

fn losses(program: &mut Program<'_>, steps: u32) -> Vec<f64> {
    let mut losses = vec![];
    program
        .train(steps, &AtomicBool::new(false), &mut |r| {
            losses.push(f64::from(r.loss))
        })
        .unwrap();
    assert_eq!(losses.len(), steps as usize);
    losses
}

/// The bound of a step is ten times the distance of PyTorch's runs so far.
fn compare(name: &str, losses: &[f64], single: &[f64], double: &[f64]) {
    let mut distance: f64 = 0.0;
    for (step, loss) in losses.iter().enumerate() {
        // The f32 runs differ only in the order of their sums.
        for run in single.chunks_exact(double.len()) {
            distance = distance.max((run[step] - double[step]).abs());
        }
        let bound = (10.0 * distance).max(FLOOR * double[step].abs());
        let off = (loss - double[step]).abs();
        assert!(
            off <= bound,
            "{name} step {}: loss {loss}, PyTorch's {}, off by {off:e} > {bound:e}",
            step + 1,
            double[step]
        );
    }
}

fn check(case: &Case, tuning: Tuning, gpu: &Gpu, data: &Dataset) {
    let fixture = Fixture::read(case.file);
    let network = network(case.model);
    let options = ProgramOptions {
        order: Order::Sequential,
        ..ProgramOptions::new(case.batch, 500, Arc::new(case.sgd), tuning)
    };
    let mut program = Program::new(gpu, &network, data, &options).unwrap();
    program.load(&weights(&fixture, &network)).unwrap();
    let losses = losses(&mut program, case.steps);
    let (single, double) = (fixture.get("loss.f32"), fixture.get("loss.f64"));
    compare(case.file, &losses, single, double);
    if !case.finals {
        return;
    }
    let trained = program.weights().unwrap();
    for spec in network.parameters() {
        let want = fixture.get(&format!("final.{}", spec.name));
        let got = trained.floats(&spec.name).unwrap();
        let norm = |v: &mut dyn Iterator<Item = f64>| v.map(|x| x * x).sum::<f64>().sqrt();
        let off = norm(&mut got.iter().zip(want).map(|(g, w)| f64::from(*g) - w));
        let size = norm(&mut want.iter().copied());
        let bound = (10.0 * fixture.get(&format!("distance.{}", spec.name))[0]).max(FLOOR * size);
        assert!(
            off <= bound,
            "{} {}: off by {off:e} > {bound:e}",
            case.file,
            spec.name
        );
    }
}

fn sgd(decay: f64, nesterov: bool) -> Sgd {
    Sgd::new(0.003, 0.9, decay, nesterov).unwrap()
}

fn main_case(file: &'static str, model: &'static str) -> Case {
    Case {
        file,
        model,
        batch: 64,
        steps: 100,
        sgd: sgd(0.0, false),
        finals: true,
    }
}

fn setting() -> (Gpu, Dataset) {
    let gpu = Gpu::open(&GpuOptions::default()).unwrap();
    assert!(!gpu.is_noop(), "the noop backend computes no results");
    (gpu, Dataset::open("fashion-mnist").unwrap())
}

fn native(gpu: &Gpu) -> Tuning {
    Tuning::for_device(gpu.texel_lanes(), gpu.adapter.kind == AdapterKind::Cpu)
}

#[test]
fn mlp() {
    let (gpu, data) = setting();
    check(
        &main_case("parity_mlp.safetensors", "mlp"),
        native(&gpu),
        &gpu,
        &data,
    );
}

#[test]
fn cnn() {
    let (gpu, data) = setting();
    check(
        &main_case("parity_cnn.safetensors", "cnn"),
        native(&gpu),
        &gpu,
        &data,
    );
}

#[test]
fn resnet8() {
    let (gpu, data) = setting();
    check(
        &main_case("parity_resnet8.safetensors", "resnet8"),
        native(&gpu),
        &gpu,
        &data,
    );
}

#[test]
fn other_seeds_batches_and_settings() {
    let (gpu, data) = setting();
    let second = |file, model, batch| Case {
        file,
        model,
        batch,
        steps: 30,
        sgd: sgd(1e-3, true),
        finals: false,
    };
    check(
        &second("parity2_mlp.safetensors", "mlp", 32),
        native(&gpu),
        &gpu,
        &data,
    );
    check(
        &second("parity2_cnn.safetensors", "cnn", 16),
        native(&gpu),
        &gpu,
        &data,
    );
}

/// The kernels of the GPU profile, on any device.
#[test]
fn the_gpu_profile() {
    let (gpu, data) = setting();
    let short = |file, model, steps| Case {
        steps,
        finals: false,
        ..main_case(file, model)
    };
    check(
        &short("parity_mlp.safetensors", "mlp", 8),
        Tuning::gpu(),
        &gpu,
        &data,
    );
    check(
        &short("parity_cnn.safetensors", "cnn", 2),
        Tuning::gpu(),
        &gpu,
        &data,
    );
    check(
        &short("parity_resnet8.safetensors", "resnet8", 2),
        Tuning::gpu(),
        &gpu,
        &data,
    );
}

/// Runs of the mlp with the other rules, with clipping, groups, a schedule and accumulation, from the weights of the first
/// fixture.
#[test]
fn optimizers() {
    let (gpu, data) = setting();
    let fixture = Fixture::read("parity_optimizers.safetensors");
    let initial = Fixture::read("parity_mlp.safetensors");
    for (name, case) in fixture.settings("") {
        let real = |key: &str| case.get(key).and_then(serde_json::Value::as_f64);
        let mut choices = serde_json::json!({ "optimizer": case["rule"] });
        for key in [
            "lr",
            "momentum",
            "dampening",
            "weight_decay",
            "alpha",
            "centered",
        ] {
            if let Some(value) = case.get(key) {
                choices[key] = value.clone();
            }
        }
        let regime: Regime = serde_json::from_value(choices).unwrap();
        let rule: Arc<dyn UpdateRule> = regime.update_rule().unwrap();
        let mut network = network("mlp");
        let mut groups = vec![ParameterGroup::default()];
        if let Some(lr) = real("head_lr") {
            let decay = real("other_decay");
            let group = |lr, weight_decay| ParameterGroup { lr, weight_decay };
            groups = vec![
                group(None, None),
                group(None, decay),
                group(Some(lr), None),
                group(Some(lr), decay),
            ];
            for (at, head, flat) in [(1, false, true), (2, true, false), (3, true, true)] {
                network.set_group(at, |spec| {
                    spec.name.starts_with("fc3.") == head && (spec.shape.len() == 1) == flat
                });
            }
        }
        let mut rates = ScheduleOptions::default();
        if case.get("cosine").is_some() {
            rates.schedule = Some("cosine".parse().unwrap());
            rates.warmup_steps = real("warmup").map(|steps| steps as u32);
        }
        let steps = Steps {
            total: Some(100),
            per_epoch: 937,
        };
        let accumulate = real("accumulate").map_or(1, |n| n as u32);
        let options = ProgramOptions {
            order: Order::Sequential,
            accumulate,
            groups,
            clip_norm: real("clip_norm"),
            schedule: rates.schedule(steps, rule.momentum()).unwrap(),
            ..ProgramOptions::new(64 / accumulate, 500, rule, native(&gpu))
        };
        let mut program = Program::new(&gpu, &network, &data, &options).unwrap();
        program.load(&weights(&initial, &network)).unwrap();
        let losses = losses(&mut program, 100);
        let get = |kind: &str| fixture.get(&format!("{name}.{kind}"));
        compare(&name, &losses, get("f32"), get("f64"));
    }
}
