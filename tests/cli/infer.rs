//! Inference by batch size, and a report that sets it against training.

use serde_json::Value;

use crate::{stderr, stdout, succeeded, wattgrad};

#[test]
fn measures_each_batch_size_and_serves_a_report() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (infer, run) = (path("infer.json"), path("run.json"));
    let measured = wattgrad(&[
        "infer",
        "--data",
        "digits",
        "--batch-sizes",
        "64,1000000,64",
        "--seconds",
        "0.05",
        "--meter",
        "none",
        "--record",
        &infer,
        "--json",
    ]);
    succeeded(&measured);
    let found: Value = serde_json::from_slice(&measured.stdout).unwrap();
    let points = found["points"].as_array().unwrap();
    let sizes: Vec<_> = points.iter().map(|point| &point["batch_size"]).collect();
    let samples = &found["data"]["test_samples"];
    assert_eq!(
        sizes,
        [&Value::from(64), samples],
        "each size once, none above the test set"
    );
    for point in points {
        assert!(
            point["seconds_per_1000"].as_array().unwrap().len() >= 3,
            "{point}"
        );
        assert!(point["flops_per_1000"].as_f64().unwrap() > 0.0);
        let joules = point["energy"].as_array().unwrap();
        assert!(
            joules.iter().all(|row| row["joules_per_1000"].is_null()),
            "{point}"
        );
    }
    let trained = wattgrad(&[
        "train",
        "--data",
        "digits",
        "--max-steps",
        "5",
        "--meter",
        "none",
        "--record",
        &run,
    ]);
    succeeded(&trained);
    let record: Value = serde_json::from_str(&std::fs::read_to_string(&run).unwrap()).unwrap();
    let evaluations = record["evaluations"].as_array().unwrap().len() as f64;
    let each = record["work"]["evaluation_flops"].as_f64().unwrap() / evaluations;
    let per_1000 = 1000.0 * each / samples.as_f64().unwrap();
    let whole = points[1]["flops_per_1000"].as_f64().unwrap();
    assert!(
        (whole / per_1000 - 1.0).abs() < 1e-9,
        "{whole} and {per_1000}"
    );
    let report = wattgrad(&["report", &run, "--inference", &infer, "--json"]);
    succeeded(&report);
    let json: Value = serde_json::from_slice(&report.stdout).unwrap();
    let cycles = json[0]["ledgers"]["life_cycle"].as_array().unwrap();
    assert!(
        cycles
            .iter()
            .all(|one| one["inference"]["from"] == "measured"),
        "{cycles:?}"
    );
    let kinds: Vec<_> = cycles
        .iter()
        .map(|one| one["kind"]["kind"].as_str().unwrap())
        .collect();
    assert!(kinds.contains(&"flops"), "{kinds:?}");
    let printed = stdout(&wattgrad(&["report", &run, "--inference", &infer]));
    assert!(
        printed.contains("Inference outweighs training"),
        "{printed}"
    );
    let text = stdout(&wattgrad(&[
        "infer",
        "--data",
        "digits",
        "--batch-sizes",
        "64",
        "--seconds",
        "0.05",
        "--meter",
        "none",
    ]));
    assert!(
        text.contains("batch size") && text.contains("samples/s"),
        "{text}"
    );
}

#[test]
fn refuses_what_it_cannot_measure_or_read() {
    for args in [
        vec!["infer", "--data", "digits", "--seconds", "0"],
        vec!["infer", "--data", "digits", "--batch-sizes", "0"],
    ] {
        let output = wattgrad(&args);
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    }
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other.json").display().to_string();
    std::fs::write(&other, "{}").unwrap();
    let output = wattgrad(&["report", "no-study", "--inference", &other]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("wattgrad infer"),
        "{}",
        stderr(&output)
    );
}
