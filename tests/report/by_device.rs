//! `wattgrad report --by device`.

use std::path::Path;

use sha2::Digest as _;
use wattgrad::internals::train::Record;

use super::command::{report, text, trained, write};

#[test]
fn separates_records_by_device_and_writes_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let on = |mut record: Record, name: &str, times: f64| {
        record.device.name = name.into();
        for point in &mut record.evaluations {
            point.seconds *= times;
        }
        record
    };
    let records = [
        on(trained(&[0.80, 0.87], 0.05, Some(0.86)), "Card A", 1.0),
        on(trained(&[0.80, 0.84, 0.87], 0.1, Some(0.86)), "Card A", 1.0),
        on(trained(&[0.80, 0.87], 0.05, Some(0.86)), "Card B", 3.0),
        on(trained(&[0.80, 0.84, 0.87], 0.1, Some(0.86)), "Card B", 3.0),
    ];
    let paths = write(folder.path(), &records);
    let mut args: Vec<&str> = paths.iter().map(String::as_str).collect();
    args.extend(["--by", "device"]);
    let at = |name: &str| folder.path().join(name).display().to_string();
    let (html, csv) = (at("r.html"), at("tables"));
    let output = report(&[&args[..], &["--html", &html, "--csv", &csv]].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let printed = text(&output.stdout);
    let packed = printed.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        packed.contains("Lowest time to 86 % test accuracy: Card A with lr 0.05, 4.000 s"),
        "{printed}"
    );
    assert!(
        packed.contains("Card B needs 3.00 times as much"),
        "{printed}"
    );
    assert!(std::fs::read_to_string(&html).unwrap().ends_with("</html>"));
    let costs = std::fs::read_to_string(Path::new(&csv).join("device_costs.csv")).unwrap();
    assert!(
        costs
            .lines()
            .any(|line| line.contains("Card B,lr=0.1,time")),
        "{costs}"
    );
    let output = report(&[&args[..], &["--json"]].concat());
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let ratio = &json[0]["comparisons"][0]["devices"][1]["over_cheapest"]["of"]["ratio"];
    assert_eq!(
        ratio.as_f64().map(|ratio| (ratio * 1e9).round()),
        Some(3e9),
        "{json}"
    );
    let output = report(&[&args[..], &["--svg", &at("r.svg")]].concat());
    assert_eq!(output.status.code(), Some(2));
}

/// A copy of a kept study whose runs were made on the device `name`.
fn study_on(name: &str, folder: &Path) -> String {
    let kept = "data/runs/2026-11-29-llvmpipe-knowledge/multitask-mlp";
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join(kept);
    let copy = folder.join(name);
    std::fs::create_dir_all(copy.join("runs")).unwrap();
    std::fs::copy(kept.join("study.json"), copy.join("study.json")).unwrap();
    for entry in std::fs::read_dir(kept.join("runs")).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let mut run: serde_json::Value = serde_json::from_str(&text).unwrap();
        run["record"]["device"]["name"] = name.into();
        run.as_object_mut().unwrap().remove("sha256");
        run.sort_all_objects();
        let digest = sha2::Sha256::digest(run.to_string());
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        run["sha256"] = digest.into();
        let copied = copy.join("runs").join(path.file_name().unwrap());
        std::fs::write(copied, run.to_string()).unwrap();
    }
    copy.display().to_string()
}

#[test]
fn separates_folders_of_one_study_by_device() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["desktop", "laptop"];
    let [a, b] = names.map(|name| study_on(name, folder.path()));
    let output = report(&[&a, &b, "--by", "device", "--json"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    // Each choice of tasks is compared by itself.
    let compared = json.as_array().unwrap();
    let studies: Vec<&str> = compared
        .iter()
        .map(|one| one["name"].as_str().unwrap())
        .collect();
    let tasks = ["label", "kind", "label+kind"];
    assert_eq!(
        studies,
        tasks.map(|tasks| format!("multitask-mlp, tasks {tasks}"))
    );
    for one in compared {
        let devices = one["devices"].as_array().unwrap();
        let labels = devices.iter().map(|one| one["label"].as_str().unwrap());
        assert_eq!(labels.collect::<Vec<_>>(), names);
        for device in devices {
            assert_eq!(device["analysis"]["planned"], 3);
            assert_eq!(
                device["analysis"]["by_outcome"][0][1], 3,
                "no run counts twice or is lost"
            );
        }
    }
    assert!(
        json[0]["notes"].as_array().unwrap().is_empty(),
        "{}",
        json[0]["notes"]
    );
    let samples = json[0]["comparisons"].as_array().unwrap().iter();
    let samples = samples
        .clone()
        .find(|one| one["quantity"] == "samples")
        .unwrap();
    let over = &samples["devices"][1]["over_cheapest"]["of"]["ratio"];
    assert_eq!(
        over.as_f64(),
        Some(1.0),
        "counted samples are the same on both"
    );
    // Merged, the same run of two devices is a conflict.
    let merged = report(&[&a, &b]);
    let printed = text(&merged.stdout);
    let packed = printed.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(packed.contains("different records of one run"), "{printed}");
}
