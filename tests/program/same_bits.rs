//! The same seed gives the same bits, however steps, data and parameters are divided.

use super::{bits, gpu, mlp, options, train};
use wattgrad::internals::data::Dataset;
use wattgrad::internals::program::{Order, ProgramOptions};

#[test]
fn the_same_seed_gives_the_same_bits_however_steps_and_data_are_divided() {
    let gpu = gpu();
    let data = Dataset::open("fashion-mnist").unwrap();
    let network = mlp(&data);
    let base = options(&gpu);
    let want = bits(&train(&gpu, &network, &data, &base, 40));
    assert_eq!(
        want,
        bits(&train(&gpu, &network, &data, &base, 40)),
        "a second run"
    );
    for k in [1, 3, 40] {
        let with = ProgramOptions {
            steps_per_submit: Some(k),
            ..base.clone()
        };
        assert_eq!(
            want,
            bits(&train(&gpu, &network, &data, &with, 40)),
            "{k} steps per submit"
        );
    }
    let replay = ProgramOptions {
        replay: true,
        ..base.clone()
    };
    assert_eq!(
        want,
        bits(&train(&gpu, &network, &data, &replay, 40)),
        "without shared memory"
    );
    let sharded = ProgramOptions {
        shard_limit: Some(16 << 20),
        ..base.clone()
    };
    assert_eq!(
        want,
        bits(&train(&gpu, &network, &data, &sharded, 40)),
        "three shards"
    );
    let other = ProgramOptions { seed: 4, ..base };
    assert_ne!(
        want,
        bits(&train(&gpu, &network, &data, &other, 40)),
        "another seed"
    );
}

#[test]
fn a_sequence_through_many_shards_gives_the_same_bits() {
    let gpu = gpu();
    let data = Dataset::open("fashion-mnist").unwrap();
    let network = mlp(&data);
    let base = ProgramOptions {
        order: Order::Sequential,
        ..options(&gpu)
    };
    let want = bits(&train(&gpu, &network, &data, &base, 60));
    let sharded = ProgramOptions {
        shard_limit: Some(1 << 20),
        ..base
    };
    assert_eq!(want, bits(&train(&gpu, &network, &data, &sharded, 60)));
}
