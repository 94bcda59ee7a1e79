//! The search for a device profile: a planted slow default, and its use afterwards. Only Linux takes the cache folder from the
//! environment.

use std::path::Path;
use std::process::Output;

use super::{json, program, stderr, succeeded, wattgrad};
use serde_json::Value;

/// The program with a cache folder of its own.
fn in_cache(cache: &Path, args: &[&str]) -> Output {
    program(args).env("XDG_CACHE_HOME", cache).output().unwrap()
}

/// One invocation per workgroup and no register tile: many times slower than any candidate on any device.
fn slow(lanes: Option<u64>) -> String {
    let texel = lanes.map(|n| format!("texel = {n}\n")).unwrap_or_default();
    format!(
        "name = \"slow\"\n{texel}lanes = 64\nreduction_lanes = 8\nfill = 16\n\n[[gemm]]\ncore = \"direct\"\nrm = 1\nrn = 1\n\
         threads_x = 1\nthreads_y = 1\nmax_split = 1\n"
    )
}

/// A slow profile is given as the start. The search finds a faster one, which is then used and recorded, and ignored with
/// `--profile default`.
#[test]
fn a_planted_slow_default_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("cache");
    let doctor: Value = serde_json::from_slice(&wattgrad(&["doctor", "--json"]).stdout).unwrap();
    let lanes = doctor["device"]["texel_lanes"].as_u64();
    let start = folder.path().join("slow.toml");
    std::fs::write(&start, slow(lanes)).unwrap();
    let out = folder.path().join("tuned.toml");
    let output = in_cache(
        &cache,
        &[
            "tune",
            "--for",
            "time",
            "--model",
            "mlp",
            "--batch-size",
            "64",
            "--core",
            if lanes.is_some() { "texel" } else { "direct" },
            "--profile",
            start.to_str().unwrap(),
            "--out",
            out.to_str().unwrap(),
            "--json",
        ],
    );
    succeeded(&output);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["changed"], true, "{found:#}");
    let paired = &found["paired"][0];
    assert!(paired["high"].as_f64().unwrap() < 0.9, "{paired}");
    assert_eq!(found["followed"][0]["failure"], Value::Null);
    let name = found["profile"]["name"].as_str().unwrap();
    assert!(name.starts_with("slow-time-"), "{name}");

    let record = folder.path().join("run.json");
    let args = [
        "train",
        "--data",
        "digits",
        "--max-steps",
        "2",
        "--record",
        record.to_str().unwrap(),
    ];
    let output = in_cache(&cache, &args);
    succeeded(&output);
    assert!(
        stderr(&output).contains(&format!("profile: {name}")),
        "{}",
        stderr(&output)
    );
    assert!(json(&record).to_string().contains(name));
    let output = in_cache(&cache, &[&args[..], &["--profile", "default"]].concat());
    succeeded(&output);
    assert!(!stderr(&output).contains(name));
    assert!(!json(&record).to_string().contains(name));
    let given = ["--profile", out.to_str().unwrap()];
    succeeded(&wattgrad(&[&args[..], &given].concat()));
    assert!(json(&record).to_string().contains(name));

    // A damaged file is ignored, with a warning.
    let profiles = std::fs::read_dir(cache.join("wattgrad/profiles")).unwrap();
    let file = profiles.map(|entry| entry.unwrap().path()).next().unwrap();
    std::fs::write(&file, "{").unwrap();
    let output = in_cache(&cache, &args);
    succeeded(&output);
    assert!(
        stderr(&output).contains("is not used"),
        "{}",
        stderr(&output)
    );
}
