//! The record of a run.

use super::{json, succeeded, train, wattgrad};
use serde_json::Value;

#[test]
fn record_has_the_fields_of_a_comparison() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.json");
    let log = folder.path().join("steps.jsonl");
    let output = wattgrad(&[
        "train",
        "--data",
        "digits",
        "--epochs",
        "1",
        "--eval-every",
        "0.5",
        "--assume-watts-per-core",
        "10",
        "--record",
        path.to_str().unwrap(),
        "--steps-log",
        log.to_str().unwrap(),
        "--json",
    ]);
    succeeded(&output);
    let record = json(&path);
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(printed, record, "--json prints the record");

    assert_eq!(record["schema"], 2);
    assert_eq!(record["outcome"], "completed");
    assert_eq!(record["regime"]["lr"], 0.05);
    assert_eq!(record["regime"]["batch_size"], 64);
    assert_eq!(record["regime"]["order"], "shuffled");
    assert_eq!(record["data"]["name"], "digits");
    assert_eq!(record["data"]["sha256"].as_str().unwrap().len(), 64);
    assert!(
        record["device"]["name"]
            .as_str()
            .is_some_and(|n| !n.is_empty())
    );
    for key in ["driver", "driver_info", "backend", "kind"] {
        assert!(record["device"][key].is_string(), "{key}");
    }
    assert_eq!(record["versions"]["wattgrad"], env!("CARGO_PKG_VERSION"));

    let samples = record["data"]["train_samples"].as_u64().unwrap();
    let steps = samples / 64;
    assert_eq!(record["steps"].as_u64(), Some(steps));
    assert_eq!(record["steps_per_epoch"].as_u64(), Some(steps));
    assert_eq!(record["dropped_per_epoch"].as_u64(), Some(samples % 64));
    let evaluations = record["evaluations"].as_array().unwrap();
    assert_eq!(evaluations.len(), 2);
    let mut before = 0.0;
    for point in evaluations {
        let step = point["step"].as_u64().unwrap();
        assert_eq!(point["samples"].as_u64(), Some(64 * step));
        let seconds = point["seconds"].as_f64().unwrap();
        assert!(seconds > before);
        before = seconds;
        let [accuracy, loss] = [0, 1].map(|at| &point["metrics"][at]);
        assert_eq!(
            (&accuracy["metric"], &loss["metric"]),
            (&"accuracy".into(), &"loss".into())
        );
        assert!((0.0..=1.0).contains(&accuracy["value"].as_f64().unwrap()));
        assert!(loss["value"].as_f64().is_some_and(|loss| loss > 0.0));
    }
    assert_eq!(evaluations[1]["step"].as_u64(), Some(steps));
    assert!(
        record["work"]["flops_per_step"]
            .as_u64()
            .is_some_and(|n| n > 1_000_000)
    );
    assert!(
        record["work"]["bytes_per_step"]
            .as_u64()
            .is_some_and(|n| n > 100_000)
    );
    assert!(
        record["durations"]["training_seconds"]
            .as_f64()
            .is_some_and(|s| s > 0.0)
    );
    assert!(
        record["program"]["lists"]
            .as_array()
            .is_some_and(|l| l.len() >= 3)
    );

    let energy = record["energy"].as_array().unwrap();
    assert!(!energy.is_empty());
    for row in energy {
        for key in ["source", "scope", "method", "status"] {
            assert!(row[key].is_string(), "{key} in {row}");
        }
        let unavailable = row["status"] == "unavailable";
        assert_eq!(row.get("joules").is_none(), unavailable, "{row}");
        assert!(!unavailable || row["reason"].is_string(), "{row}");
    }
    let assumed = energy
        .iter()
        .find(|row| row["source"] == "cpu-time")
        .unwrap();
    assert_eq!(assumed["status"], "assumed");
    assert_eq!(assumed["method"], "assumed");
    assert!(assumed["seconds"].as_f64().is_some_and(|s| s > 0.0));

    let lines: Vec<Value> = std::fs::read_to_string(&log)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len() as u64, steps);
    for (i, line) in lines.iter().enumerate() {
        assert_eq!(line["step"].as_u64(), Some(i as u64 + 1));
        assert_eq!(line["samples"].as_u64(), Some(64 * (i as u64 + 1)));
        assert!(line["loss"].is_f64(), "{line}");
    }
}

#[test]
fn record_without_meter_has_no_source() {
    let output = train(&["--meter", "none", "--json"]);
    succeeded(&output);
    let record: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(record["energy"], Value::Array(vec![]));
    assert_eq!(record["meter"]["selection"], "none");
}
