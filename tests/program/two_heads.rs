//! A trunk with two heads, two losses and a frozen layer.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::{gpu, noise, options};
use wattgrad::internals::data::{Arrays, Dataset, InputValues};
use wattgrad::internals::energy::{MeterOptions, Selection};
use wattgrad::internals::model::layers::Conv2d;
use wattgrad::internals::model::weights::Weights;
use wattgrad::internals::model::{Metric, MetricValue, Network, init};
use wattgrad::internals::optim::Sgd;
use wattgrad::internals::program::{Order, Program, ProgramOptions};
use wattgrad::internals::train::{
    Budget, EvaluationPoint, Goal, MetricTarget, NoObserver, Outcome, Regime, Trainer,
};

/// A trunk shared by two heads with two losses and one frozen layer: the gradients match the f64 oracle, and the frozen
/// layer does not change.
#[test]
fn two_heads_share_a_trunk_and_one_layer_is_frozen() {
    let gpu = gpu();
    let data = two_targets();
    let network = two_heads();
    let with = ProgramOptions {
        batch_size: 16,
        eval_batch_size: 16,
        order: Order::Sequential,
        update_rule: Arc::new(Sgd::new(0.0, 0.0, 0.0, false).unwrap()),
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
        update_rule: Arc::new(Sgd::new(0.02, 0.9, 0.0, false).unwrap()),
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

/// Every evaluation has the metrics of both tasks, and a target on a metric of one of them ends the run.
#[test]
fn a_target_on_one_of_two_tasks_ends_the_run() {
    let gpu = gpu();
    let train = |task: Option<&str>| {
        let regime = Regime {
            model: "two heads".into(),
            batch_size: 16,
            lr: Some(0.02),
            ..Regime::default()
        };
        let goal = Goal {
            target: MetricTarget {
                task: task.map(str::to_owned),
                metric: Metric::Loss,
                ..MetricTarget::accuracy(&[0.68, 0.6])
            },
            every_samples: 80,
            window: 1,
            budget: Budget {
                steps: Some(400),
                ..Budget::default()
            },
        };
        let meter = MeterOptions {
            selection: Selection::None,
            ..MeterOptions::default()
        };
        Trainer::new(&gpu, regime)
            .unwrap()
            .data(two_targets())
            .network(two_heads())
            .meter(meter)
            .goal(goal)
            .run(&mut NoObserver)
    };
    let record = train(Some("parity")).unwrap().record;
    assert_eq!(record.outcome, Outcome::TargetReached);
    let named = |value: &MetricValue| (value.task.clone(), value.metric);
    let expected = ["label", "parity"]
        .into_iter()
        .flat_map(|task| [Metric::Accuracy, Metric::Loss].map(|metric| (task.into(), metric)));
    let expected: Vec<(String, Metric)> = expected.collect();
    let (last, before) = record.evaluations.split_last().unwrap();
    for point in &record.evaluations {
        assert_eq!(
            point.metrics.iter().map(named).collect::<Vec<_>>(),
            expected
        );
    }
    assert!(last.metrics[3].deciding <= 0.6 && last.step < 400);
    assert!(before.iter().all(|point| point.metrics[3].deciding > 0.6));
    let reached = record.target_results[1].reached.unwrap();
    assert_eq!(
        (reached.step, reached.value),
        (last.step, last.metrics[3].deciding)
    );
    assert_eq!(reached.confirmed, Some(last.metrics[3].confirming));
    // Without a name both tasks have to reach it, in the same evaluation.
    let both = train(None).unwrap().record;
    let reaches =
        |point: &EvaluationPoint| [1, 3].iter().all(|at| point.metrics[*at].deciding <= 0.6);
    let (last, before) = both.evaluations.split_last().unwrap();
    assert_eq!(reaches(last), both.outcome == Outcome::TargetReached);
    assert!(!before.iter().any(reaches));
}

/// A frozen stem and a trunk with the heads `label` and `parity`.
fn two_heads() -> Network {
    let mut network = Network::new();
    let x = network.input([1, 6, 6]);
    let conv = Conv2d::square(4, 3, 1, 1);
    let frozen = network.conv2d("stem", x, conv).unwrap();
    let h = network.relu(frozen).unwrap();
    let trunk = network.linear("trunk", h, 12).unwrap();
    let h = network.relu(trunk).unwrap();
    let left = network.linear("left", h, 3).unwrap();
    let side = network.linear("side", h, 5).unwrap();
    let side = network.relu(side).unwrap();
    let right = network.linear("right", side, 2).unwrap();
    network.cross_entropy("label", left, 0, 1.0);
    network.cross_entropy("parity", right, 1, 0.5);
    assert_eq!(network.freeze("stem"), 2);
    network
}

/// The same network built from the f64 oracle: its loss and the gradient of every trained parameter.
fn two_heads_in_f64(data: &Dataset, weights: &Weights) -> (f64, Vec<(&'static str, Vec<f64>)>) {
    use wattgrad::internals::kernels::oracle::elementwise::{add, relu, relu_backward};
    use wattgrad::internals::kernels::oracle::{
        Conv, Form, Gemm, column_sums, cross_entropy, widen,
    };
    let get = |name: &str| widen(weights.floats(name).unwrap());
    let batch = 16;
    let normalisation = &data.normalisation[0];
    let x: Vec<f64> = data.train.inputs[0]
        .values()
        .map(|v| (v - normalisation.mean[0]) / normalisation.std[0])
        .collect();
    let conv = Conv {
        batch,
        channels: 1,
        height: 6,
        width: 6,
        out_channels: 4,
        kernel: [3, 3],
        stride: [1, 1],
        padding: [1, 1],
        dilation: [1; 2],
        groups: 1,
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
    let l = cross_entropy(
        &forward(&left, &t, "left", false),
        &labels(0),
        3,
        batch,
        0.0,
    );
    let r = cross_entropy(
        &forward(&right, &s, "right", false),
        &labels(1),
        2,
        batch,
        0.0,
    );
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

fn two_targets() -> Dataset {
    let count = 16;
    let inputs: Vec<f32> = (0..count as u32 * 36).map(noise).collect();
    let first: Vec<u32> = (0..count as u32).map(|i| i % 3).collect();
    let arrays = || Arrays {
        inputs: InputValues::F32(&inputs),
        labels: &first,
    };
    let mut data = Dataset::from_arrays("two", 3, &[1, 6, 6], arrays(), arrays()).unwrap();
    for split in [&mut data.train, &mut data.test] {
        let mut second = split.targets[0].clone();
        second.spec.name = "parity".into();
        second.bytes = (0..count as u8).map(|i| (i / 3) % 2).collect();
        split.targets.push(second);
    }
    data
}
