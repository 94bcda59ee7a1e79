//! Shuffles of a data set in more shards than are bound at once.

use std::sync::atomic::AtomicBool;

use super::{gpu, mlp, options};
use wattgrad::data::Dataset;
use wattgrad::model::init;
use wattgrad::program::{Program, ProgramOptions};

#[test]
fn a_shuffle_beyond_four_shards_takes_every_sample_at_most_once_an_epoch() {
    let gpu = gpu();
    let data = Dataset::open("digits").unwrap();
    let network = mlp(&data);
    // 64 bytes a sample: shards of 100.
    let with = ProgramOptions {
        shard_limit: Some(6400),
        batch_size: 50,
        ..options(&gpu)
    };
    let mut program = Program::new(&gpu, &network, &data, &with).unwrap();
    let epoch = program.steps_per_epoch();
    assert!(epoch as usize <= data.train.len / 50 && epoch as usize >= data.train.len / 50 - 4);
    program
        .load(&init::initial(network.parameters(), 5).unwrap())
        .unwrap();
    let mut losses = vec![];
    program
        .train(6 * epoch, &AtomicBool::new(false), &mut |r| {
            losses.push(r.loss)
        })
        .unwrap();
    assert!(losses.iter().all(|l| l.is_finite()));
    assert!(
        program.evaluate().unwrap().accuracy > 0.8,
        "it learns from shards"
    );
}
