//! `wattgrad measure`, `watch` and `doctor` from outside: exit codes, output, and energy through a stand-in for NVML that
//! the tests compile.
#![cfg(all(feature = "cli", unix))]

mod child;
mod compare;
mod energy;
mod options;
mod phases;
mod watch;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

/// The program on a machine without NVML, independent of the caller's environment.
fn program(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wattgrad"));
    command.args(args).stdin(Stdio::null());
    for name in ["WATTGRAD_ADAPTER", "WATTGRAD_METER", "RUST_LOG"] {
        command.env_remove(name);
    }
    command.env("WATTGRAD_NVML", "/nowhere/libnvidia-ml.so.1");
    command
}

fn wattgrad(args: &[&str]) -> Output {
    program(args).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn json(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{}", stderr(output));
    serde_json::from_slice(&output.stdout).unwrap_or_else(|why| panic!("{why}: {}", stdout(output)))
}

/// The only line of a command that ended with `code` and printed no result.
fn sentence(output: &Output, code: i32) -> String {
    let text = stderr(output);
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert_eq!(stdout(output), "");
    let lines: Vec<&str> = text.lines().collect();
    assert!(
        lines.len() == 1 && lines[0].starts_with("error: "),
        "not one sentence: {text}"
    );
    lines[0].to_owned()
}

fn json_of_any(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

fn number(row: &Value, name: &str) -> f64 {
    let number = row[name].as_f64();
    number.unwrap_or_else(|| panic!("{name} in {row}"))
}

/// Sends SIGINT to a program that has not been waited for.
fn interrupt(child: &Child) {
    let id = i32::try_from(child.id()).unwrap();
    // SAFETY: a system call without pointers; the id belongs to the child.
    assert_eq!(unsafe { libc::kill(id, libc::SIGINT) }, 0);
}

const WATTS: f64 = 200.0;

/// NVML with one card of `WATTS` that updates every 20 ms, and a cache folder.
struct StandIn {
    folder: TempDir,
    library: &'static Path,
}

impl StandIn {
    fn new() -> Self {
        static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
        Self {
            folder: tempfile::tempdir().unwrap(),
            library: LIBRARY.get_or_init(compile),
        }
    }

    fn run(&self, args: &[&str]) -> Output {
        let args = [&[args[0], "--meter", "nvml"], &args[1..]].concat();
        program(&args)
            .env("WATTGRAD_NVML", self.library)
            .env("XDG_CACHE_HOME", self.folder.path())
            .output()
            .unwrap()
    }
}

fn compile() -> PathBuf {
    let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cli_measure_nvml.so");
    let status = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .arg(&library)
        .arg(format!(
            "-DCARDS={{\"00000000:01:00.0\",7,-1,0,0,0,0,0x220410de,0,STEADY,{WATTS:?},0.02}}"
        ))
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stand_in/nvml.c"))
        .status()
        .expect("a C compiler `cc`, which linking Rust needs as well");
    assert!(status.success(), "the stand-in library does not compile");
    library
}
