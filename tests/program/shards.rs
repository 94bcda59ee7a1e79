//! Shuffles of a data set in more shards than are bound at once.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::{bits, gpu, mlp, options, train};
use wattgrad::internals::data::{Arrays, Dataset, InputValues, Normalisation};
use wattgrad::internals::device::Gpu;
use wattgrad::internals::model::weights::Weights;
use wattgrad::internals::model::{Network, init};
use wattgrad::internals::optim::Sgd;
use wattgrad::internals::program::{Program, ProgramError, ProgramOptions};

/// One-hot samples: the gradient of a column of a linear layer is zero unless its sample is in the batch.
fn one_hot(samples: usize) -> Dataset {
    let mut inputs = vec![0; samples * samples];
    inputs
        .iter_mut()
        .step_by(samples + 1)
        .for_each(|v| *v = 255);
    let labels: Vec<u32> = (0..samples as u32).map(|i| i % 2).collect();
    let arrays = || Arrays {
        inputs: InputValues::U8(&inputs),
        labels: &labels,
    };
    let mut data =
        Dataset::from_arrays("one-hot", 2, &[1, 1, samples], arrays(), arrays()).unwrap();
    data.normalisation = vec![Normalisation {
        scale: 255.0,
        ..Normalisation::identity(1)
    }];
    data
}

/// Which samples each batch of two epochs held.
fn batches(gpu: &Gpu, data: &Dataset, with: &ProgramOptions) -> Vec<Vec<usize>> {
    let samples = data.train.len;
    let mut network = Network::new();
    let x = network.input([1, 1, samples as u32]);
    let logits = network.linear("fc", x, 2).unwrap();
    network.cross_entropy("label", logits, 0, 1.0);
    let mut program = Program::new(gpu, &network, data, with).unwrap();
    let mut zero = Weights::default();
    zero.insert("fc.weight", vec![2, samples], vec![0.0; 2 * samples])
        .unwrap();
    zero.insert("fc.bias", vec![2], vec![0.0; 2]).unwrap();
    program.load(&zero).unwrap();
    let epoch = program.steps_per_epoch() as usize;
    assert_eq!(epoch, samples / with.batch_size as usize);
    (0..2 * epoch)
        .map(|_| {
            program
                .train(1, &AtomicBool::new(false), &mut |_| ())
                .unwrap();
            let gradient = program.gradient("fc.weight").unwrap().unwrap();
            // Both classes are equally likely, so a sample of the batch adds half of its share.
            let share = 0.5 / with.batch_size as f32;
            let times = |v: &f32| (v.abs() / share).round() as usize;
            let found = gradient[..samples].iter().enumerate();
            found
                .flat_map(|(sample, v)| vec![sample; times(v)])
                .collect()
        })
        .collect()
}

#[test]
fn a_shuffle_beyond_four_shards_leaves_out_at_most_one_incomplete_batch() {
    let gpu = gpu();
    // (shards, samples of a shard, batch): batches within a shard, across shards, of whole shards, of more than a shard.
    for (shards, per, batch) in [
        (5, 20, 16),
        (5, 10, 10),
        (6, 20, 16),
        (6, 8, 20),
        (9, 14, 9),
        (9, 6, 19),
    ] {
        let samples = (shards - 1) * per + per / 2 + 1;
        let data = one_hot(samples);
        let with = ProgramOptions {
            shard_limit: Some((per * samples) as u64 + 3),
            batch_size: batch,
            eval_batch_size: 16,
            update_rule: Arc::new(Sgd::new(0.0, 0.0, 0.0, false).unwrap()),
            ..options(&gpu)
        };
        let case = format!("{shards} shards of {per}, batches of {batch}");
        let found = batches(&gpu, &data, &with);
        for epoch in found.chunks(found.len() / 2) {
            let mut all = epoch.concat();
            assert!(epoch.iter().all(|b| b.len() == batch as usize), "{case}");
            all.sort_unstable();
            all.dedup();
            assert_eq!(all.len(), samples - samples % batch as usize, "{case}");
            let mixed = |b: &&Vec<usize>| b.iter().any(|s| s / per != b[0] / per);
            let most = epoch.iter().filter(mixed).count();
            assert!(2 * most > epoch.len(), "{case}: {most} of {}", epoch.len());
        }
        let (first, second) = found.split_at(found.len() / 2);
        assert_ne!(first, second, "{case}: another order every epoch");
        assert_eq!(found, batches(&gpu, &data, &with), "{case}: a second run");
        let other = ProgramOptions { seed: 4, ..with };
        assert_ne!(found, batches(&gpu, &data, &other), "{case}: another seed");
    }
}

#[test]
fn steps_per_submit_do_not_change_results_beyond_four_shards() {
    let gpu = gpu();
    let data = Dataset::open("digits").unwrap();
    let network = mlp(&data);
    // 64 bytes per sample: 11 shards of 130 samples.
    let with = |steps| ProgramOptions {
        shard_limit: Some(130 * 64),
        batch_size: 48,
        steps_per_submit: Some(steps),
        ..options(&gpu)
    };
    let want = bits(&train(&gpu, &network, &data, &with(1), 70));
    for steps in [3, 64] {
        assert!(want == bits(&train(&gpu, &network, &data, &with(steps), 70)));
    }
}

#[test]
fn rejects_a_shuffled_batch_that_spans_more_than_four_shards() {
    let gpu = gpu();
    let data = one_hot(41);
    let network = {
        let mut network = Network::new();
        let x = network.input([1, 1, 41]);
        let logits = network.linear("fc", x, 2).unwrap();
        network.cross_entropy("label", logits, 0, 1.0);
        network
    };
    for (batch_size, fits) in [(25, true), (26, false)] {
        let with = ProgramOptions {
            shard_limit: Some(8 * 41),
            batch_size,
            eval_batch_size: 16,
            ..options(&gpu)
        };
        let built = Program::new(&gpu, &network, &data, &with);
        assert_eq!(built.is_ok(), fits);
        if let Err(why) = built {
            assert!(matches!(
                why,
                ProgramError::Shards {
                    batch: 26,
                    samples: 8
                }
            ));
        }
    }
}

#[test]
fn a_network_learns_from_more_than_four_shards() {
    let gpu = gpu();
    let data = Dataset::open("digits").unwrap();
    let network = mlp(&data);
    // 64 bytes per sample: shards of 100 samples.
    let with = ProgramOptions {
        shard_limit: Some(6400),
        batch_size: 50,
        ..options(&gpu)
    };
    let mut program = Program::new(&gpu, &network, &data, &with).unwrap();
    let epoch = program.steps_per_epoch();
    assert_eq!(epoch as usize, data.train.len / 50);
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
        program
            .evaluate()
            .unwrap()
            .first(wattgrad::internals::model::Metric::Accuracy)
            > 0.8
    );
}
