//! Kernels of strangers: how `bench` compares, checks, times and meters them.

mod examples;
mod refusals;

use serde_json::Value;

use crate::{program, stderr, stdout};

fn kernel(name: &str) -> String {
    format!("{}/examples/wgsl/{name}.wgsl", env!("CARGO_MANIFEST_DIR"))
}

fn json(output: &std::process::Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|why| panic!("{why}: {}", stderr(output)))
}

fn bench(args: &[&str]) -> std::process::Output {
    let args = [&["bench", "--runs", "1", "--meter", "none"], args].concat();
    program(&args).output().unwrap()
}

#[test]
fn two_kernels_are_compared_once_their_outputs_agree() {
    let folder = tempfile::tempdir().unwrap();
    let (naive, tiled) = (kernel("gemm"), kernel("gemm_tiled"));
    let args = [
        "--bind",
        "sizes=[32,32,32,0]",
        "--bind",
        "a=32x32",
        "--bind",
        "b=32x32",
        "--bind",
        "c=32x32",
        "--threads",
        "32x32",
        "--against",
    ];
    let markdown = folder.path().join("table.md");
    let export = [
        "--export-markdown",
        markdown.to_str().unwrap(),
        "--runs",
        "6",
    ];
    let output = bench(&[&[naive.as_str()], &args[..], &[tiled.as_str()], &export].concat());
    let text = stdout(&output);
    assert!(
        text.contains("the same by both kernels"),
        "{text}{}",
        stderr(&output)
    );
    assert!(
        text.contains("gemm_tiled.wgsl takes ") && text.contains("95 % CI"),
        "{text}"
    );
    let table = std::fs::read_to_string(markdown).unwrap();
    assert!(
        table.contains("| `gemm.wgsl` | ") && table.contains("takes"),
        "{table}"
    );

    let wrong = folder.path().join("wrong.wgsl");
    let text = std::fs::read_to_string(&tiled).unwrap();
    std::fs::write(&wrong, text.replace("i < T; i++", "i < T - 1u; i++")).unwrap();
    let output = bench(&[&[naive.as_str()], &args[..], &[wrong.to_str().unwrap()]].concat());
    assert_eq!(output.status.code(), Some(1));
    let text = stderr(&output);
    assert!(
        text.contains("no speed is compared") && text.contains("output c"),
        "{text}"
    );
    assert!(stdout(&output).is_empty());
}

#[test]
#[cfg(unix)]
fn a_command_checks_the_outputs() {
    let copy = kernel("copy");
    let args = [
        copy.as_str(),
        "--bind",
        "x=100",
        "--bind",
        "y=100:ones",
        "--threads",
        "100",
    ];
    let right = stdout(&bench(
        &[&args[..], &["--check", "cp x.npy y.npy"]].concat(),
    ));
    assert!(right.contains("y: 100 elements as expected"), "{right}");
    let output = bench(&[&args[..], &["--check", "true"]].concat());
    assert!(
        stderr(&output).contains("changed no"),
        "{}",
        stderr(&output)
    );
    let output = bench(&[&args[..], &["--check", "exit 3"]].concat());
    assert!(stderr(&output).contains("failed"), "{}", stderr(&output));
}

#[test]
fn a_launch_that_does_not_end_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("long.wgsl");
    let text = "@group(0) @binding(0) var<storage, read_write> y: array<f32>;
        @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
            var sum = y[id.x];
            for (var a = 0u; a < 60000u; a++) { sum = sum * 0.5 + f32(a); }
            y[id.x] = sum;
        }";
    std::fs::write(&file, text).unwrap();
    let path = file.to_str().unwrap();
    let output = bench(&[
        path,
        "--bind",
        "y=64",
        "--grid",
        "65535x60000",
        "--timeout",
        "0.5",
    ]);
    assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
    assert!(
        stderr(&output).contains("did not end within 0.5 s"),
        "{}",
        stderr(&output)
    );
}

#[test]
#[cfg(unix)]
fn energy_is_that_of_the_launches() {
    let copy = kernel("copy");
    let meter = "cmd:while :; do echo \"$(date +%s.%N) 50\"; sleep 0.02; done";
    let args = [
        "bench",
        "--runs",
        "6",
        "--meter",
        meter,
        "--energy-seconds",
        "2",
        "--json",
        copy.as_str(),
        "--bind",
        "x=100000",
        "--bind",
        "y=100000",
        "--threads",
        "100000",
        "--against",
        copy.as_str(),
    ];
    let output = program(&args).output().unwrap();
    let result = json(&output);
    for figures in result["kernels"].as_array().unwrap() {
        let energy = &figures["energy"][0];
        let number = |key: &str| energy[key].as_f64().unwrap();
        // 50 W for at least two seconds, shared by all launches.
        let all = number("joules") * number("launches");
        assert!((95.0..250.0).contains(&all), "{figures}");
        assert!((number("watts") - 50.0).abs() < 1.0, "{figures}");
        let seconds = figures["sources"][0]["seconds"].as_f64().unwrap();
        assert!((all / seconds - 50.0).abs() < 1.0, "{figures}");
        assert!(
            energy["ci"]["low"].as_f64().unwrap() < number("joules"),
            "{figures}"
        );
    }
    let sentence = result["versus"]["sentence"].as_str().unwrap();
    assert!(sentence.contains("x the energy by cmd:"), "{sentence}");
    // Without joules the reason is there.
    let none = json(
        &program(&[
            "bench",
            "--meter",
            "nvml",
            "--runs",
            "1",
            "--json",
            &copy,
            "--bind",
            "x=100",
            "--bind",
            "y=100",
            "--threads",
            "100",
        ])
        .output()
        .unwrap(),
    );
    let source = &none["kernels"][0]["sources"][0];
    assert!(
        source["reason"].is_string() && source.get("joules").is_none(),
        "{none}"
    );
}

#[test]
fn json_says_how_it_was_timed() {
    let copy = kernel("copy");
    let args = [
        copy.as_str(),
        "--bind",
        "x=100",
        "--bind",
        "y=100",
        "--threads",
        "100",
        "--json",
    ];
    let result: Value = json(&bench(&args));
    let figures = &result["kernels"][0];
    assert_eq!(result["schema"], 1);
    assert_eq!(figures["runtime_checks"], false);
    assert_eq!(figures["workgroups"], serde_json::json!([2, 1, 1]));
    assert!(
        figures.get("seconds_ci").is_none(),
        "one sample has no interval: {figures}"
    );
    assert!(figures["energy"].as_array().unwrap().is_empty());
    let checked = json(&bench(&[&args[..], &["--checks"]].concat()));
    assert_eq!(checked["kernels"][0]["runtime_checks"], true);
}
