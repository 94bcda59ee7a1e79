//! `wattgrad report` on single records.

use std::path::Path;
use std::process::{Command, Output};

use super::runs::real;

fn report(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wattgrad"))
        .arg("report")
        .args(args)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Two records that differ in rate and seed, and one that repeats the first with another seed.
fn records(folder: &Path) -> Vec<String> {
    let regimes = [(0.05, 0), (0.01, 0), (0.05, 1)];
    let write = |(at, (lr, seed)): (usize, (f64, u32))| {
        let mut record = real();
        record.regime.lr = lr;
        record.regime.seed = seed;
        record.times.training_seconds *= 1.0 + at as f64;
        let path = folder.join(format!("run-{at}.json"));
        record.write(&path).unwrap();
        path.display().to_string()
    };
    regimes.into_iter().enumerate().map(write).collect()
}

#[test]
fn records_are_compared_at_once_and_every_file_is_written_whole() {
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
        printed.contains("lr=0.05") && printed.contains("lr=0.01"),
        "{printed}"
    );
    assert!(printed.contains("2 cells, 2 seeds"), "{printed}");
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
            "instruments.csv",
            "power.csv",
            "r.html",
            "r.svg",
            "run-0.json",
            "run-1.json",
            "run-2.json",
            "runs.csv",
            "tables",
            "trials.csv"
        ]
    );
}

#[test]
fn one_record_has_a_report_too_and_json_is_the_analysis() {
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

#[test]
fn what_cannot_be_is_told_in_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let paths = records(folder.path());
    let other = folder.path().join("notes.json");
    std::fs::write(&other, "{}").unwrap();
    let other = other.display().to_string();
    let nowhere = folder.path().join("no/such/r.html").display().to_string();
    for (args, code, told) in [
        (vec![], 2, "PATH"),
        (vec!["no-such-file.json"], 1, "no record of a run"),
        (vec![other.as_str()], 1, "no record of a run"),
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
