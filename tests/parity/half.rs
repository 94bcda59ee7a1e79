//! Runs in f16 stay as near PyTorch's f64 run as those of PyTorch's `autocast` in f16 from the same weights.

use super::*;
use wattgrad::internals::kernels::Precision;

/// `steps` of the run of `parity_MODEL`; the file's metadata has the scale of the loss, at which no step is skipped.
fn follow(model: &str, steps: u32) {
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
    // In f32 it would be a thousand times nearer than a run of PyTorch in f16.
    let farthest = |run: &[f64]| {
        let off = run.iter().zip(double).map(|(a, b)| (a - b).abs());
        off.fold(0.0, f64::max)
    };
    let nearest = peers.chunks_exact(double.len()).map(farthest);
    let nearest = nearest.fold(f64::INFINITY, f64::min);
    let ours = farthest(&losses);
    eprintln!("{model}: off by {ours:.1e}, PyTorch's nearest run by {nearest:.1e}");
    assert!(ours > 0.05 * nearest, "{model}: {ours:e}, {nearest:e}");
}

#[test]
fn mlp_in_f16() {
    follow("mlp", 100);
}

#[test]
fn cnn_in_f16() {
    follow("cnn", 100);
}

#[test]
fn resnet8_in_f16() {
    follow("resnet8", 40);
}
