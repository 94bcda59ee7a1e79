//! Cells that start from pretraining runs, and cells of several tasks.

use std::fs;

use super::{output, printed};
use serde_json::Value;

const PRETRAINED: &str = r#"
name = "recycled"
seeds = [1, 2]
zip = [["init", "freeze"]]
[base]
model = "mlp"
data = "digits"
classes = "5-9"
new-head = true
[axes]
init = ["scratch", "pretrained", "pretrained"]
freeze = ["none", "none", "fc1"]
[target]
metric = "accuracy"
at-least = [0.99]
window = 128
[evaluate]
every-samples = 128
[budget]
samples = 256
[pretrain.base]
classes = "0-4"
[pretrain.target]
metric = "accuracy"
at-least = [0.2]
window = 128
[pretrain.budget]
samples = 512
"#;

#[test]
fn cells_start_from_pretraining_runs_whose_cost_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (file, out) = (at("recycled.toml"), at("out"));
    fs::write(&file, PRETRAINED).unwrap();
    let run = || output(&["study", "run", &file, "--out", &out]);
    let first = run();
    assert!(first.status.success(), "{}", printed(&first));
    assert!(printed(&first).contains("2 pretraining runs come first"));
    let record = |name: &str| -> Value {
        let text = fs::read_to_string(format!("{out}/{name}.json")).unwrap();
        serde_json::from_str(&text).unwrap()
    };
    let mut runs: Vec<String> = fs::read_dir(format!("{out}/runs"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    runs.sort();
    assert_eq!(runs.len(), 6, "{runs:?}");
    for run in &runs {
        let record = record(&format!("runs/{}", run.trim_end_matches(".json")));
        let origin = &record["record"]["network"]["initial_weights"];
        let seed = record["seed"].as_u64().unwrap();
        match run.contains("init=pretrained") {
            true => assert_eq!(*origin, format!("pretrain/base@{seed} (4 of 6 parameters)")),
            false => assert_eq!(origin, "default"),
        }
    }
    let pretrained = record("pretrain/runs/base@2");
    assert_eq!(pretrained["record"]["regime"]["classes"], "0-4");
    let status = output(&["study", "status", &out]);
    let text = printed(&status);
    assert!(
        text.contains("pretraining: 2 of 2 runs done, one per seed"),
        "{text}"
    );
    let verified = output(&["study", "verify", &out]);
    assert!(
        printed(&verified).contains("8 records verified"),
        "{}",
        printed(&verified)
    );
    let report = output(&["report", "--json", &out]);
    let axes = &serde_json::from_slice::<Value>(&report.stdout).unwrap()[0]["axes"];
    let values = serde_json::json!([["scratch", "pretrained"], ["none", "fc1"]]);
    assert_eq!(
        [&axes[0]["values"], &axes[1]["values"]],
        [&values[0], &values[1]],
        "zipped axes repeat values, an axis of a picture does not"
    );
    let report = output(&["report", &out]);
    assert!(
        printed(&report).contains("pretraining: 2 of 2"),
        "{}",
        printed(&report)
    );

    // Nothing is made twice, and lost weights are one sentence.
    let again = run();
    assert!(
        !printed(&again).contains("come first"),
        "{}",
        printed(&again)
    );
    fs::remove_file(format!("{out}/pretrain/weights/base@2.safetensors")).unwrap();
    let lost = runs
        .iter()
        .find(|run| run.contains("init=pretrained") && run.contains("@2"));
    fs::remove_file(format!("{out}/runs/{}", lost.unwrap())).unwrap();
    let failed = run();
    assert!(
        printed(&failed).contains("has lost its weights"),
        "{}",
        printed(&failed)
    );
    let estimated = output(&["study", "run", &file, "--dry-run", "--json"]);
    let estimate: Value = serde_json::from_slice(&estimated.stdout).unwrap();
    assert_eq!(estimate["runs"], 8);
}
