//! How a run ends.

#[cfg(unix)]
use super::{json, program};
use super::{sentence, stderr, stdout, succeeded, train, wattgrad};
use ::wattgrad::Weights;
use serde_json::Value;
use std::path::Path;
#[cfg(unix)]
use std::process::Stdio;

#[test]
fn target_ends_the_run_and_missing_it_is_no_failure() {
    let outcome = |target: &str| {
        let args = [
            "--eval-every",
            "0.04",
            "--target-accuracy",
            target,
            "--json",
        ];
        let output = train(&args);
        succeeded(&output);
        let record: Value = serde_json::from_slice(&output.stdout).unwrap();
        (record["outcome"].clone(), record["steps"].as_u64().unwrap())
    };
    assert_eq!(outcome("0"), ("target-reached".into(), 1));
    assert_eq!(outcome("1"), ("target-not-reached".into(), 3));
    let output = train(&["--target-accuracy", "1"]);
    succeeded(&output);
    assert!(
        stdout(&output).contains("NOT reached"),
        "{}",
        stdout(&output)
    );
}

#[test]
fn diverged_run_logs_null() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("s.jsonl");
    let args = [
        "train", "--data", "digits", "--epochs", "3", "--lr", "1e30", "--json",
    ];
    let output = wattgrad(&[&args[..], &["--steps-log", log.to_str().unwrap()]].concat());
    succeeded(&output);
    let record: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(record["outcome"], "diverged");
    let lines = std::fs::read_to_string(&log).unwrap();
    assert!(lines.contains("\"loss\":null"), "{lines}");
    // It ends with that step, whatever was under way: each time alike.
    let steps = lines.lines().count() as u64;
    assert_eq!(record["steps"], steps);
    let again: Value = serde_json::from_slice(&wattgrad(&args).stdout).unwrap();
    assert_eq!(again["steps"], steps);
    assert_eq!(
        again["evaluations"][0]["metrics"],
        record["evaluations"][0]["metrics"]
    );
}

#[test]
fn an_evaluation_that_is_not_finite_is_a_divergence_without_accuracy() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (good, bad) = (at("good.safetensors"), at("bad.safetensors"));
    succeeded(&train(&["--save-weights", &good]));
    let mut weights = Weights::read(Path::new(&good)).unwrap();
    let mut bias = weights.floats("fc1.bias").unwrap().to_vec();
    bias[5] = f32::NAN;
    weights.insert("fc1.bias", vec![bias.len()], bias).unwrap();
    weights.write(Path::new(&bad), "completed").unwrap();

    let start = ["--init-weights", &bad, "--max-steps", "0"];
    let error = sentence(&train(&start), 1);
    for part in ["fc1.bias", "[5]", "NaN", "--allow-non-finite"] {
        assert!(error.contains(part), "{error}");
    }
    let allowed = [&start[..], &["--allow-non-finite"]].concat();
    // Every accuracy reaches 0, but there is none.
    let saved = at("saved.safetensors");
    let more = ["--target-accuracy", "0", "--json", "--save-weights", &saved];
    let output = train(&[&allowed[..], &more].concat());
    succeeded(&output);
    let record: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(record["outcome"], "diverged");
    for metric in record["evaluations"][0]["metrics"].as_array().unwrap() {
        for key in ["value", "deciding", "confirming"] {
            assert_eq!(metric[key], Value::Null, "{metric}");
        }
    }
    let notes = stderr(&output);
    assert!(notes.contains("the weights are not finite"), "{notes}");
    assert!(
        notes.contains("the saved weights are not finite"),
        "{notes}"
    );
    let output = train(&allowed);
    let text = stdout(&output);
    assert!(
        text.contains("DIVERGED") && text.contains("test loss NaN"),
        "{text}"
    );
    assert!(!text.contains("accuracy"), "{text}");
    // A training step ends such a run too.
    let output = train(&["--init-weights", &bad, "--allow-non-finite", "--json"]);
    let record: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&record["outcome"], &record["steps"]),
        (&"diverged".into(), &1.into())
    );
    // The losses of four steps are finite, that of the evaluation after them is not.
    let diverging = [
        "--lr",
        "100",
        "--momentum",
        "0",
        "--max-steps",
        "4",
        "--json",
    ];
    let record: Value = serde_json::from_slice(&train(&diverging).stdout).unwrap();
    assert_eq!(
        (&record["outcome"], &record["steps"]),
        (&"diverged".into(), &4.into())
    );
    assert_ne!(record["training_loss"], Value::Null);
    assert_eq!(record["evaluations"][0]["metrics"][0]["value"], Value::Null);
    let alone = train(&["--allow-non-finite"]);
    assert_eq!(alone.status.code(), Some(2));
    assert!(stderr(&alone).contains("--init-weights"));
}

#[cfg(unix)]
#[test]
fn interrupt_leaves_record_and_weights() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (record, weights, log) = (at("r.json"), at("w.safetensors"), at("s.jsonl"));
    let mut child = program(&[
        "train",
        "--data",
        "digits",
        "--epochs",
        "1000000",
        "--record",
        &record,
        "--save-weights",
        &weights,
        "--steps-log",
        &log,
    ])
    .stdout(Stdio::piped())
    .stderr(Stdio::null())
    .spawn()
    .unwrap();
    // A line in the log means that training is under way.
    let patience = std::time::Instant::now();
    while std::fs::metadata(&log).map_or(0, |m| m.len()) == 0 {
        assert!(patience.elapsed().as_secs() < 120, "no step was logged");
        assert!(
            child.try_wait().unwrap().is_none(),
            "the run ended by itself"
        );
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let id = i32::try_from(child.id()).unwrap();
    // SAFETY: a signal to a child that has not been waited for, so its id is its own.
    assert_eq!(unsafe { libc::kill(id, libc::SIGINT) }, 0);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert!(stdout(&output).contains("INTERRUPTED"));
    let record = json(Path::new(&record));
    assert_eq!(record["outcome"], "interrupted");
    let steps = record["steps"].as_u64().unwrap();
    assert!(steps > 0);
    let lines = std::fs::read_to_string(&log).unwrap().lines().count();
    assert_eq!(lines as u64, steps, "every step that was taken is logged");
    let bytes = std::fs::read(&weights).unwrap();
    let (_, metadata) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    assert_eq!(
        metadata.metadata().as_ref().unwrap()["outcome"],
        "interrupted"
    );
}
