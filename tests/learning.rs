//! Trains Fashion-MNIST for a few hundred steps and checks the accuracy against bounds fixed in advance.
//!
//! Seeds 1 to 5 reached 79.6 to 82.5 % (mlp, 300 steps) and 71.7 to 76.0 % (cnn, 100 steps); the bounds lie below the
//! lowest by about as much as the seeds differ. The full runs are kept under `data/runs`.
#![cfg(feature = "gpu")]

use wattgrad::internals::device::{Gpu, GpuOptions};
use wattgrad::internals::train::{NoObserver, Outcome, Regime, Trainer};

fn accuracy(model: &str, lr: f64, steps: u32) -> f64 {
    let gpu = Gpu::open(&GpuOptions::default()).unwrap();
    assert!(!gpu.is_noop(), "the noop backend computes no results");
    let regime = Regime {
        model: model.into(),
        data: "fashion-mnist".into(),
        lr: Some(lr),
        max_steps: Some(steps),
        epochs: None,
        seed: 1,
        ..Regime::default()
    };
    let run = Trainer::new(&gpu, regime)
        .unwrap()
        .run(&mut NoObserver)
        .unwrap();
    assert_eq!(run.record.outcome, Outcome::Completed);
    assert_eq!(run.record.steps, u64::from(steps));
    let last = run.record.evaluations.last().unwrap();
    assert_eq!(last.step, u64::from(steps));
    last.accuracy()
}

#[test]
fn mlp() {
    let reached = accuracy("mlp", 0.05, 300);
    assert!(reached >= 0.77, "{reached}");
}

#[test]
fn cnn() {
    let reached = accuracy("cnn", 0.01, 100);
    assert!(reached >= 0.68, "{reached}");
}
