//! A program that continues from a snapshot takes the same steps as one that was never stopped.

use std::sync::atomic::AtomicBool;

use super::{bits, gpu, mlp, options, train};
use wattgrad::internals::data::Dataset;
use wattgrad::internals::kernels::Shape;
use wattgrad::internals::model::{init, presets};
use wattgrad::internals::optim::{ScheduleOptions, Steps};
use wattgrad::internals::program::{Program, ProgramOptions};
use wattgrad::internals::train::Regime;

#[test]
fn a_restored_snapshot_continues_bit_for_bit() {
    let gpu = gpu();
    let data = Dataset::open("digits").unwrap();
    let network = presets::by_name("resnet8", Shape::from([1, 8, 8]), 10).unwrap();
    // More shards than are bound at once, so that the host moves between windows too; and several arenas.
    let with = ProgramOptions {
        shard_limit: Some(16 << 10),
        arena_limit: Some(200 << 10),
        ..options(&gpu)
    };
    let all = train(&gpu, &network, &data, &with, 34);
    let never = AtomicBool::new(false);
    let mut results = vec![];
    let mut first = Program::new(&gpu, &network, &data, &with).unwrap();
    let start = init::initial(network.parameters(), 5).unwrap();
    first.load(&start).unwrap();
    first.train(13, &never, &mut |r| results.push(r)).unwrap();
    first.evaluate().unwrap();
    let snapshot = first.snapshot().unwrap();
    assert_eq!(snapshot.step, 13);
    let names = snapshot.optimizer.iter().map(|(name, _)| name);
    let trained = network.parameters().iter().filter(|spec| spec.trained());
    assert!(names.eq(sorted(
        trained.map(|spec| format!("momentum.{}", spec.name))
    )));

    let other = ProgramOptions {
        steps_per_submit: Some(3),
        arena_limit: None,
        ..with
    };
    let mut second = Program::new(&gpu, &network, &data, &other).unwrap();
    let mut short = snapshot.clone();
    short.words.pop();
    let error = second.restore(&short).unwrap_err().to_string();
    assert!(error.contains("another version"), "{error}");
    second.restore(&snapshot).unwrap();
    assert_eq!(second.snapshot().unwrap(), snapshot);
    second.train(21, &never, &mut |r| results.push(r)).unwrap();
    let same = (results, second.weights().unwrap());
    assert_eq!(same.0.last().unwrap().step, 34);
    assert!(bits(&same) == bits(&all));
    assert_eq!(
        same.1.get("bn1.num_batches_tracked"),
        all.1.get("bn1.num_batches_tracked")
    );
}

/// With moments and their step count, a schedule, clipping, micro-batches and a data set that streams.
#[test]
fn every_part_of_a_state_is_continued() {
    let gpu = gpu();
    let data = Dataset::open("digits").unwrap();
    let network = mlp(&data);
    let rule = |name: &str| {
        let regime: Regime =
            serde_json::from_value(serde_json::json!({ "optimizer": name })).unwrap();
        regime.update_rule().unwrap()
    };
    let steps = Steps {
        total: Some(90),
        per_epoch: 62,
    };
    let cosine = ScheduleOptions {
        schedule: Some("cosine".parse().unwrap()),
        warmup_steps: Some(20),
        ..ScheduleOptions::default()
    };
    for name in ["adamw", "rmsprop"] {
        let with = ProgramOptions {
            batch_size: 12,
            eval_batch_size: 12,
            accumulate: 2,
            update_rule: rule(name),
            schedule: cosine.schedule(steps, None).unwrap(),
            clip_norm: Some(0.5),
            data_window: Some(30_000),
            augmentation: "crop:1".parse().ok(),
            ..options(&gpu)
        };
        let all = train(&gpu, &network, &data, &with, 90);
        let never = AtomicBool::new(false);
        let mut results = vec![];
        let start = init::initial(network.parameters(), 5).unwrap();
        let mut snapshot = None;
        // Within the warm-up, after it, and in the second epoch.
        for part in [7, 40, 43] {
            let mut program = Program::new(&gpu, &network, &data, &with).unwrap();
            match &snapshot {
                None => program.load(&start).unwrap(),
                Some(snapshot) => program.restore(snapshot).unwrap(),
            }
            program
                .train(part, &never, &mut |r| results.push(r))
                .unwrap();
            snapshot = Some(program.snapshot().unwrap());
        }
        let weights = snapshot.unwrap().weights;
        assert!(bits(&(results, weights)) == bits(&all), "{name}");
    }
}

fn sorted(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}
