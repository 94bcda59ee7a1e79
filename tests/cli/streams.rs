//! What goes where, and pipes that close.

use super::{program, stderr, stdout, succeeded, train};
use std::io::Read as _;
use std::process::Stdio;

#[test]
fn closed_pipe_is_no_error() {
    for args in [
        &["--help"][..],
        &["completions", "zsh"],
        &["man"],
        &["doctor"],
        &[
            "train",
            "--data",
            "digits",
            "--max-steps",
            "1",
            "--json",
            "--quiet",
        ],
    ] {
        let mut child = program(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // The reading end is gone before anything is printed.
        drop(child.stdout.take());
        let mut message = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut message)
            .unwrap();
        let code = child.wait().unwrap().code();
        assert_eq!(code, Some(0), "{args:?}: {message}");
        assert_eq!(message, "", "{args:?}");
    }
}

#[test]
fn results_go_to_stdout_and_progress_to_stderr() {
    let output = train(&[]);
    succeeded(&output);
    let (result, progress) = (stdout(&output), stderr(&output));
    for line in [
        "model ", "data ", "device ", "result ", "time ", "rate ", "work ", "energy ",
    ] {
        assert!(
            result.lines().any(|l| l.starts_with(line)),
            "{line} in {result}"
        );
    }
    assert!(
        result.contains("digits") && result.contains("after 3 steps"),
        "{result}"
    );
    assert!(
        result.contains("unavailable") || result.contains(" measured"),
        "{result}"
    );
    assert!(
        progress.contains("accuracy") && !progress.contains('\r'),
        "{progress}"
    );
    assert!(
        progress.contains("left out"),
        "the incomplete batch is message: {progress}"
    );

    let quiet = train(&["--quiet"]);
    succeeded(&quiet);
    assert_eq!(stderr(&quiet), "");
    assert!(stdout(&quiet).contains("accuracy"));
}
