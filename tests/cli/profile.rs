//! The profile of a step: what adds up, what is written, what is refused.

use serde_json::Value;

use crate::{json, sentence, stdout, succeeded, wattgrad};

const SMALL: [&str; 8] = [
    "profile",
    "--data",
    "digits",
    "--meter",
    "none",
    "--rounds",
    "1",
    "--batch-size=32",
];

fn profile(more: &[&str]) -> std::process::Output {
    let output = wattgrad(&[&SMALL[..], more].concat());
    succeeded(&output);
    output
}

/// Sum of `key` over all launches of a step.
fn sum(found: &Value, key: &str) -> f64 {
    let dispatches = found["dispatches"].as_array().unwrap().iter();
    dispatches
        .map(|d| d[key].as_f64().unwrap() * d["per_step"].as_f64().unwrap())
        .sum()
}

#[test]
fn the_parts_of_a_step_are_shown_and_written() {
    let folder = tempfile::tempdir().unwrap();
    let html = folder.path().join("step.html");
    let trace = folder.path().join("step.json");
    let files = [
        "--html",
        html.to_str().unwrap(),
        "--trace",
        trace.to_str().unwrap(),
    ];
    let output = profile(&[&["--json", "--accumulate", "2"][..], &files].concat());
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();

    // Kernels, gaps, idle and the rest are the step.
    let time = &found["time"];
    let part = |name: &str| time[name].as_f64().unwrap_or(0.0);
    let parts = part("kernels") + part("gaps") + part("idle") + part("unexplained");
    assert!((parts / part("step") - 1.0).abs() < 1e-9, "{time}");
    assert!((sum(&found, "seconds") / part("kernels") - 1.0).abs() < 1e-9);
    assert_eq!(found["step_seconds"], time["step"]);
    let dispatches = found["dispatches"].as_array().unwrap();
    for phase in ["batch", "forward", "loss", "backward", "update"] {
        assert!(dispatches.iter().any(|d| d["phase"] == phase), "{phase}");
    }
    let forward = dispatches
        .iter()
        .find(|d| d["label"] == "fc2 forward")
        .unwrap();
    assert_eq!(forward["layer"], "fc2");
    assert_eq!(forward["per_step"], 2);
    // 2 x 32 x 512 x 256 and the bias.
    let products = 2 * 32 * 512 * 256;
    assert!((products..products + 3 * 32 * 256).contains(&forward["flops"].as_u64().unwrap()));
    let bytes = |key: &str| forward[key].as_u64().unwrap();
    assert!(bytes("distinct_bytes") <= bytes("bytes"));

    // The FLOPs are those that `explain` counts.
    let explained = wattgrad(&[
        "explain",
        "--data",
        "digits",
        "--batch-size=32",
        "--accumulate",
        "2",
        "--json",
    ]);
    let explained: Value = serde_json::from_slice(&explained.stdout).unwrap();
    let lists = explained["lists"].as_array().unwrap().iter();
    let flops: f64 = lists
        .map(|list| {
            let times = match list["name"].as_str().unwrap() {
                "forward_backward" => 2.0,
                "evaluate" => 0.0,
                _ => 1.0,
            };
            times * list["flops"].as_f64().unwrap()
        })
        .sum();
    assert_eq!(sum(&found, "flops"), flops);

    let trace = json(&trace);
    let events = trace["traceEvents"].as_array().unwrap();
    let spans: Vec<&Value> = events.iter().filter(|event| event["ph"] == "X").collect();
    let launches: f64 = dispatches
        .iter()
        .map(|d| d["per_step"].as_f64().unwrap())
        .sum();
    assert!(spans.len() as f64 <= launches && spans.len() as f64 > 0.8 * launches);
    for pair in spans.windows(2) {
        assert!(pair[0]["ts"].as_f64() <= pair[1]["ts"].as_f64(), "{pair:?}");
    }
    let page = std::fs::read_to_string(html).unwrap();
    for text in [
        "By layer",
        "By kernel",
        "What adds up",
        "fc2 forward",
        "</html>",
    ] {
        assert!(page.contains(text), "{text}");
    }
}

#[test]
fn replay_needs_no_timestamps_and_the_table_fits() {
    let text = stdout(&profile(&["--model", "cnn", "--timing", "replay"]));
    assert!(text.contains("kernels timed by replay on the"), "{text}");
    for part in [
        "phase",
        "layer",
        "conv2",
        "kernel",
        "more with -v",
        "unexplained",
        "energy unavailable",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let wide = text.lines().filter(|line| line.chars().count() > 100);
    // The name of a device or source may be long; tables are not.
    assert!(wide.into_iter().all(|line| !line.contains("  ")), "{text}");
}

#[test]
fn refuses_what_it_cannot_use() {
    for (args, code, part) in [
        (["--energy-seconds", "0"], 2, "--energy-seconds"),
        (["--timing", "guess"], 2, "guess"),
        (["--rounds", "0"], 2, "rounds"),
        (
            ["--trace", "/nonexistent/step.json"],
            1,
            "/nonexistent/step.json",
        ),
    ] {
        let error = sentence(&wattgrad(&[&SMALL[..5], &args].concat()), code);
        assert!(error.contains(part), "{error}");
    }
}
