//! The kernels that everyone writes: their outputs by the definition, and their work by hand.

use std::path::Path;

use super::{bench, json, kernel};
use crate::stderr;

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
