//! The command that is measured: its exit code, output and signals.

use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::Stdio;

use crate::{interrupt, json, json_of_any, program, sentence, stderr, stdout, wattgrad};

#[test]
fn passes_on_exit_code_and_signal_of_the_command() {
    let code = |args: &[&str]| {
        wattgrad(&[&["measure", "--meter", "none", "--"], args].concat())
            .status
            .code()
    };
    assert_eq!(code(&["true"]), Some(0));
    assert_eq!(code(&["false"]), Some(1));
    assert_eq!(code(&["sh", "-c", "exit 42"]), Some(42));
    let killed = wattgrad(&[
        "measure",
        "--meter",
        "none",
        "--",
        "sh",
        "-c",
        "kill -TERM $$",
    ]);
    assert_eq!(killed.status.signal(), Some(15));
    assert!(stdout(&killed).contains("signal 15"), "{}", stdout(&killed));
    let result = json_of_any(&wattgrad(&[
        "measure",
        "--meter",
        "none",
        "--json",
        "--",
        "sh",
        "-c",
        "kill -KILL $$",
    ]));
    assert_eq!(result["exit_code"], 137);
}

#[test]
fn reports_a_command_that_cannot_be_started() {
    let missing = wattgrad(&["measure", "--", "no-such-command-here", "-x"]);
    assert!(sentence(&missing, 127).contains("no-such-command-here"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("plain");
    std::fs::write(&file, "no program").unwrap();
    let plain = wattgrad(&["measure", "--", file.to_str().unwrap()]);
    assert!(sentence(&plain, 126).contains("cannot be started"));
}

#[test]
fn rejects_invalid_arguments_with_exit_code_2() {
    for args in [
        &["measure"][..],
        &["measure", "--runs", "0", "true"],
        &["measure", "--runs", "3", "--", "true"],
        &["measure", "true", "--", "true"],
        &["measure", "--column", "watts", "--", "true"],
        &["measure", "--log", "a.csv", "--unit", "volts"],
        &["measure", "--log", "a.csv", "--where", "gpu"],
        &["measure", "--meter", "voltcraft", "--", "true"],
        &["measure", "--assume-watts-per-core=-1", "--", "true"],
        &["watch", "--interval", "0"],
        &["watch", "--samples", "0"],
        &["doctor", "--meter", "voltcraft"],
        &["measure", "--meter-unit", "joules", "--", "true"],
        &["measure", "--meter-unit", "volts", "--", "true"],
    ] {
        assert_eq!(wattgrad(args).status.code(), Some(2), "{args:?}");
    }
}

#[test]
fn passes_through_the_output_of_the_command() {
    let script = "printf 'a\\0b\\n'; printf err >&2";
    let output = wattgrad(&["measure", "--meter", "none", "--", "sh", "-c", script]);
    assert!(output.stdout.starts_with(b"a\0b\n"), "{}", stdout(&output));
    assert_eq!(stderr(&output), "err");
    let output = wattgrad(&[
        "measure", "--meter", "none", "--json", "--", "sh", "-c", script,
    ]);
    assert_eq!(json(&output)["exit_code"], 0);
    assert_eq!(output.stderr, b"a\0b\nerr");
    // A single command reads the input.
    let mut child = program(&["measure", "--meter", "none", "--", "cat"])
        .stdin(Stdio::from(std::fs::File::open("Cargo.toml").unwrap()))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut text = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    assert!(child.wait().unwrap().success() && text.starts_with("[package]"));
}

#[test]
fn closed_pipe_keeps_the_exit_code_of_the_command() {
    let mut child = program(&["measure", "--meter", "none", "--", "sh", "-c", "exit 3"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        (output.status.code(), stderr(&output)),
        (Some(3), String::new())
    );
}

#[test]
fn passes_a_signal_to_the_command_and_reports_the_result() {
    let mut command = program(&[
        "measure",
        "--meter",
        "none",
        "--",
        "sh",
        "-c",
        "trap 'exit 7' INT; echo ready; while :; do sleep 0.05; done",
    ]);
    // A background job of a shell ignores interrupts, and a shell cannot trap signals that were ignored when it began.
    // SAFETY: `signal` may be called between fork and exec.
    unsafe {
        command.pre_exec(|| {
            libc::signal(libc::SIGINT, libc::SIG_DFL);
            Ok(())
        });
    }
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "ready");
    interrupt(&child);
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    assert_eq!(child.wait().unwrap().code(), Some(7));
    assert!(rest.concat().contains("exit code 7"), "{rest:?}");
}
