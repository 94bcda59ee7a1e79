//! Every kind of loss in one network: gradients and metrics match the f64 oracle.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::{gpu, noise, options};
use wattgrad::internals::data::{Column, ColumnSpec, Dataset, Dtype, Split, Task, TaskKind};
use wattgrad::internals::kernels::oracle::{
    Form, Gemm, binary_cross_entropy, column_sums, squared_error, weighted_cross_entropy, widen,
};
use wattgrad::internals::model::{LossKind, Metric, Network, init};
use wattgrad::internals::optim::Sgd;
use wattgrad::internals::program::{Order, Program, ProgramOptions};

/// Which samples count.
type Chosen<'a> = &'a dyn Fn(usize) -> bool;

const SAMPLES: usize = 13;
const FEATURES: usize = 6;
const CLASSES: usize = 3;
const LABELS: usize = 5;
const VALUES: usize = 2;

fn column(name: &str, shape: &[usize], values: &[f32]) -> Column {
    Column {
        spec: ColumnSpec {
            name: name.into(),
            dtype: Dtype::F32,
            shape: shape.to_vec(),
        },
        bytes: values.iter().flat_map(|v| v.to_le_bytes()).collect(),
    }
}

fn small(name: &str, shape: &[usize], values: &[u8]) -> Column {
    Column {
        spec: ColumnSpec {
            name: name.into(),
            dtype: Dtype::U8,
            shape: shape.to_vec(),
        },
        bytes: values.to_vec().into(),
    }
}

fn split() -> Split {
    let many =
        |seed: u32, n: usize| -> Vec<f32> { (0..n as u32).map(|i| noise(seed + i)).collect() };
    let classes: Vec<u8> = (0..SAMPLES)
        .map(|i| ((2 * i + i / 4) % CLASSES) as u8)
        .collect();
    let labels = many(500, SAMPLES * LABELS);
    let labels: Vec<u8> = labels.iter().map(|v| u8::from(*v > 0.1)).collect();
    Split {
        len: SAMPLES,
        inputs: vec![column("x", &[FEATURES], &many(0, SAMPLES * FEATURES))],
        targets: vec![
            small("class", &[], &classes),
            small("labels", &[LABELS], &labels),
            column("values", &[VALUES], &many(900, SAMPLES * VALUES)),
        ],
    }
}

fn data() -> Dataset {
    let tasks = vec![
        Task::new("class", 0, TaskKind::Classes(CLASSES)),
        Task::new("labels", 1, TaskKind::Labels(LABELS)),
        Task::new("values", 2, TaskKind::Values(VALUES)),
    ];
    Dataset::from_splits("mixed", tasks, 1.0, split(), split()).unwrap()
}

fn network() -> Network {
    let mut net = Network::new();
    let x = net.input([FEATURES as u32]);
    let class = net.linear("class", x, CLASSES as u32).unwrap();
    let labels = net.linear("labels", x, LABELS as u32).unwrap();
    let values = net.linear("values", x, VALUES as u32).unwrap();
    let weighted = LossKind::CrossEntropy {
        label_smoothing: 0.1,
        class_weights: Some(vec![0.5, 2.0, 1.25]),
    };
    let binary = LossKind::BinaryCrossEntropy {
        pos_weight: Some(vec![1.0, 2.0, 0.5, 3.0, 1.5]),
    };
    net.loss("class", weighted, class, 0, 1.0);
    net.loss("labels", binary, labels, 1, 0.5);
    net.loss("values", LossKind::MeanSquaredError, values, 2, 2.0);
    net
}

#[test]
fn every_kind_of_loss_matches_the_oracle() {
    let gpu = gpu();
    let (data, network) = (data(), network());
    let with = ProgramOptions {
        batch_size: SAMPLES as u32,
        // The last batch of an evaluation is not full.
        eval_batch_size: 5,
        order: Order::Sequential,
        update_rule: Arc::new(Sgd::new(0.0, 0.0, 0.0, false).unwrap()),
        ..options(&gpu)
    };
    let mut program = Program::new(&gpu, &network, &data, &with).unwrap();
    let weights = init::initial(network.parameters(), 4).unwrap();
    program.load(&weights).unwrap();
    let mut loss = 0.0;
    program
        .train(1, &AtomicBool::new(false), &mut |r| {
            loss = f64::from(r.loss)
        })
        .unwrap();

    let get = |name: &str| widen(weights.floats(name).unwrap());
    let normal = &data.normalisation[0];
    let x: Vec<f64> = data.train.inputs[0]
        .values()
        .map(|v| (v - normal.mean[0]) / normal.std[0])
        .collect();
    let target = |at: usize| -> Vec<f64> { data.train.targets[at].values().collect() };
    let classes: Vec<usize> = target(0).iter().map(|v| *v as usize).collect();
    let head = |name: &str, n| {
        let gemm = Gemm {
            form: Form::Nt,
            m: SAMPLES,
            n,
            k: FEATURES,
        };
        let (w, b) = (get(&format!("{name}.weight")), get(&format!("{name}.bias")));
        gemm.forward(&x, &w, Some(&b), false)
    };
    let logits = head("class", CLASSES);
    let class = |smoothing, weights: &[f64]| {
        weighted_cross_entropy(&logits, &classes, CLASSES, SAMPLES, smoothing, weights)
    };
    let (outputs, labels) = (head("labels", LABELS), target(1));
    let binary = |weights| binary_cross_entropy(&outputs, &labels, LABELS, SAMPLES, weights);
    let values = squared_error(&head("values", VALUES), &target(2), VALUES, SAMPLES);
    let trained = class(0.1, &[0.5, 2.0, 1.25]);
    let weighted = binary(Some(&[1.0, 2.0, 0.5, 3.0, 1.5]));
    let expected = trained.mean + 0.5 * weighted.mean + 2.0 * values.mean;
    assert!(
        (loss - expected).abs() < 1e-6 * expected,
        "{loss}, in f64 {expected}"
    );
    for (name, gradient, weight, n) in [
        ("class", &trained.gradient, 1.0, CLASSES),
        ("labels", &weighted.gradient, 0.5, LABELS),
        ("values", &values.gradient, 2.0, VALUES),
    ] {
        let got = program.gradient(&format!("{name}.bias")).unwrap().unwrap();
        for (got, want) in got.iter().zip(column_sums(gradient, SAMPLES, n)) {
            let want = weight * want;
            assert!(
                (f64::from(*got) - want).abs() < 1e-6,
                "{name}: {got}, in f64 {want}"
            );
        }
    }

    // The evaluation takes the plain losses.
    let found = program.evaluate().unwrap().metrics;
    let named: Vec<_> = found.iter().map(|m| (m.task.as_str(), m.metric)).collect();
    assert_eq!(
        named,
        [
            ("class", Metric::Accuracy),
            ("class", Metric::Loss),
            ("labels", Metric::MeanAccuracy),
            ("labels", Metric::F1),
            ("labels", Metric::Loss),
            ("values", Metric::Mse),
            ("values", Metric::Loss),
        ]
    );
    let check = |at: usize, value: f64, part: &dyn Fn(Chosen<'_>) -> f64| {
        let metric = &found[at];
        let want = [
            part(&|_| true),
            part(&|i| i % 2 == 0),
            part(&|i| i % 2 == 1),
        ];
        assert!((want[0] - value).abs() < 1e-9, "{metric:?}");
        for (got, want) in [metric.value, metric.deciding, metric.confirming]
            .iter()
            .zip(want)
        {
            assert!(
                (got - want).abs() < 2e-6,
                "{metric:?}: {got} instead of {want}"
            );
        }
    };
    let mean = |rows: &[f64], of: &dyn Fn(usize) -> bool| {
        let chosen: Vec<f64> = (0..SAMPLES).filter(|i| of(*i)).map(|i| rows[i]).collect();
        chosen.iter().sum::<f64>() / chosen.len() as f64
    };
    let plain = class(0.0, &[1.0; CLASSES]);
    check(1, plain.mean, &|of| mean(&plain.rows, of));
    let plain = binary(None);
    check(4, plain.mean, &|of| mean(&plain.rows, of));
    check(5, values.mean, &|of| mean(&values.rows, of));
    let right: Vec<f64> = (0..SAMPLES)
        .map(|i| {
            let row = i * LABELS..(i + 1) * LABELS;
            let right = row.filter(|&j| (outputs[j] > 0.0) == (labels[j] > 0.5));
            right.count() as f64 / LABELS as f64
        })
        .collect();
    check(2, mean(&right, &|_| true), &|of| mean(&right, of));
    let f1 = |of: &dyn Fn(usize) -> bool| {
        let chosen = || (0..SAMPLES * LABELS).filter(|j| of(j / LABELS));
        let hits = chosen()
            .filter(|&j| outputs[j] > 0.0 && labels[j] > 0.5)
            .count();
        let marks = chosen().filter(|&j| outputs[j] > 0.0).count()
            + chosen().filter(|&j| labels[j] > 0.5).count();
        2.0 * hits as f64 / marks as f64
    };
    check(3, f1(&|_| true), &f1);
}

#[test]
fn rejects_targets_that_do_not_suit_the_loss() {
    let gpu = gpu();
    let data = data();
    let with = ProgramOptions {
        batch_size: 4,
        ..options(&gpu)
    };
    let error = |kind: LossKind, outputs: u32, target: usize| {
        let mut net = Network::new();
        let x = net.input([FEATURES as u32]);
        let output = net.linear("head", x, outputs).unwrap();
        net.loss("task", kind, output, target, 1.0);
        Program::new(&gpu, &net, &data, &with)
            .unwrap_err()
            .to_string()
    };
    let binary = LossKind::binary_cross_entropy;
    let text = error(LossKind::cross_entropy(), 5, 1);
    assert!(text.contains("5 values per sample"), "{text}");
    let text = error(LossKind::cross_entropy(), 2, 0);
    assert!(text.contains("a label is 2"), "{text}");
    let text = error(binary(), 4, 1);
    assert!(
        text.contains("has the shape [5]") && text.contains("has [4]"),
        "{text}"
    );
    let text = error(binary(), 2, 2);
    assert!(text.contains("are 0 or 1"), "{text}");
    let pos_weight = Some(vec![1.0; 4]);
    let text = error(LossKind::BinaryCrossEntropy { pos_weight }, 5, 1);
    assert!(text.contains("each of the 5 outputs, got 4"), "{text}");
}
