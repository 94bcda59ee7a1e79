//! Gradient accumulation and schedules through whole programs.

use std::sync::Arc;

use super::{gpu, mlp, options, train};
use wattgrad::internals::data::Dataset;
use wattgrad::internals::model::weights::Weights;
use wattgrad::internals::optim::{Schedule, ScheduleOptions, Sgd, Steps};
use wattgrad::internals::program::{Order, Program, ProgramOptions, StepResult};

/// The loss, the samples that are correct and the weights are those of the large batch, but for rounding; digits has 1,500
/// training samples, so 30 steps of 60 pass the end of an epoch.
#[test]
fn micro_batches_train_as_the_batch_that_they_make() {
    let gpu = gpu();
    let data = Dataset::open("digits").unwrap();
    let network = mlp(&data);
    for (order, shard_limit) in [
        (Order::Shuffled, None),
        (Order::Sequential, None),
        // Windows of the data set that the host turns.
        (Order::Shuffled, Some(16_000)),
    ] {
        let whole = ProgramOptions {
            batch_size: 60,
            order,
            shard_limit,
            update_rule: Arc::new(Sgd::new(0.01, 0.9, 1e-3, true).unwrap()),
            ..options(&gpu)
        };
        let (expected, weights) = train(&gpu, &network, &data, &whole, 30);
        for (batch_size, accumulate) in [(30, 2), (12, 5)] {
            let parts = ProgramOptions {
                batch_size,
                accumulate,
                ..whole.clone()
            };
            let (got, other) = train(&gpu, &network, &data, &parts, 30);
            assert_same(&got, &expected);
            let (largest, difference) = differences(&weights, &other);
            assert!(difference < 1e-4 * largest, "{difference:e} of {largest}");
        }
    }
}

fn assert_same(got: &[StepResult], expected: &[StepResult]) {
    for (got, expected) in got.iter().zip(expected) {
        let step = got.step;
        let close = |a: f32, b: f32| (a - b).abs() <= 2e-5 * b.abs();
        assert!(
            close(got.loss, expected.loss),
            "step {step}: {got:?} {expected:?}"
        );
        let norms = (got.gradient_norm, expected.gradient_norm);
        assert!(
            (norms.0 - norms.1).abs() < 1e-3 * norms.1,
            "step {step}: {norms:?}"
        );
        // A sample between two classes may tip.
        assert!(got.correct.abs_diff(expected.correct) <= 1, "step {step}");
    }
}

fn differences(a: &Weights, b: &Weights) -> (f32, f32) {
    let (mut largest, mut difference) = (0.0_f32, 0.0_f32);
    for (name, _) in a.iter() {
        let (a, b) = (a.floats(name).unwrap(), b.floats(name).unwrap());
        for (a, b) in a.iter().zip(b) {
            largest = largest.max(a.abs());
            difference = difference.max((a - b).abs());
        }
    }
    (largest, difference)
}

#[test]
fn only_what_is_chosen_adds_dispatches() {
    let gpu = gpu();
    let data = Dataset::open("digits").unwrap();
    let network = mlp(&data);
    let plain = options(&gpu);
    let dispatches = |options: &ProgramOptions| {
        let program = Program::new(&gpu, &network, &data, options).unwrap();
        let summary = program.summary();
        let lists: usize = summary.lists.iter().map(|list| list.dispatches.len()).sum();
        (summary.step_dispatches(), lists)
    };
    let (step, lists) = dispatches(&plain);
    let steps = Steps {
        total: Some(10),
        per_epoch: 5,
    };
    let cosine = ScheduleOptions {
        schedule: Some("cosine".parse().unwrap()),
        ..ScheduleOptions::default()
    };
    let scheduled = ProgramOptions {
        schedule: cosine.schedule(steps, None).unwrap(),
        ..plain.clone()
    };
    assert_eq!(dispatches(&scheduled), (step, lists));
    let clipped = ProgramOptions {
        clip_norm: Some(1.0),
        ..plain.clone()
    };
    assert_eq!(dispatches(&clipped), (step + 2, lists + 2));
    let accumulated = ProgramOptions {
        batch_size: 16,
        accumulate: 4,
        ..plain
    };
    // Forward and backward four times; after each but the last an accumulation and an end, after the last the mean.
    let forward_backward = step - 2;
    let expected = 4 * forward_backward + 3 * 2 + 3;
    assert_eq!(dispatches(&accumulated), (expected, lists + 3));
}

/// A rate of 0 in the last row stops learning, and keeps it stopped.
#[test]
fn the_last_row_of_a_schedule_holds() {
    let gpu = gpu();
    let data = Dataset::open("digits").unwrap();
    let network = mlp(&data);
    let with = |schedule| ProgramOptions {
        update_rule: Arc::new(Sgd::new(0.05, 0.0, 0.0, false).unwrap()),
        schedule,
        ..options(&gpu)
    };
    let steps = Steps {
        total: Some(6),
        per_epoch: 3,
    };
    let falling = ScheduleOptions {
        schedule: Some("polynomial".parse().unwrap()),
        ..ScheduleOptions::default()
    };
    let falling = falling.schedule(steps, None).unwrap();
    let (_, six) = train(&gpu, &network, &data, &with(falling.clone()), 6);
    let (_, seven) = train(&gpu, &network, &data, &with(falling), 7);
    let (_, plain) = train(&gpu, &network, &data, &with(Schedule::constant()), 6);
    assert!(
        differences(&six, &seven).1 > 0.0,
        "the last row is 1/6 of the rate"
    );
    assert!(differences(&six, &plain).1 > 1e-3);
    let stopped = Schedule::sweep(0.05, 1e-30, 6);
    let (_, six) = train(&gpu, &network, &data, &with(stopped.clone()), 6);
    let (_, ten) = train(&gpu, &network, &data, &with(stopped), 10);
    assert_eq!(differences(&six, &ten).1, 0.0);
}
