//! Training with Winograd's algorithm for the 3x3 convolutions.

use std::sync::atomic::AtomicBool;

use super::{gpu, options};
use wattgrad::internals::data::Dataset;
use wattgrad::internals::kernels::{GemmCore, GemmRule, Tuning};
use wattgrad::internals::model::{init, presets};
use wattgrad::internals::program::{Program, ProgramOptions};

/// The losses of some steps of resnet8 and of an evaluation, the variants of its kernels, and the FLOPs of a step.
fn trained(tuning: &Tuning) -> (Vec<f64>, Vec<String>, u64) {
    let gpu = gpu();
    let data = Dataset::open("digits").unwrap();
    let network = presets::by_name("resnet8", [1, 8, 8].into(), 10).unwrap();
    let options = ProgramOptions {
        tuning: tuning.clone(),
        ..options(&gpu)
    };
    let mut program = Program::new(&gpu, &network, &data, &options).unwrap();
    let start = init::initial(network.parameters(), 5).unwrap();
    program.load(&start).unwrap();
    let mut losses = vec![];
    let mut keep = |loss: f32| losses.push(f64::from(loss));
    let stop = AtomicBool::new(false);
    program.train(6, &stop, &mut |r| keep(r.loss)).unwrap();
    let summary = program.summary();
    let lists = summary.lists.iter().flat_map(|list| &list.dispatches);
    let variants = lists.map(|d| format!("{}: {}", d.label, d.variant));
    (losses, variants.collect(), summary.step_flops())
}

#[test]
fn resnet8_follows_the_default_kernels() {
    let gpu = gpu();
    let default = options(&gpu).tuning;
    let core = match default.texel {
        Some(_) => GemmRule::new(GemmCore::Texel, [1, 1, 8, 1], 1),
        None => GemmRule::new(GemmCore::Direct, [2, 2, 4, 4], 1),
    };
    let mut tuning = default.clone();
    tuning.gemm.insert(
        0,
        GemmRule {
            winograd: true,
            ..core
        },
    );
    let (expected, _, direct_flops) = trained(&default);
    let (losses, variants, flops) = trained(&tuning);
    // Losses fall by tenths in these steps. Two orders of the same f32 sums differ by some 1e-6 in them; Winograd's sums have
    // terms about seven times as large, and each step carries the differences of the ones before.
    for (step, (loss, expected)) in losses.iter().zip(&expected).enumerate() {
        let off = (loss - expected).abs();
        println!("step {}: {loss}, {expected}, off by {off:e}", step + 1);
        assert!(
            off < 2e-5 * expected,
            "step {}: {loss} and {expected}",
            step + 1
        );
    }
    assert_ne!(losses, expected, "the same kernels ran");
    let count = |part: &str| variants.iter().filter(|v| v.contains(part)).count();
    // The stem and the second convolution of each of three blocks, and the first one of the first block.
    assert_eq!(count("forward: winograd 2x2 "), 2 * 5, "{variants:#?}");
    assert!(count("grad input: winograd 2x2 ") == 4, "{variants:#?}");
    assert!(flops < direct_flops, "{flops} and {direct_flops}");
}
