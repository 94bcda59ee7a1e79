//! The roofline: what it keeps, what is absent with a reason, and what a bench says of it.

use serde_json::Value;

use crate::{program, sentence, stderr, stdout, succeeded, wattgrad};

#[test]
fn is_measured_once_and_then_compared_with() {
    let folder = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| {
        let mut command = program(args);
        command.env("XDG_CACHE_HOME", folder.path());
        command.output().unwrap()
    };
    let kernel = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/wgsl/copy.wgsl");
    let bench = [
        "bench",
        kernel,
        "--bind",
        "x=100000",
        "--bind",
        "y=100000",
        "--threads",
        "100000",
        "--runs",
        "1",
        "--meter",
        "none",
    ];
    let before = run(&bench);
    succeeded(&before);
    assert!(stdout(&before).contains("not measured on this device: run `wattgrad roofline`"));

    let svg = folder.path().join("roofline.svg");
    let html = folder.path().join("roofline.html");
    let files = [
        "--svg",
        svg.to_str().unwrap(),
        "--html",
        html.to_str().unwrap(),
    ];
    let measured = run(&[&["roofline", "--json", "--meter", "none"][..], &files].concat());
    succeeded(&measured);
    let found: Value = serde_json::from_slice(&measured.stdout).unwrap();
    for peak in [
        "f32_fma",
        "memory_read",
        "memory_copy",
        "workgroup_read",
        "launch_gap",
        "dependent_launch_gap",
        "submission",
    ] {
        let peak = &found[peak];
        let (best, median) = (
            peak["value"].as_f64().unwrap(),
            peak["median"].as_f64().unwrap(),
        );
        assert!(
            best >= 0.0 && median >= 0.0 && peak["samples"].as_u64() > Some(0),
            "{peak}"
        );
    }
    // A device runs more than a MFLOP/s and less than an EFLOP/s, whatever else runs on the machine.
    let flops = found["f32_fma"]["value"].as_f64().unwrap();
    assert!((1e6..1e18).contains(&flops), "{flops}");
    assert!(found["energy"].is_null());
    let missing = found["missing"].as_array().unwrap().iter();
    let energy = missing
        .clone()
        .find(|each| each["what"] == "energy")
        .unwrap();
    assert!(
        energy["reason"]
            .as_str()
            .unwrap()
            .contains("no energy source")
    );
    for each in missing {
        assert!(found[each["what"].as_str().unwrap()].is_null(), "{each}");
    }
    let picture = std::fs::read_to_string(svg).unwrap();
    assert!(picture.starts_with("<svg") && picture.contains("GFLOP/s"));
    assert!(
        std::fs::read_to_string(html)
            .unwrap()
            .contains("<h2>Peaks</h2>")
    );

    let again = run(&["roofline"]);
    succeeded(&again);
    assert!(stderr(&again).contains("--refresh"), "{}", stderr(&again));
    let text = stdout(&again);
    assert!(
        text.contains(found["measured_at"].as_str().unwrap()),
        "{text}"
    );
    assert!(
        text.lines().all(|line| line.chars().count() <= 100),
        "{text}"
    );

    let after = run(&[&bench[..], &["--json"]].concat());
    succeeded(&after);
    let after: Value = serde_json::from_slice(&after.stdout).unwrap();
    let figures = &after["kernels"][0];
    let roofline = &figures["roofline"];
    assert_eq!(roofline["bound"], "memory");
    // 400 kB read and 400 kB written, at the faster of the memory peaks.
    let peak = |key: &str| found[key]["value"].as_f64().unwrap();
    let shortest = 800_000.0 / peak("memory_read").max(peak("memory_copy"));
    let expected = shortest / figures["seconds"].as_f64().unwrap();
    let fraction = roofline["fraction"].as_f64().unwrap();
    assert!(
        (fraction / expected - 1.0).abs() < 1e-9,
        "{fraction} {expected}"
    );

    // A damaged file is measured anew, not believed.
    let kept = folder.path().join("wattgrad/rooflines");
    let file = std::fs::read_dir(kept)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    std::fs::write(file, "{}").unwrap();
    assert!(stdout(&run(&bench)).contains("run `wattgrad roofline`"));
}

#[test]
fn refuses_what_it_cannot_use() {
    let error = sentence(&wattgrad(&["roofline", "--energy-seconds", "0"]), 2);
    assert!(
        error.contains("--energy-seconds must be above 0, got 0"),
        "{error}"
    );
    let error = sentence(&wattgrad(&["roofline", "--svg", "/nonexistent/x.svg"]), 1);
    assert!(error.contains("/nonexistent/x.svg"), "{error}");
}
