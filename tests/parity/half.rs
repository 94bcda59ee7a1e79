//! Runs in f16 stay as near PyTorch's f64 run as those of PyTorch's `autocast` in f16 from the same weights.

use super::*;
use wattgrad::internals::kernels::Precision;

/// `steps` of the run of `parity_MODEL`; the file's metadata has the scale of the loss, at which no step is skipped. How far the
/// losses are from the f64 run at most, and those of PyTorch's f32 runs.
fn follow(model: &str, steps: u32) -> (f64, f64) {
    let (gpu, data) = setting();
    let network = network(model);
    let first = Fixture::read(&format!("parity_{model}.safetensors"));
    let mixed = Fixture::read("parity_f16.safetensors");
    let options = ProgramOptions {
        order: Order::Sequential,
        precision: Precision::F16,
        loss_scale: 1024.0,
        ..ProgramOptions::new(64, 500, Arc::new(sgd(0.0, false)), native(&gpu))
    };
    let mut program = Program::new(&gpu, &network, &data, &options).unwrap();
    program.load(&weights(&first, &network)).unwrap();
    let losses = losses(&mut program, steps);
    let scale = program.loss_scale().unwrap().unwrap();
    assert_eq!(scale.skipped_steps, 0, "{model}");
    let peers = mixed.get(&format!("{model}.loss.f16"));
    let double = &first.get("loss.f64")[..steps as usize];
    compare(&format!("{model} in f16"), &losses, peers, double);
    let farthest = |run: &[f64]| {
        let off = run.iter().zip(double).map(|(a, b)| (a - b).abs());
        off.fold(0.0, f64::max)
    };
    let single = first
        .get("loss.f32")
        .chunks_exact(first.get("loss.f64").len());
    (farthest(&losses), single.map(farthest).fold(0.0, f64::max))
}

#[test]
fn mlp_in_f16() {
    let (ours, single) = follow("mlp", 100);
    assert!(ours > single, "no farther than in f32: {ours:e} {single:e}");
}

#[test]
fn cnn_in_f16() {
    let (ours, single) = follow("cnn", 100);
    assert!(ours > single, "no farther than in f32: {ours:e} {single:e}");
}

/// Its f32 runs are as far apart as those in f16.
#[test]
fn resnet8_in_f16() {
    follow("resnet8", 40);
}
