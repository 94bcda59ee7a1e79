//! Programs: what must not change a bit does not, what counts samples counts each once, and what does not fit says so.
#![cfg(feature = "gpu")]

use std::sync::atomic::AtomicBool;

use wattgrad::data::{Arrays, Dataset, Values};
use wattgrad::device::{AdapterKind, Gpu, GpuOptions};
use wattgrad::kernels::{Shape, Tuning};
use wattgrad::model::weights::Weights;
use wattgrad::model::{Network, init, presets};
use wattgrad::optim::Sgd;
use wattgrad::program::{Order, Program, ProgramError, ProgramOptions, StepResult};

fn gpu() -> Gpu {
    let gpu = Gpu::open(&GpuOptions::default()).unwrap();
    assert!(
        !gpu.is_noop(),
        "results mean nothing on the backend without hardware"
    );
    gpu
}

fn options(gpu: &Gpu) -> ProgramOptions {
    ProgramOptions {
        batch_size: 64,
        eval_batch_size: 256,
        seed: 3,
        order: Order::Shuffled,
        sgd: Sgd::new(0.05, 0.9, 0.0, false).unwrap(),
        tuning: Tuning::for_device(gpu.texel(), gpu.adapter.kind == AdapterKind::Cpu),
        shard_limit: None,
        replay: false,
        steps_per_submit: None,
    }
}

fn train(
    gpu: &Gpu,
    network: &Network,
    data: &Dataset,
    options: &ProgramOptions,
    steps: u32,
) -> (Vec<StepResult>, Weights) {
    let mut program = Program::new(gpu, network, data, options).unwrap();
    program
        .load(&init::initial(network.parameters(), 5).unwrap())
        .unwrap();
    let mut results = vec![];
    let done = program
        .train(steps, &AtomicBool::new(false), &mut |r| results.push(r))
        .unwrap();
    assert_eq!(done, steps);
    (results, program.weights().unwrap())
}

fn mlp(data: &Dataset) -> Network {
    let shape = &data.train.inputs[0].field.shape;
    let shape = Shape {
        channels: 1,
        height: shape[1] as u32,
        width: shape[2] as u32,
    };
    presets::by_name("mlp", shape, data.classes as u32).unwrap()
}

/// Bits of the losses and of every weight.
fn bits(run: &(Vec<StepResult>, Weights)) -> Vec<u32> {
    let losses = run.0.iter().map(|r| r.loss.to_bits());
    let weights = run
        .1
        .iter()
        .filter_map(|(name, _)| run.1.floats(name))
        .flatten()
        .map(|v| v.to_bits());
    losses.chain(weights).collect()
}

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
            "{k} steps a submit"
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

/// Logits that tell the class of an input with certainty where it says so: a linear layer with a known weight.
#[test]
fn evaluation_counts_every_sample_once() {
    let gpu = gpu();
    let (features, classes) = (4, 3);
    for count in [1_usize, 63, 64, 65, 10_000] {
        let inputs: Vec<f32> = (0..(count * features) as u32).map(noise).collect();
        let labels: Vec<u32> = (0..count).map(|i| (i * 7 % 5 % classes) as u32).collect();
        let arrays = || Arrays {
            inputs: Values::F32(&inputs),
            labels: &labels,
        };
        let mut data =
            Dataset::from_arrays("test", classes, &[1, 1, features], arrays(), arrays()).unwrap();
        (data.mean, data.std, data.scale) = (0.0, 1.0, 1.0);
        let mut network = Network::new();
        let x = network.input([1, 1, features as u32]);
        let logits = network.linear("fc", x, classes as u32).unwrap();
        network.cross_entropy(logits, 0, 1.0);
        let weights = init::initial(network.parameters(), 9).unwrap();
        let (w, b) = (
            weights.floats("fc.weight").unwrap(),
            weights.floats("fc.bias").unwrap(),
        );
        let (mut loss, mut correct) = (0.0, 0);
        for (sample, label) in inputs.chunks(features).zip(&labels) {
            let logits: Vec<f64> = (0..classes)
                .map(|c| {
                    f64::from(b[c])
                        + (0..features)
                            .map(|f| f64::from(w[c * features + f]) * f64::from(sample[f]))
                            .sum::<f64>()
                })
                .collect();
            let sum = logits.iter().map(|l| l.exp()).sum::<f64>().ln();
            loss += sum - logits[*label as usize];
            let best =
                (0..classes).fold(0, |best, c| if logits[c] > logits[best] { c } else { best });
            correct += usize::from(best == *label as usize);
        }
        for eval_batch_size in [64, 1000] {
            let with = ProgramOptions {
                batch_size: 1,
                eval_batch_size,
                ..options(&gpu)
            };
            let mut program = Program::new(&gpu, &network, &data, &with).unwrap();
            program.load(&weights).unwrap();
            for _ in 0..2 {
                let found = program.evaluate().unwrap();
                assert_eq!(
                    (found.samples, found.correct),
                    (count as u64, correct as u64),
                    "{count} samples by {eval_batch_size}"
                );
                assert!(
                    (found.loss - loss / count as f64).abs() < 1e-6 * (1.0 + loss / count as f64),
                    "{} {}",
                    found.loss,
                    loss
                );
            }
        }
    }
}

#[test]
fn what_does_not_fit_is_named() {
    let gpu = gpu();
    let data = Dataset::open("digits").unwrap();
    let network = mlp(&data);
    let refuse = |with: ProgramOptions| {
        Program::new(&gpu, &network, &data, &with)
            .map(|_| ())
            .unwrap_err()
    };
    assert!(matches!(
        refuse(ProgramOptions {
            batch_size: 0,
            ..options(&gpu)
        }),
        ProgramError::Batch { batch: 0, .. }
    ));
    assert!(matches!(
        refuse(ProgramOptions {
            batch_size: 5000,
            ..options(&gpu)
        }),
        ProgramError::Batch { .. }
    ));
    assert!(
        refuse(ProgramOptions {
            shard_limit: Some(60),
            ..options(&gpu)
        })
        .to_string()
        .contains("image")
    );

    let narrow = Gpu::open(&GpuOptions {
        storage_binding_limit: Some(64 << 10),
        ..GpuOptions::default()
    })
    .unwrap();
    let with = ProgramOptions {
        tuning: Tuning::gpu(),
        ..options(&narrow)
    };
    let why = Program::new(&narrow, &network, &data, &with)
        .map(|_| ())
        .unwrap_err();
    let ProgramError::TooLarge { tensor, limit, .. } = &why else {
        panic!("{why}")
    };
    assert_eq!((tensor.as_str(), *limit), ("parameters", 64 << 10));
}

/// A trunk shared by two heads with two losses and one frozen layer: the gradients are those of the f64 oracle, and the
/// frozen layer does not move.
#[test]
fn two_heads_share_a_trunk_and_one_layer_is_frozen() {
    let gpu = gpu();
    let data = two_targets();
    let mut network = Network::new();
    let x = network.input([1, 6, 6]);
    let conv = wattgrad::model::layers::Conv2d {
        out: 4,
        kernel: 3,
        stride: 1,
        padding: 1,
        bias: true,
    };
    let frozen = network.conv2d("stem", x, conv).unwrap();
    let h = network.relu(frozen).unwrap();
    let trunk = network.linear("trunk", h, 12).unwrap();
    let h = network.relu(trunk).unwrap();
    let left = network.linear("left", h, 3).unwrap();
    let side = network.linear("side", h, 5).unwrap();
    let side = network.relu(side).unwrap();
    let right = network.linear("right", side, 2).unwrap();
    network.cross_entropy(left, 0, 1.0);
    network.cross_entropy(right, 1, 0.5);
    assert_eq!(network.freeze("stem"), 2);
    let with = ProgramOptions {
        batch_size: 16,
        eval_batch_size: 16,
        order: Order::Sequential,
        sgd: Sgd::new(0.0, 0.0, 0.0, false).unwrap(),
        ..options(&gpu)
    };
    let mut program = Program::new(&gpu, &network, &data, &with).unwrap();
    let weights = init::initial(network.parameters(), 11).unwrap();
    program.load(&weights).unwrap();
    let mut loss = 0.0;
    program
        .train(1, &AtomicBool::new(false), &mut |r| {
            loss = f64::from(r.loss)
        })
        .unwrap();
    assert!(program.gradient("stem.weight").unwrap().is_none());
    let (want_loss, want) = two_heads_in_f64(&data, &weights);
    assert!(
        (loss - want_loss).abs() < 1e-6 * want_loss,
        "loss {loss}, in f64 {want_loss}"
    );
    for (name, want) in want {
        let got = program.gradient(name).unwrap().unwrap();
        let most = want.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
        assert!(most > 1e-3, "{name} has a gradient");
        for (g, w) in got.iter().zip(&want) {
            assert!(
                (f64::from(*g) - w).abs() < 1e-5 * most,
                "{name}: {g}, in f64 {w}"
            );
        }
    }
    let with = ProgramOptions {
        sgd: Sgd::new(0.02, 0.9, 0.0, false).unwrap(),
        ..with
    };
    let mut program = Program::new(&gpu, &network, &data, &with).unwrap();
    program.load(&weights).unwrap();
    let mut losses = vec![];
    program
        .train(400, &AtomicBool::new(false), &mut |r| losses.push(r.loss))
        .unwrap();
    assert!(
        losses[399] < 0.8 * losses[0],
        "{} to {}",
        losses[0],
        losses[399]
    );
    let trained = program.weights().unwrap();
    assert_eq!(trained.floats("stem.weight"), weights.floats("stem.weight"));
    assert_ne!(
        trained.floats("trunk.weight"),
        weights.floats("trunk.weight")
    );
}

/// The same network put together from the f64 oracle: its loss and the gradient of every trained parameter.
fn two_heads_in_f64(data: &Dataset, weights: &Weights) -> (f64, Vec<(&'static str, Vec<f64>)>) {
    use wattgrad::kernels::oracle::elementwise::{add, relu, relu_backward};
    use wattgrad::kernels::oracle::{Conv, Form, Gemm, column_sums, cross_entropy, widen};
    let get = |name: &str| widen(weights.floats(name).unwrap());
    let batch = 16;
    let x: Vec<f64> = data.train.inputs[0]
        .values()
        .map(|v| (v - data.mean) / data.std)
        .collect();
    let conv = Conv {
        batch,
        channels: 1,
        height: 6,
        width: 6,
        out_channels: 4,
        kernel_h: 3,
        kernel_w: 3,
        stride: 1,
        padding: 1,
    };
    let h = relu(&conv.forward(&x, &get("stem.weight"), Some(&get("stem.bias"))));
    let linear = |n, k| Gemm {
        form: Form::Nt,
        m: batch,
        n,
        k,
    };
    let forward = |g: &Gemm, x: &[f64], name: &str, relu| {
        g.forward(
            x,
            &get(&format!("{name}.weight")),
            Some(&get(&format!("{name}.bias"))),
            relu,
        )
    };
    let (trunk, left, side, right) = (linear(12, 144), linear(3, 12), linear(5, 12), linear(2, 5));
    let t = forward(&trunk, &h, "trunk", true);
    let s = forward(&side, &t, "side", true);
    let labels = |target: usize| {
        data.train.targets[target]
            .values()
            .map(|v| v as usize)
            .collect::<Vec<_>>()
    };
    let l = cross_entropy(&forward(&left, &t, "left", false), &labels(0), 3, batch);
    let r = cross_entropy(&forward(&right, &s, "right", false), &labels(1), 2, batch);
    let dr: Vec<f64> = r.dlogits.iter().map(|v| 0.5 * v).collect();
    let (ds, dw_right) = right.backward(&s, &get("right.weight"), &dr);
    let ds = relu_backward(&s, &ds);
    let (dt_side, dw_side) = side.backward(&t, &get("side.weight"), &ds);
    let (dt_left, dw_left) = left.backward(&t, &get("left.weight"), &l.dlogits);
    let dt = relu_backward(&t, &add(&dt_left, &dt_side));
    let (_, dw_trunk) = trunk.backward(&h, &get("trunk.weight"), &dt);
    let gradients = vec![
        ("trunk.weight", dw_trunk),
        ("trunk.bias", column_sums(&dt, batch, 12)),
        ("left.weight", dw_left),
        ("left.bias", column_sums(&l.dlogits, batch, 3)),
        ("side.weight", dw_side),
        ("side.bias", column_sums(&ds, batch, 5)),
        ("right.weight", dw_right),
        ("right.bias", column_sums(&dr, batch, 2)),
    ];
    (l.mean + 0.5 * r.mean, gradients)
}

/// Numbers in [-1, 1) without a pattern.
fn noise(i: u32) -> f32 {
    let mut x = i.wrapping_add(1).wrapping_mul(0x9e37_79b9);
    x = (x ^ (x >> 16)).wrapping_mul(0x7feb_352d);
    x = (x ^ (x >> 15)).wrapping_mul(0x846c_a68b);
    ((x ^ (x >> 16)) >> 8) as f32 / 8_388_608.0 - 1.0
}

fn two_targets() -> Dataset {
    let count = 16;
    let inputs: Vec<f32> = (0..count as u32 * 36).map(noise).collect();
    let first: Vec<u32> = (0..count as u32).map(|i| i % 3).collect();
    let arrays = || Arrays {
        inputs: Values::F32(&inputs),
        labels: &first,
    };
    let mut data = Dataset::from_arrays("two", 3, &[1, 6, 6], arrays(), arrays()).unwrap();
    for split in [&mut data.train, &mut data.test] {
        let mut second = split.targets[0].clone();
        second.field.name = "parity".into();
        second.bytes = (0..count as u8).map(|i| (i / 3) % 2).collect();
        split.targets.push(second);
    }
    data
}

#[test]
fn digits_are_learnt_by_every_preset_that_fits() {
    let gpu = gpu();
    let data = Dataset::open("digits").unwrap();
    for (name, lr, epochs) in [("mlp", 0.05, 8), ("cnn", 0.05, 6), ("resnet8", 0.05, 3)] {
        let network = presets::by_name(
            name,
            Shape {
                channels: 1,
                height: 8,
                width: 8,
            },
            10,
        )
        .unwrap();
        let with = ProgramOptions {
            sgd: Sgd::new(lr, 0.9, 0.0, false).unwrap(),
            ..options(&gpu)
        };
        let mut program = Program::new(&gpu, &network, &data, &with).unwrap();
        program
            .load(&init::initial(network.parameters(), 1).unwrap())
            .unwrap();
        let steps = epochs * program.steps_per_epoch();
        program
            .train(steps, &AtomicBool::new(false), &mut |_| ())
            .unwrap();
        let accuracy = program.evaluate().unwrap().accuracy;
        assert!(accuracy > 0.85, "{name}: {accuracy}");
        let counters = program.counters();
        assert!(counters.submits < counters.steps, "{name}: {counters:?}");
    }
}
