//! `wattgrad report` on single records.

use std::path::Path;
use std::process::{Command, Output};

use wattgrad::internals::model::{Metric, MetricValue};
use wattgrad::internals::train::{Budget, EvaluationPoint, Goal, MetricTarget, Outcome, Record};

use super::runs::real;

pub(super) fn report(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wattgrad"))
        .arg("report")
        .args(args)
        .output()
        .unwrap()
}

pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Two records that differ in rate and seed, and one that repeats the first with another seed.
fn records(folder: &Path) -> Vec<String> {
    let regimes = [(0.05, 0), (0.01, 0), (0.05, 1)];
    let write = |(at, (lr, seed)): (usize, (f64, u32))| {
        let mut record = real();
        record.regime.lr = Some(lr);
        record.regime.seed = seed;
        record.durations.training_seconds *= 1.0 + at as f64;
        let path = folder.join(format!("run-{at}.json"));
        record.write(&path).unwrap();
        path.display().to_string()
    };
    regimes.into_iter().enumerate().map(write).collect()
}

#[test]
fn compares_records_and_writes_every_file() {
    let folder = tempfile::tempdir().unwrap();
    let paths = records(folder.path());
    let at = |name: &str| folder.path().join(name).display().to_string();
    let (html, svg, csv) = (at("r.html"), at("r.svg"), at("tables"));
    let mut args: Vec<&str> = paths.iter().map(String::as_str).collect();
    args.extend(["--html", &html, "--svg", &svg, "--csv", &csv]);
    let output = report(&args);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let printed = text(&output.stdout);
    let words: Vec<&str> = printed.split_whitespace().collect();
    let packed = words.join(" ");
    assert!(printed.contains("3 single runs"), "{printed}");
    assert!(
        printed.contains("lr 0.05") && printed.contains("lr 0.01"),
        "{printed}"
    );
    assert!(printed.contains("2 regimes, 2 seeds"), "{printed}");
    assert!(
        packed.contains("at or above 86.00 %"),
        "the target they share: {printed}"
    );
    assert!(!printed.contains('\x1b'), "no colours into a pipe");
    let page = std::fs::read_to_string(&html).unwrap();
    assert!(page.ends_with("</html>"));
    assert!(std::fs::read_to_string(&svg).unwrap().ends_with("</svg>"));
    let mut names: Vec<String> = std::fs::read_dir(folder.path())
        .unwrap()
        .chain(std::fs::read_dir(&csv).unwrap())
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "cells.csv",
            "costs.csv",
            "energy.csv",
            "evaluations.csv",
            "life_cycle.csv",
            "power.csv",
            "r.html",
            "r.svg",
            "run-0.json",
            "run-1.json",
            "run-2.json",
            "runs.csv",
            "sensors.csv",
            "tables",
            "trials.csv"
        ]
    );
}

#[test]
fn names_a_record_that_was_changed() {
    let folder = tempfile::tempdir().unwrap();
    let paths = records(folder.path());
    let whole = std::fs::read_to_string(&paths[0]).unwrap();
    assert!(!notes(&analysis(&paths)).contains("CHANGED"));
    // Its layout may change, and a record of an older version has no checksum.
    let value: serde_json::Value = serde_json::from_str(&whole).unwrap();
    std::fs::write(&paths[0], value.to_string()).unwrap();
    let mut old = value.clone();
    old.as_object_mut().unwrap().remove("sha256").unwrap();
    std::fs::write(&paths[1], old.to_string()).unwrap();
    assert!(!notes(&analysis(&paths)).contains("CHANGED"));
    let mut changed = value;
    changed["evaluations"][0]["metrics"][0]["value"] = 0.99.into();
    std::fs::write(&paths[0], changed.to_string()).unwrap();
    let found = notes(&analysis(&paths));
    assert!(found.contains("run-0.json\" was CHANGED"), "{found}");
}

#[test]
fn reports_a_single_record_and_prints_the_analysis_as_json() {
    let folder = tempfile::tempdir().unwrap();
    let paths = records(folder.path());
    let output = report(&[&paths[0], "--markdown"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("| **mlp on fashion-mnist** |"));
    let output = report(&[&paths[0], &paths[0], "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json[0]["cells"][0]["runs"].as_array().unwrap().len(), 1);
    assert_eq!(json[0]["costs"][0]["kind"]["kind"], "seconds");
}

/// The analysis of these records.
fn analysis(paths: &[String]) -> serde_json::Value {
    let mut args: Vec<&str> = paths.iter().map(String::as_str).collect();
    args.push("--json");
    let output = report(&args);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let all: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    all[0].clone()
}

/// The notes of an analysis as one text.
fn notes(analysis: &serde_json::Value) -> String {
    let notes = analysis["notes"].as_array().unwrap().iter();
    notes.map(|note| note.as_str().unwrap()).collect()
}

/// The cost in training samples, to the last target.
fn samples(analysis: &serde_json::Value) -> &serde_json::Value {
    let mut costs = analysis["costs"].as_array().unwrap().iter();
    costs
        .find(|cost| cost["kind"]["kind"] == "samples")
        .unwrap()
}

/// A run of these accuracies at the ends of epochs of 60,000 samples.
pub(super) fn trained(accuracies: &[f64], lr: f64, target: Option<f64>) -> Record {
    let mut record = real();
    let first = record.evaluations[0].clone();
    record.regime.lr = Some(lr);
    record.regime.target_accuracy = target;
    record.evaluations = (1..)
        .zip(accuracies)
        .map(|(epoch, accuracy)| EvaluationPoint {
            step: 100 * epoch,
            samples: 60_000 * epoch,
            seconds: 2.0 * epoch as f64,
            training_seconds: epoch as f64,
            metrics: vec![MetricValue {
                task: "label".into(),
                metric: Metric::Accuracy,
                value: *accuracy,
                deciding: *accuracy,
                confirming: *accuracy,
            }],
            ..first.clone()
        })
        .collect();
    let last = record.evaluations.last().unwrap();
    (record.steps, record.samples) = (last.step, last.samples);
    record.outcome = match target {
        None => Outcome::Completed,
        Some(target) if last.accuracy() >= target => Outcome::TargetReached,
        Some(_) => Outcome::TargetNotReached,
    };
    record
}

pub(super) fn write(folder: &Path, records: &[Record]) -> Vec<String> {
    let write = |(at, record): (usize, &Record)| {
        let path = folder.join(format!("{at}.json"));
        record.write(&path).unwrap();
        path.display().to_string()
    };
    records.iter().enumerate().map(write).collect()
}

#[test]
fn ranks_records_of_one_target_by_their_cost_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let records = [
        trained(&[0.80, 0.84, 0.861], 0.05, Some(0.86)),
        trained(&[0.85, 0.87], 0.1, Some(0.86)),
        trained(&[0.5, 0.6, 0.7, 0.8], 0.01, Some(0.86)),
    ];
    let found = analysis(&write(folder.path(), &records));
    let cost = samples(&found);
    assert_eq!(cost["threshold"], 0.86);
    assert_eq!(cost["best"], 1);
    let expected: Vec<_> = (0..3)
        .map(|cell| cost["cells"][cell]["expected"].as_f64())
        .collect();
    assert_eq!(expected, [Some(180_000.0), Some(120_000.0), None]);
    let never = &cost["cells"][2]["trials"][0];
    assert_eq!(
        (never["ended"].as_str(), never["spent"].as_f64()),
        (Some("over-budget"), Some(240_000.0))
    );
    let told = notes(&found);
    assert!(
        told.contains("at or above 86.00 %") && !told.contains("DIFFERENT"),
        "{told}"
    );
    let answer = found["answer"]["headline"].as_str().unwrap();
    assert!(answer.starts_with("Best regime: lr 0.1: "), "{answer}");
    assert!(
        answer.contains(" to 86 % test accuracy (one seed, no interval)"),
        "{answer}"
    );
}

#[test]
fn compares_records_of_different_targets_at_the_lowest_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let records = [
        trained(&[0.80, 0.86, 0.91], 0.05, Some(0.90)),
        trained(&[0.84, 0.84, 0.84, 0.86], 0.1, Some(0.85)),
        trained(&[0.86, 0.7], 0.01, None),
    ];
    let found = analysis(&write(folder.path(), &records));
    let cost = samples(&found);
    assert_eq!(cost["threshold"], 0.85);
    let expected: Vec<_> = (0..3)
        .map(|cell| cost["cells"][cell]["expected"].as_f64().unwrap())
        .collect();
    assert_eq!(expected, [120_000.0, 240_000.0, 60_000.0]);
    let told = notes(&found);
    assert!(
        told.contains("DIFFERENT targets (85.00 %, 90.00 %, none)"),
        "{told}"
    );
    let paths = write(
        folder.path(),
        &[trained(&[0.8], 0.05, None), trained(&[0.9], 0.1, None)],
    );
    let found = analysis(&paths);
    assert!(samples(&found)["threshold"].is_null());
    assert!(notes(&found).contains("the runs have no target"));
}

#[test]
fn keeps_the_targets_and_windows_of_records_with_a_goal() {
    let folder = tempfile::tempdir().unwrap();
    let goal = |at_least: &[f64]| Goal {
        target: MetricTarget::accuracy(at_least),
        every_samples: 60_000,
        window: 2,
        budget: Budget {
            samples: Some(600_000),
            ..Budget::default()
        },
    };
    let held = |accuracies: &[f64], lr, at_least: &[f64]| {
        let mut record = trained(accuracies, lr, None);
        let goal = goal(at_least);
        record.target_results = goal.results(&record.evaluations);
        record.goal = Some(goal);
        record
    };
    let one = held(&[0.70, 0.82, 0.84, 0.88], 0.05, &[0.75, 0.85]);
    let same = held(&[0.86, 0.88], 0.1, &[0.75, 0.85]);
    let found = analysis(&write(folder.path(), &[one.clone(), same]));
    let cost = samples(&found);
    assert_eq!(cost["threshold"], 0.85);
    assert_eq!(
        cost["cells"][0]["expected"], 240_000.0,
        "the window decides"
    );
    assert_eq!(cost["cells"][1]["expected"], 120_000.0);
    assert_eq!(cost["cells"][1]["confirmed"], 0.87);
    assert_eq!(found["cadence"], serde_json::json!([60_000, 120_000]));
    assert!(!notes(&found).contains("DIFFERENT"));

    let higher = held(&[0.78, 0.84, 0.88, 0.94], 0.2, &[0.80, 0.90]);
    let found = analysis(&write(folder.path(), &[one, higher]));
    let targets: Vec<f64> = found["costs"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|cost| cost["kind"]["kind"] == "samples")
        .map(|cost| cost["threshold"].as_f64().unwrap())
        .collect();
    assert_eq!(targets.len(), 3);
    assert!(targets.iter().all(|target| *target <= 0.85), "{targets:?}");
    let cost = samples(&found);
    assert_eq!(
        cost["cells"][1]["expected"], 180_000.0,
        "on its way to 90 %"
    );
    assert!(notes(&found).contains("DIFFERENT targets (85.00 %, 90.00 %)"));
}

#[test]
fn accepts_the_file_of_a_run_in_a_study() {
    let folder = tempfile::tempdir().unwrap();
    let record = trained(&[0.8, 0.9], 0.05, Some(0.85));
    let keep = |name: &str, run: serde_json::Value| {
        let path = folder.path().join(name);
        std::fs::write(&path, run.to_string()).unwrap();
        path.display().to_string()
    };
    let run = serde_json::json!({
        "schema": 2, "id": "lr=0.05@1", "cell": "lr=0.05", "seed": 1, "purpose": "confirm", "outcome": "reached",
        "record": record,
    });
    let found = analysis(&[keep("trained.json", run.clone())]);
    assert_eq!(samples(&found)["cells"][0]["expected"], 120_000.0);
    let mut failed = run;
    failed["record"] = serde_json::Value::Null;
    failed["error"] = "the device was lost".into();
    let output = report(&[&keep("failed.json", failed)]);
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stderr);
    assert!(
        told.contains("failed before it trained: the device was lost"),
        "{told}"
    );
}

#[test]
fn refuses_bad_arguments_in_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let paths = records(folder.path());
    let other = folder.path().join("notes.json");
    std::fs::write(&other, "{}").unwrap();
    let other = other.display().to_string();
    let nowhere = folder.path().join("no/such/r.html").display().to_string();
    for (args, code, told) in [
        (vec![], 2, "PATH"),
        (vec!["no-such-file.json"], 1, "cannot read a record from"),
        (vec![other.as_str()], 1, "cannot read a record from"),
        (vec![&paths[0], "--html", &nowhere], 1, "cannot write"),
        (
            vec![&paths[0], "--markdown", "--json"],
            2,
            "cannot be used with",
        ),
    ] {
        let output = report(&args);
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {stderr}");
        assert!(stderr.contains(told), "{args:?}: {stderr}");
    }
}

#[test]
fn cells_that_learn_different_tasks_are_not_ranked_against_each_other() {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("data/runs/2026-11-29-llvmpipe-knowledge/multitask-cnn");
    let output = report(&[kept.to_str().unwrap()]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let printed = text(&output.stdout);
    let words: Vec<&str> = printed.split_whitespace().collect();
    let packed = words.join(" ");
    for part in [
        "label 48.0 ksamples, kind 28.0 ksamples, label+kind 44.0 ksamples. They learn different tasks",
        "One network for all tasks (tasks label+kind) costs 0.58 (95 % CI 0.49 to 0.68) times",
    ] {
        assert!(packed.contains(part), "{part}: {printed}");
    }
    assert!(!packed.contains("Best regime"), "{printed}");
    // Single records likewise.
    let files = |tasks: &str| {
        let of = |seed: u32| kept.join(format!("runs/tasks={tasks}@{seed}.json"));
        [1, 2, 3].map(|seed| of(seed).display().to_string())
    };
    let paths = [files("label"), files("kind")].concat();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let output = report(&paths);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let printed = text(&output.stdout);
    assert_eq!(printed.matches("3 single runs").count(), 2, "{printed}");
    assert!(!printed.contains("worst"), "{printed}");
}

#[test]
fn a_cell_is_named_by_its_values_where_its_file_cannot_be() {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("data/runs/2026-11-29-llvmpipe-knowledge/pretraining-cnn");
    let output = report(&[kept.to_str().unwrap()]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let printed = text(&output.stdout);
    assert!(
        printed.contains("Best regime: init pretrained, freeze conv*:")
            && !printed.contains("conv-"),
        "{printed}"
    );
}
