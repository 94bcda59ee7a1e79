//! Kernels of strangers: what `bench` counts, finds wrong, and refuses.

use std::path::{Path, PathBuf};

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

/// `f32` values as a `.npy` file, written without the program's own writer.
fn npy(folder: &Path, name: &str, values: &[f64]) -> String {
    let mut header = format!(
        "{{'descr': '<f4', 'fortran_order': False, 'shape': ({},), }}",
        values.len()
    );
    while (header.len() + 11) % 64 != 0 {
        header.push(' ');
    }
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16 + 1).to_le_bytes());
    bytes.extend(header.bytes());
    bytes.push(b'\n');
    values
        .iter()
        .for_each(|v| bytes.extend((*v as f32).to_le_bytes()));
    let path = folder.join(format!("{name}.npy"));
    std::fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Values that are exact in f32 and differ from place to place.
fn values(count: usize) -> Vec<f64> {
    (0..count)
        .map(|i| ((i * 37 + 11) % 101) as f64 / 32.0 - 1.5)
        .collect()
}

struct Case {
    kernel: &'static str,
    inputs: Vec<(&'static str, String)>,
    threads: &'static str,
    output: (&'static str, Vec<f64>),
    /// FLOPs, bytes read and bytes written, by hand.
    work: [u64; 3],
}

/// Every example with its output by the definition, and its work by hand.
fn cases(folder: &Path) -> Vec<Case> {
    let file = |name: &str, values: &[f64]| format!("@{}", npy(folder, name, values));
    let (x, rows) = (values(4096), values(64 * 16));
    let (a, b) = (values(32 * 24), values(24 * 40));
    let (image, filter) = (values(34 * 34), values(9));
    let sizes = || ("sizes", "[32,40,24,0]".to_owned());
    let gemm: Vec<f64> = (0..32 * 40)
        .map(|at| {
            (0..24)
                .map(|k| a[at / 40 * 24 + k] * b[k * 40 + at % 40])
                .sum()
        })
        .collect();
    let softmax = rows.chunks(16).flat_map(|row| {
        let largest = row.iter().copied().fold(f64::MIN, f64::max);
        let powers: Vec<f64> = row.iter().map(|v| (v - largest).exp()).collect();
        let sum: f64 = powers.iter().sum();
        powers.into_iter().map(move |power| power / sum)
    });
    let layer_norm = rows.chunks(16).flat_map(|row| {
        let mean = row.iter().sum::<f64>() / 16.0;
        let variance = row.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 16.0;
        row.iter()
            .map(move |v| (v - mean) / (variance + 1e-5).sqrt())
    });
    let conv = (0..32 * 32).map(|at| {
        let (row, column) = (at / 32, at % 32);
        let taps = (0..9).map(|tap| filter[tap] * image[(row + tap / 3) * 34 + column + tap % 3]);
        taps.sum::<f64>()
    });
    let scan = x[..640].chunks(64).flat_map(|part| {
        part.iter().scan(0.0, |sum, v| {
            *sum += v;
            Some(*sum)
        })
    });
    let words = "[3,1,4,1,5,9,2,6,5,3,5,8,9,7,9,3]".to_owned();
    let counts = vec![0.0, 2.0, 1.0, 3.0, 1.0, 3.0, 1.0, 1.0, 1.0, 3.0];
    vec![
        Case {
            kernel: "copy",
            inputs: vec![("x", file("copy", &x[..1000])), ("y", "1000".into())],
            threads: "1000",
            output: ("y", x[..1000].to_vec()),
            work: [0, 4000, 4000],
        },
        Case {
            kernel: "transpose",
            inputs: vec![("x", file("transpose", &x)), ("y", "64x64".into())],
            threads: "64x64",
            output: ("y", (0..4096).map(|at| x[at % 64 * 64 + at / 64]).collect()),
            work: [0, 4 * 4096, 4 * 4096],
        },
        Case {
            kernel: "reduce",
            inputs: vec![("x", file("reduce", &x)), ("sums", "64".into())],
            threads: "4096",
            output: ("sums", x.chunks(64).map(|part| part.iter().sum()).collect()),
            // 63 additions in each of 64 workgroups.
            work: [64 * 63, 4 * 4096, 4 * 64],
        },
        Case {
            kernel: "softmax",
            inputs: vec![("x", file("softmax", &rows)), ("y", "64x16".into())],
            threads: "64",
            output: ("y", softmax.collect()),
            // Difference, power and sum, then difference, power and quotient; an element is read three times.
            work: [64 * 16 * 6, 4 * 64 * 48, 4 * 64 * 16],
        },
        Case {
            kernel: "layer_norm",
            inputs: vec![("x", file("layer_norm", &rows)), ("y", "64x16".into())],
            threads: "64",
            output: ("y", layer_norm.collect()),
            // Mean 16 + 1, variance 3 x 16, its quotient, sum and root 3, then 2 x 16.
            work: [64 * (17 + 48 + 3 + 32), 4 * 64 * 48, 4 * 64 * 16],
        },
        Case {
            kernel: "gemm",
            inputs: vec![
                sizes(),
                ("a", file("gemm_a", &a)),
                ("b", file("gemm_b", &b)),
                ("c", "32x40".into()),
            ],
            threads: "40x32",
            output: ("c", gemm.clone()),
            work: [2 * 32 * 40 * 24, 2 * 4 * 32 * 40 * 24, 4 * 32 * 40],
        },
        Case {
            kernel: "gemm_tiled",
            inputs: vec![
                sizes(),
                ("a", file("gemm_a", &a)),
                ("b", file("gemm_b", &b)),
                ("c", "32x40".into()),
            ],
            threads: "40x32",
            output: ("c", gemm),
            // An invocation reads one element of both matrices in each of 3 tiles.
            work: [2 * 32 * 40 * 24, 2 * 3 * 4 * 32 * 40, 4 * 32 * 40],
        },
        Case {
            kernel: "conv",
            inputs: vec![
                ("x", file("conv_x", &image)),
                ("w", file("conv_w", &filter)),
                ("y", "32x32".into()),
            ],
            threads: "32x32",
            output: ("y", conv.collect()),
            work: [18 * 1024, 2 * 9 * 4 * 1024, 4 * 1024],
        },
        Case {
            kernel: "histogram",
            inputs: vec![("x", words), ("counts", "10".into())],
            threads: "16",
            output: ("counts", counts),
            // An atomic addition reads and writes its word.
            work: [0, 2 * 4 * 16, 4 * 16],
        },
        Case {
            kernel: "scan",
            inputs: vec![("x", file("scan", &x[..640])), ("y", "640".into())],
            threads: "640",
            output: ("y", scan.collect()),
            // All 64 invocations add in each of 6 steps.
            work: [640 * 6, 4 * 640, 4 * 640],
        },
    ]
}

#[test]
fn counts_and_checks_the_kernels_that_everyone_writes() {
    let folder = tempfile::tempdir().unwrap();
    for case in cases(folder.path()) {
        let (name, expected) = &case.output;
        let file = npy(
            folder.path(),
            &format!("{}_expected", case.kernel),
            expected,
        );
        let mut args = vec![kernel(case.kernel), "--json".into()];
        args.extend(["--threads".into(), case.threads.into()]);
        for (name, data) in &case.inputs {
            args.extend(["--bind".into(), format!("{name}={data}")]);
        }
        let expect = ["--expect".into(), format!("{name}={file}")];
        let all: Vec<&str> = args.iter().chain(&expect).map(String::as_str).collect();
        let output = bench(&all);
        assert!(
            output.status.success(),
            "{}: {}",
            case.kernel,
            stderr(&output)
        );
        let result = json(&output);
        let figures = &result["kernels"][0];
        let work =
            ["flops", "loaded_bytes", "stored_bytes"].map(|key| figures["work"][key].as_u64());
        assert_eq!(work, case.work.map(Some), "{}", case.kernel);
        assert!(figures["seconds"].as_f64().unwrap() > 0.0, "{figures}");
        assert_eq!(result["checked"][0]["elements"], expected.len());
        // One element that is off is found.
        let mut off = expected.clone();
        off[expected.len() / 2] += 0.25;
        let file = npy(folder.path(), "off", &off);
        let expect = ["--expect".into(), format!("{name}={file}")];
        let all: Vec<&str> = args.iter().chain(&expect).map(String::as_str).collect();
        let output = bench(&all);
        assert_eq!(output.status.code(), Some(1), "{}", case.kernel);
        let place = format!("at element {}", expected.len() / 2);
        assert!(stderr(&output).contains(&place), "{}", stderr(&output));
    }
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
fn malformed_kernels_and_options_are_one_sentence_each() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| -> PathBuf {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    const Y: &str = "@group(0) @binding(0) var<storage, read_write> y: array<f32>;\n";
    const MAIN: &str = "@compute @workgroup_size(64) fn main() { y[0] = 1.0; }\n";
    let good = write("good.wgsl", &format!("override N: u32 = 3;\n{Y}{MAIN}"));
    let texts = [
        ("", "entry points"),
        ("fn main() {", "expected"),
        (&*format!("{Y}fn main() {{}}"), "entry points"),
        (
            &*format!("{Y}{MAIN}@compute @workgroup_size(1) fn other() {{}}"),
            "2 entry points",
        ),
        (
            &*format!("{Y}@compute @workgroup_size(64) fn main() {{ z[0] = 1.0; }}"),
            "z",
        ),
        (
            &*format!("{Y}@compute @workgroup_size(64) fn main() {{ y[0] = 1u; }}"),
            "f32",
        ),
        (
            &*format!("{Y}@compute @workgroup_size(4096) fn main() {{ y[0] = 1.0; }}"),
            "4096",
        ),
        (
            "@group(1) @binding(0) var<storage, read_write> y: array<f32>;\n@compute @workgroup_size(1) fn main() { y[0] = 1.0; }",
            "group 1",
        ),
        (
            "@group(0) @binding(0) var y: texture_2d<f32>;\n@compute @workgroup_size(1) fn main() {}",
            "not a buffer",
        ),
        (
            "@vertex fn main() -> @builtin(position) vec4<f32> { return vec4<f32>(); }",
            "compute",
        ),
    ];
    let options: [(&[&str], &str); 14] = [
        (&["--grid", "1"], "--bind y=1024"),
        (&["--bind", "y=64"], "--threads"),
        (&["--bind", "y=64", "--grid", "0"], "above 0"),
        (&["--bind", "y=64", "--grid", "1x1x1x1"], "three dimensions"),
        (&["--bind", "y=64", "--grid", "9999999"], "workgroups"),
        (&["--bind", "z=64", "--grid", "1"], "bindings are y"),
        (
            &["--bind", "y=64", "--bind", "y=64", "--grid", "1"],
            "twice",
        ),
        (&["--bind", "y=64:gauss", "--grid", "1"], "unknown fill"),
        (&["--bind", "y", "--grid", "1"], "NAME=SHAPE"),
        (&["--bind", "y=[1,a]", "--grid", "1"], "not a value of f32"),
        (&["--bind", "y=@nowhere.npy", "--grid", "1"], "nowhere.npy"),
        (
            &["--bind", "y=64", "--grid", "1", "--const", "M=1"],
            "it has N",
        ),
        (
            &["--bind", "y=64", "--grid", "1", "--tolerance", "nan"],
            "--tolerance",
        ),
        (
            &["--bind", "y=64", "--grid", "1", "--expect", "x=a.npy"],
            "the kernel writes y",
        ),
    ];
    let rest: &[&str] = &["--bind", "y=64", "--grid", "1"];
    let mut calls: Vec<(PathBuf, &[&str], &str)> = Vec::new();
    for (at, (text, with)) in texts.into_iter().enumerate() {
        calls.push((write(&format!("{at}.wgsl"), text), rest, with));
    }
    calls.extend(options.map(|(args, with)| (good.clone(), args, with)));
    calls.push((folder.path().join("none.wgsl"), rest, "cannot read"));
    for (path, args, with) in calls {
        let output = bench(&[&[path.to_str().unwrap()], args].concat());
        let text = stderr(&output);
        let shown = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(output.status.code(), Some(2), "{shown} {args:?}: {text}");
        assert!(
            text.contains(with) && !text.contains("panicked"),
            "{shown} {args:?}: {text}"
        );
        assert_eq!(text.matches("error:").count(), 1, "{text}");
        assert!(stdout(&output).is_empty());
    }
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
