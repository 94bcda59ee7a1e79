//! `wattgrad study`: killed, interrupted, run twice at once, in shards, verified and reported.

#[cfg(unix)]
mod away;
#[cfg(unix)]
mod broken;
mod commands;
#[cfg(target_os = "linux")]
mod disk;
#[cfg(target_os = "linux")]
#[path = "../namespace/mod.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod namespace;
mod pretraining;
mod search;
#[cfg(unix)]
mod several;
mod shards;
#[cfg(target_os = "linux")]
mod slurm;
#[cfg(unix)]
mod stopped;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// Four cells of the embedded digits with two seeds; one of the learning rates diverges. A run takes half a second.
const STUDY: &str = r#"
name = "small"
seeds = [1, 2]
replicates = 1
[base]
model = "mlp"
data = "digits"
momentum = 0.9
[axes]
batch-size = [16, 32]
lr = [0.02, 50.0]
[reference]
batch-size = 16
lr = 0.02
[target]
metric = "accuracy"
at-least = [0.6, 0.8]
window = 1000
[evaluate]
every-samples = 500
[budget]
samples = 4000
"#;

/// Runs of [`STUDY`].
const RUNS: usize = 9;

#[cfg(target_os = "linux")]
#[test]
#[ignore = "run by other tests in a mount namespace"]
fn scene() {
    let name = std::env::var(namespace::SCENE).unwrap();
    match name.as_str() {
        "full_disk" => disk::full(),
        "filled" => disk::filled(),
        other => panic!("no scene {other}"),
    }
    println!("played {name}");
}

thread_local! {
    /// The locks of a test's machine: tests wait neither for each other nor for studies of this machine.
    static LOCKS: tempfile::TempDir = tempfile::tempdir().unwrap();
}

/// The program, without a meter unless `--meter` is given.
fn wattgrad(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wattgrad"));
    command
        .args(arguments)
        .env(
            "WATTGRAD_LOCKS",
            LOCKS.with(|folder| folder.path().to_owned()),
        )
        .env("WATTGRAD_METER", "none")
        .env_remove("WATTGRAD_ADAPTER");
    command
}

fn output(arguments: &[&str]) -> Output {
    wattgrad(arguments).output().unwrap()
}

/// A folder with the study file in it, the path of the file and that of the study's folder.
fn folder() -> (tempfile::TempDir, String, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("small.toml");
    std::fs::write(&file, STUDY).unwrap();
    let out = folder.path().join("out");
    (folder, file.to_str().unwrap().to_owned(), out)
}

fn run(file: &str, out: &Path) -> Output {
    output(&["study", "run", file, "--out", out.to_str().unwrap()])
}

fn printed(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// The records of a study by run; none if it has not started.
fn records(out: &Path) -> BTreeMap<String, Value> {
    let files = std::fs::read_dir(out.join("runs"));
    files
        .into_iter()
        .flatten()
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .map(|path| {
            let record = json(&path);
            (record["id"].as_str().unwrap().to_owned(), record)
        })
        .collect()
}
