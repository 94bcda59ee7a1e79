//! The program from outside: what it prints, where, and with which exit code.
#![cfg(feature = "cli")]

mod bench;
mod checkpoint;
mod data;
mod doctor;
mod explain;
mod files;
mod help;
mod infer;
mod outcome;
mod port;
mod pretraining;
mod profile;
mod record;
mod roofline;
#[path = "../skip/mod.rs"]
mod skip;
mod streams;
#[cfg(target_os = "linux")]
mod tune;
mod tune_options;
mod values;

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const COMMANDS: [&str; 18] = [
    "measure",
    "watch",
    "doctor",
    "calibrate",
    "train",
    "lr-find",
    "infer",
    "explain",
    "study",
    "search",
    "report",
    "bench",
    "profile",
    "roofline",
    "tune",
    "port",
    "completions",
    "man",
];

/// The program, untouched by whatever the caller's environment chooses.
fn program(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wattgrad"));
    command.args(args).stdin(Stdio::null());
    for name in [
        "WATTGRAD_ADAPTER",
        "WATTGRAD_METER",
        "WATTGRAD_DATA",
        "WATTGRAD_SHADERS",
        "RUST_LOG",
        "NO_COLOR",
        "CLICOLOR_FORCE",
    ] {
        command.env_remove(name);
    }
    command
}

fn wattgrad(args: &[&str]) -> Output {
    program(args).output().unwrap()
}

/// A short run on the embedded digits.
fn train(more: &[&str]) -> Output {
    let args = [&["train", "--data", "digits", "--max-steps", "3"], more].concat();
    wattgrad(&args)
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn succeeded(output: &Output) {
    assert_eq!(output.status.code(), Some(0), "{}", stderr(output));
}

/// The one sentence of a command that ended with `code`.
fn sentence(output: &Output, code: i32) -> String {
    let text = stderr(output);
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert!(
        output.stdout.is_empty(),
        "a result was printed: {}",
        stdout(output)
    );
    let lines: Vec<&str> = text.lines().filter(|l| l.starts_with("error:")).collect();
    assert_eq!(lines.len(), 1, "{text}");
    assert!(
        !text.contains("panicked") && !text.contains('\x1b'),
        "{text}"
    );
    lines[0].to_owned()
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn doctor() -> Value {
    let output = wattgrad(&["doctor", "--json"]);
    succeeded(&output);
    serde_json::from_slice(&output.stdout).unwrap()
}

fn adapters() -> usize {
    doctor()["adapters"].as_array().unwrap().len()
}
