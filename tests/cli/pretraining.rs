//! Starting from the weights of another run, freezing, and parts of a data set.

use super::{sentence, stderr, succeeded, wattgrad};
use ::wattgrad::Weights;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

struct Folder(tempfile::TempDir);

impl Folder {
    fn file(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn weights(&self, name: &str) -> Weights {
        Weights::read(Path::new(&self.file(name))).unwrap()
    }
}

const CNN: [&str; 7] = [
    "train", "--data", "digits", "--model", "cnn", "--meter", "none",
];

fn run(more: &[&str]) -> std::process::Output {
    wattgrad(&[&CNN[..], more].concat())
}

#[test]
fn a_run_takes_what_matches_and_keeps_frozen_layers() {
    let folder = Folder(tempfile::tempdir().unwrap());
    let (first, second) = (folder.file("first"), folder.file("second"));
    succeeded(&run(&[
        "--classes",
        "0-4",
        "--max-steps",
        "3",
        "--save-weights",
        &first,
    ]));
    let start = [
        "--classes",
        "5,6,7-9",
        "--init-weights",
        &first,
        "--max-steps",
        "2",
    ];
    let with = |more: &[&str]| run(&[&start[..], more].concat());
    let output = with(&[
        "--new-head",
        "--freeze",
        "conv*",
        "--save-weights",
        &second,
        "--json",
    ]);
    succeeded(&output);
    let notes = stderr(&output);
    assert!(notes.contains("took 6 of 8 parameters"), "{notes}");
    assert!(
        notes.contains("new: fc2.weight, fc2.bias (not chosen)"),
        "{notes}"
    );
    let record: Value = serde_json::from_slice(&output.stdout).unwrap();
    let regime = &record["regime"];
    assert_eq!(regime["classes"], "5-9");
    assert_eq!(regime["init"], "pretrained");
    assert_eq!(regime["new_head"], true);
    assert_eq!(regime["freeze"], "conv*");
    assert_eq!(record["data"]["classes"], 5);
    let origin = record["network"]["initial_weights"].as_str().unwrap();
    assert!(origin.ends_with("(6 of 8 parameters)"), "{origin}");
    let (before, after) = (folder.weights("first"), folder.weights("second"));
    for (name, param) in after.iter() {
        let same = before.get(name) == Some(param);
        assert_eq!(same, name.starts_with("conv"), "{name}");
    }

    // Of ten classes the head has another shape; a checkpoint serves as a file of weights.
    let ck = folder.file("ck");
    let args = ["--max-steps", "1", "--checkpoint", &ck, "--every", "1steps"];
    succeeded(&run(&args));
    let ten = format!("{ck}/step-000000000001.safetensors");
    let only = |pattern: &str| {
        let args = [
            "--classes",
            "0-4",
            "--init-weights",
            &ten,
            "--max-steps",
            "0",
        ];
        run(&[&args[..], &["--only", pattern, "--json"]].concat())
    };
    let output = only("conv1, fc*");
    succeeded(&output);
    let notes = stderr(&output);
    assert!(notes.contains("took 4 of 8 parameters"), "{notes}");
    assert!(
        notes.contains("fc2.bias (of another shape in the file)"),
        "{notes}"
    );
    assert!(sentence(&only("fc2"), 1).contains("no tensor of"));
    let error = sentence(&only("layer9.*"), 2);
    assert!(
        error.contains("its layers are conv1, conv2, fc1, fc2"),
        "{error}"
    );
    let all = run(&[
        "--classes",
        "0-4",
        "--init-weights",
        &ten,
        "--max-steps",
        "0",
    ]);
    assert!(sentence(&all, 1).contains("has shape [10, 128]"));

    let wrong = |more: &[&str], part: &str| {
        let error = sentence(&run(more), 2);
        assert!(error.contains(part), "{error}");
    };
    wrong(&["--only", "conv*"], "add --init-weights");
    wrong(&["--new-head"], "add --init-weights");
    wrong(&["--init", "pretrained"], "--init-weights FILE");
    wrong(
        &["--init", "scratch", "--init-weights", &first],
        "takes no weights",
    );
    wrong(&["--freeze", "*"], "every parameter");
    wrong(&["--unfreeze-at", "1"], "needs --freeze");
    wrong(&["--classes", "4-12"], "list each class once, from 0 to 9");
    wrong(&["--train-fraction", "10"], "at most 1");
    wrong(&["--train-fraction", "0.01"], "batch size");
    let part = run(&["--train-fraction", "0.1", "--max-steps", "0", "--json"]);
    succeeded(&part);
    let record: Value = serde_json::from_slice(&part.stdout).unwrap();
    let samples = record["data"]["train_samples"].as_u64().unwrap();
    assert!((140..220).contains(&samples), "{samples}");
    assert_eq!(record["regime"]["train_fraction"], json!(0.1));
}

#[test]
fn frozen_layers_are_trained_after_some_epochs_also_in_a_resumed_run() {
    let folder = Folder(tempfile::tempdir().unwrap());
    let args = |name: &str, more: &[&str]| -> Vec<String> {
        let log = folder.file(&format!("{name}.jsonl"));
        let weights = folder.file(name);
        let own = [
            "--freeze",
            "conv*",
            "--unfreeze-at",
            "0.25",
            "--max-steps",
            "12",
            "--eval-every",
            "0.25",
            "--steps-log",
            &log,
            "--save-weights",
            &weights,
            "--json",
        ];
        let all = own.iter().chain(more);
        all.map(|text| (*text).to_owned()).collect()
    };
    let start = |name: &str, more: &[&str]| {
        let args = args(name, more);
        let output = run(&args.iter().map(String::as_str).collect::<Vec<_>>());
        succeeded(&output);
        (
            serde_json::from_slice::<Value>(&output.stdout).unwrap(),
            stderr(&output),
        )
    };
    let (unbroken, notes) = start("unbroken", &[]);
    let at = (unbroken["steps_per_epoch"].as_f64().unwrap() / 4.0).round() as u64;
    assert!(
        notes.contains(&format!("is trained from step {} on", at + 1)),
        "{notes}"
    );
    let work = &unbroken["work"];
    let most = work["flops_per_step"].as_f64().unwrap() * 12.0;
    assert!(
        work["training_flops"].as_f64().unwrap() < 0.9 * most,
        "{work}"
    );
    // Checkpoints before and after the layers were unfrozen.
    for (every, resumed) in [("6steps", 6), ("4steps", 8)] {
        let ck = folder.file(every);
        let more = ["--checkpoint", &ck, "--every", every, "--resume"];
        start("resumed", &more);
        fs::remove_file(format!("{ck}/step-000000000012.safetensors")).unwrap();
        let (record, notes) = start("resumed", &more);
        assert!(notes.contains(&format!("after step {resumed}")), "{notes}");
        for file in ["", ".jsonl"] {
            let read = |name: &str| fs::read(folder.file(&format!("{name}{file}"))).unwrap();
            assert!(read("resumed") == read("unbroken"), "{every} {file}");
        }
        assert_eq!(record["work"]["training_flops"], work["training_flops"]);
    }
}

#[test]
fn several_tasks_share_a_trunk_and_end_the_run_together() {
    let folder = Folder(tempfile::tempdir().unwrap());
    let weights = folder.file("weights");
    let fashion = |more: &[&str]| {
        let start = [
            "train",
            "--data",
            "fashion-mnist",
            "--batch-size",
            "256",
            "--meter",
            "none",
            "--json",
        ];
        wattgrad(
            &[
                &start[..],
                &["--eval-batch-size", "1000", "--max-steps", "3"],
                more,
            ]
            .concat(),
        )
    };
    let args = [
        "--tasks",
        "label,kind",
        "--task-weights",
        "1,0.5",
        "--save-weights",
        &weights,
    ];
    let output = fashion(&[&args[..], &["--task-targets", "0.01,0.99"]].concat());
    succeeded(&output);
    let record: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(record["outcome"], "target-not-reached");
    assert_eq!(record["regime"]["tasks"], "label+kind");
    assert_eq!(record["regime"]["task_weights"], "1+0.5");
    let metrics = record["evaluations"][0]["metrics"].as_array().unwrap();
    let tasks: Vec<&str> = metrics
        .iter()
        .map(|one| one["task"].as_str().unwrap())
        .collect();
    assert_eq!(tasks, ["label", "label", "kind", "kind"]);
    let saved = folder.weights("weights");
    assert_eq!(saved.get("heads.label.weight").unwrap().shape, [10, 256]);
    assert_eq!(saved.get("heads.kind.weight").unwrap().shape, [5, 256]);
    let reached = fashion(&[
        "--tasks",
        "kind,label",
        "--task-targets",
        "0.01,0.01",
        "--eval-every",
        "0.001",
    ]);
    succeeded(&reached);
    let record: Value = serde_json::from_slice(&reached.stdout).unwrap();
    assert_eq!(
        (&record["outcome"], &record["steps"]),
        (&"target-reached".into(), &1.into())
    );
    let one = fashion(&["--tasks", "kind", "--init-weights", &weights, "--new-head"]);
    succeeded(&one);
    assert!(
        stderr(&one).contains("took 4 of 6 parameters"),
        "{}",
        stderr(&one)
    );

    let wrong = |more: &[&str], part: &str| {
        let error = sentence(&fashion(more), 2);
        assert!(error.contains(part), "{error}");
    };
    wrong(&["--tasks", "label,colour"], "colour");
    wrong(&["--tasks", "kind,kind"], "twice");
    wrong(
        &["--tasks", "label,kind", "--task-weights", "1"],
        "one value for each of the 2 tasks",
    );
    wrong(&["--task-weights", "0"], "above 0");
}
