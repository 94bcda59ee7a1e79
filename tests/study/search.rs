//! `wattgrad search`: killed and continued, with a budget that grows, and what the other commands make of its folder.

use std::path::Path;
use std::process::{Output, Stdio};
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

#[cfg(unix)]
use super::STUDY;
#[cfg(unix)]
use super::commands::WATTS;
use super::{folder, output, printed, records, run, wattgrad};

/// More than the whole grid of [`STUDY`](super::STUDY) has.
const ENOUGH: &str = "1Msamples";

fn search(file: &str, out: &Path, budget: &str) -> Output {
    let out = out.to_str().unwrap();
    output(&["search", file, "--out", out, "--budget", budget, "--json"])
}

fn found(output: &Output) -> Value {
    assert!(output.status.success(), "{}", printed(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What must not depend on how a search was interrupted: everything but times.
fn essence(out: &Path) -> Vec<Value> {
    let records = records(out).into_values().map(|run| {
        let points = run["record"]["evaluations"].as_array().cloned();
        let metrics = points.unwrap_or_default().into_iter().map(|point| {
            let [step, metrics] = ["step", "metrics"].map(|key| point[key].clone());
            Value::from(vec![step, metrics])
        });
        let keys = ["id", "outcome", "purpose", "search"].map(|key| run[key].clone());
        Value::from(vec![Value::from(keys.to_vec()), metrics.collect()])
    });
    records.collect()
}

#[test]
fn a_search_that_is_killed_and_given_more_ends_like_an_unbroken_one() {
    let (_folder, file, out) = folder();
    let whole = found(&search(&file, &out, ENOUGH));
    assert_eq!(
        (&whole["ended"], &whole["schema"]),
        (&"complete".into(), &1.into())
    );
    let spent = whole["spent"]["total"].as_f64().unwrap();
    // Half of the cells diverge, and the cost of a run is that of its samples.
    let fates = |name: &str| {
        let cells = whole["cells"].as_array().unwrap().iter();
        cells.filter(|cell| cell["fate"] == name).count()
    };
    assert_eq!((fates("diverged"), fates("not-tried")), (2, 0));
    assert!(whole["best"]["cell"].as_str().unwrap().ends_with("lr=0.02"));
    assert_eq!(whole["best"]["seeds"], 2);
    assert!(whole["grid"]["at_most"].as_f64().unwrap() > spent);
    let last: f64 = ["batch-size=16,lr=0.02", "batch-size=32,lr=0.02"]
        .iter()
        .flat_map(|cell| [1, 2].map(|seed| format!("{cell}@{seed}+r")))
        .filter_map(|run| {
            let all = records(&out);
            let rungs = all
                .range(run.clone()..)
                .take_while(|(id, _)| id.starts_with(&run));
            rungs
                .last()
                .map(|(_, run)| run["record"]["samples"].as_f64().unwrap())
        })
        .sum();
    let diverged: f64 = records(&out)
        .values()
        .filter(|run| run["outcome"] == "diverged")
        .map(|run| run["record"]["samples"].as_f64().unwrap())
        .sum();
    assert_eq!(spent, last + diverged, "every rung is charged once");

    let again = search(&file, &out, ENOUGH);
    assert_eq!(found(&again)["spent"], whole["spent"]);
    assert!(
        !printed(&again).contains("samples of"),
        "nothing is trained: {}",
        printed(&again)
    );

    // A budget that ends in the middle, then processes that are killed, then enough.
    let other = out.with_file_name("other");
    let part = found(&search(&file, &other, "2000samples"));
    assert_eq!(part["ended"], "budget-spent");
    // An evaluation may follow 500 samples after the budget is spent, and the first rung ends with its window.
    assert!(part["spent"]["total"].as_f64().unwrap() < 2000.0 + 1024.0);
    for _ in 0..2 {
        let before = records(&other).len();
        let mut child = wattgrad(&["search", &file, "--out", other.to_str().unwrap()])
            .args(["--budget", ENOUGH])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        while records(&other).len() == before && child.try_wait().unwrap().is_none() {
            sleep(Duration::from_millis(5));
        }
        let _ = child.kill();
        child.wait().unwrap();
    }
    let ended = found(&search(&file, &other, ENOUGH));
    assert_eq!(ended["best"], whole["best"]);
    assert_eq!(ended["cells"], whole["cells"]);
    // The rung that the small budget cut is in two parts there.
    let reached = |out: &Path| {
        let all = essence(out).into_iter();
        // The evaluation of a diverged run follows the steps that were in flight, whose number depends on the time.
        let last = all.filter(|run| run[0][1] == "reached" || run[0][1] == "over-budget");
        last.map(|run| run[1].clone()).collect::<Vec<_>>()
    };
    assert_eq!(reached(&other), reached(&out), "to the last bit");

    the_other_commands(&file, &out);
}

fn the_other_commands(file: &str, out: &Path) {
    let folder = out.to_str().unwrap();
    let status = printed(&output(&["study", "status", folder]));
    assert!(
        status.contains("reached") && status.contains("wattgrad search"),
        "{status}"
    );
    let verified = output(&["study", "verify", folder]);
    assert!(verified.status.success(), "{}", printed(&verified));
    let report = output(&["report", "--json", folder]);
    let report = &found(&report)[0];
    assert!(
        report["costs"][0]["cells"].is_array() && report["costs"][0].get("worst").is_none(),
        "no cell is the worst"
    );
    assert!(report["answer"]["headline"].to_string().contains("lr 0.02"));
    let grid = run(file, out);
    assert_eq!(grid.status.code(), Some(2), "{}", printed(&grid));
    assert!(printed(&grid).contains("contains another study"));
    let other = search(file, out, "10s");
    assert_eq!(
        other.status.code(),
        Some(2),
        "another unit is another search"
    );
}

#[test]
fn a_dry_run_says_what_a_search_would_do_and_writes_nothing() {
    let (_folder, file, out) = folder();
    let folder = out.to_str().unwrap();
    let plan = output(&[
        "search",
        &file,
        "--out",
        folder,
        "--budget",
        "100samples",
        "--dry-run",
    ]);
    let text = printed(&plan);
    assert!(plan.status.success() && !out.exists(), "{text}");
    for part in [
        "search of 4 cells by training samples, 2 seeds",
        "one of 2 continues",
        "4.00 ksamples",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(text.contains("increase it"), "{text}");
    for (budget, part) in [("5", "such as 5kJ"), ("5kJ", "no source measures energy")] {
        let refused = output(&["search", &file, "--out", folder, "--budget", budget]);
        assert_eq!(refused.status.code(), Some(2), "{}", printed(&refused));
        assert!(printed(&refused).contains(part), "{}", printed(&refused));
    }
}

#[cfg(unix)]
#[test]
fn a_budget_in_joules_is_spent_by_measured_energy() {
    let (_folder, file, out) = folder();
    // A run of the mlp is too short for the meter, and so is one that diverges.
    let study = STUDY.replace("\"mlp\"", "\"cnn\"").replace("50.0", "0.05");
    std::fs::write(&file, study).unwrap();
    let folder = out.to_str().unwrap();
    let search = |budget: &str| {
        output(&[
            "--meter",
            WATTS,
            "search",
            &file,
            "--out",
            folder,
            "--budget",
            budget,
            "--meter-seconds",
            "1",
            "--json",
        ])
    };
    let part = found(&search("30J"));
    assert_eq!(part["ended"], "budget-spent", "{part}");
    let spent = part["spent"]["total"].as_f64().unwrap();
    let measured: f64 = records(&out)
        .values()
        .map(|run| {
            let row = &run["record"]["energy"][0];
            assert_eq!(row["status"], "measured", "{row}");
            row["joules"].as_f64().unwrap()
        })
        .sum();
    // The windows also hold what precedes the first step of each part.
    assert!(
        (0.6 * measured..=measured * 1.001).contains(&spent),
        "{spent} J of {measured} J"
    );
    // The run in which the budget ends continues to its next evaluation.
    assert!(spent > 29.0, "{spent} J of 30 J");
    let samples = output(&["search", &file, "--out", folder, "--budget", "9000samples"]);
    assert_eq!(samples.status.code(), Some(2), "{}", printed(&samples));
}
