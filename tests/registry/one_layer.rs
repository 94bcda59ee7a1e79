//! Networks of one layer with every loss, every type of a data set's elements, and every update rule.

use wattgrad::internals::data::Dtype;
use wattgrad::internals::kernels::Tuning;
use wattgrad::internals::model::{LossKind, Network};
use wattgrad::internals::optim::Schedule;
use wattgrad::internals::program::{Order, ProgramOptions};
use wattgrad::internals::train::Regime;

use super::{Case, case, dataset, options, tunings};

/// One layer with each kind of loss, with and without weights.
pub fn losses() -> Vec<Case> {
    let mut data = dataset([1, 1, 9], 60, 9, Dtype::U8);
    for split in [&mut data.train, &mut data.test] {
        for n in [7, 3] {
            let mut column = split.targets[0].clone();
            column.spec.shape = vec![n];
            column.bytes = vec![0; split.len * n].into();
            split.targets.push(column);
        }
    }
    let mut net = Network::new();
    let x = net.input([1, 1, 9]);
    let mut task = |name: &str, kind: LossKind, out, target| {
        let output = net.linear(name, x, out).unwrap();
        net.loss(name, kind, output, target, 0.5);
    };
    let class_weights = Some(vec![0.5; 10]);
    let weighted = LossKind::CrossEntropy {
        label_smoothing: 0.1,
        class_weights,
    };
    let pos_weight = Some(vec![2.0; 7]);
    task("weighted", weighted, 10, 0);
    task("binary", LossKind::binary_cross_entropy(), 7, 2);
    task(
        "positive",
        LossKind::BinaryCrossEntropy { pos_weight },
        7,
        2,
    );
    task("squared", LossKind::MeanSquaredError, 3, 3);
    let tunings = tunings().into_iter();
    tunings
        .map(|tuning| case("losses", &net, &data, &options(&tuning, 7, 4)))
        .collect()
}

/// One layer for every type of a data set's elements, in more shards than are bound at once.
pub fn types() -> Vec<Case> {
    let mut cases = vec![];
    for dtype in [
        Dtype::U8,
        Dtype::I8,
        Dtype::U16,
        Dtype::I16,
        Dtype::I32,
        Dtype::F16,
        Dtype::F32,
    ] {
        for tuning in [Tuning::gpu(), Tuning::texel(8)] {
            let data = dataset([1, 5, 7], 60, 9, dtype);
            let mut network = Network::new();
            let x = network.input([1, 5, 7]);
            let logits = network.linear("fc", x, 10).unwrap();
            network.cross_entropy("label", logits, 0, 1.0);
            for order in [Order::Shuffled, Order::Sequential] {
                // The evaluation gathers without changes. Shards of a few samples, so that there are more than are bound at once.
                let options = ProgramOptions {
                    order,
                    augmentation: match order {
                        Order::Shuffled => "flip,crop:2,cutout:3".parse().ok(),
                        Order::Sequential => "crop:1:edge".parse().ok(),
                    },
                    shard_limit: Some(35 * 5 * dtype.size_bytes() as u64),
                    ..options(&tuning, 4, 3)
                };
                let name = format!("one layer of {dtype:?}, {order:?}");
                cases.push(case(&name, &network, &data, &options));
            }
        }
    }
    cases
}

/// Every update rule over one layer with schedule, clipping and accumulation, and each of these with plain descent alone.
pub fn optimizers(tuning: &Tuning) -> Vec<Case> {
    let rules = [
        r#"{"optimizer": "sgd", "momentum": 0.0}"#,
        r#"{"optimizer": "sgd"}"#,
        r#"{"optimizer": "sgd", "dampening": 0.5}"#,
        r#"{"optimizer": "adam"}"#,
        r#"{"optimizer": "lion"}"#,
        r#"{"optimizer": "rmsprop"}"#,
        r#"{"optimizer": "rmsprop", "momentum": 0.5}"#,
        r#"{"optimizer": "rmsprop", "centered": true}"#,
        r#"{"optimizer": "rmsprop", "centered": true, "momentum": 0.5}"#,
    ];
    let data = dataset([1, 5, 7], 60, 9, Dtype::U8);
    let mut network = Network::new();
    let x = network.input([1, 5, 7]);
    let logits = network.linear("fc", x, 10).unwrap();
    network.cross_entropy("label", logits, 0, 1.0);
    let all = rules.iter().map(|rule| (*rule, true, Some(1.0), 3));
    let alone = [(false, Some(1.0), 1), (true, None, 1), (false, None, 2)];
    let alone = alone.map(|(scheduled, clip, accumulate)| (rules[0], scheduled, clip, accumulate));
    all.chain(alone)
        .map(|(rule, scheduled, clip_norm, accumulate)| {
            let regime: Regime = serde_json::from_str(rule).unwrap();
            let options = ProgramOptions {
                schedule: match scheduled {
                    true => Schedule::sweep(0.1, 1.0, 5),
                    false => Schedule::constant(),
                },
                clip_norm,
                accumulate,
                update_rule: regime.update_rule().unwrap(),
                ..options(tuning, 4, 3)
            };
            let with = format!(
                "scheduled {scheduled}, clipped {}, {accumulate} micro-batches",
                clip_norm.is_some()
            );
            case(
                &format!("one layer with {rule}, {with}"),
                &network,
                &data,
                &options,
            )
        })
        .collect()
}
