//! A folder that goes away while a run is in hand, and a terminal or a reader that does.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStderr};

use super::hand::{in_hand, signal, writing};
use super::{RUNS, folder, output, records, run, told};

/// Moves the folder away while a run is in hand, and waits until its runner says so.
fn moved_away(out: &Path, away: &Path) -> (Child, BufReader<ChildStderr>, String) {
    let (_folder, file, _) = folder();
    let stopped = in_hand(&file, out, libc::SIG_DFL);
    fs::rename(out, away).unwrap();
    let mut child = stopped.go_on();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("cannot be written") {
        assert_ne!(stderr.read_line(&mut said).unwrap(), 0, "{said}");
    }
    (child, stderr, said)
}

#[test]
fn a_folder_that_comes_back_gets_the_record_that_waits() {
    let (folder, file, out) = folder();
    let away = folder.path().join("away");
    let (mut child, mut stderr, mut said) = moved_away(&out, &away);
    let before = records(&away).len();
    fs::rename(&away, &out).unwrap();
    stderr.read_to_string(&mut said).unwrap();
    assert!(child.wait().unwrap().success(), "{said}");
    assert_eq!(said.matches("cannot be written").count(), 1, "{said}");
    assert!(before < RUNS);
    assert_eq!(records(&out).len(), RUNS, "{said}");
    assert!(writing(&out).is_empty());
    assert!(run(&file, &out).status.success());
    let verified = output(&["study", "verify", out.to_str().unwrap()]);
    assert!(verified.status.success(), "{}", told(&verified));
}

#[test]
fn an_interrupt_ends_the_wait_for_a_folder() {
    let (folder, file, out) = folder();
    let away = folder.path().join("away");
    for name in ["INT", "TERM", "HUP"] {
        let (mut child, mut stderr, mut said) = moved_away(&out, &away);
        signal(&child, name);
        stderr.read_to_string(&mut said).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(1), "{said}");
        assert_eq!(said.matches("error:").count(), 1, "{said}");
        let error: Vec<&str> = said
            .lines()
            .filter(|line| line.contains("error:"))
            .collect();
        assert!(error[0].contains("is to be made again"), "{said}");
        assert!(!out.exists(), "{said}");
        fs::rename(&away, &out).unwrap();
    }
    assert!(run(&file, &out).status.success());
    assert_eq!(records(&out).len(), RUNS);
    assert!(writing(&out).is_empty());
}

#[test]
fn a_study_outlives_its_terminal_under_nohup_alone() {
    for (hang_up, code) in [(libc::SIG_IGN, 0), (libc::SIG_DFL, 130)] {
        let (_folder, file, out) = folder();
        let stopped = in_hand(&file, &out, hang_up);
        stopped.signal("HUP");
        let ended = stopped.go_on().wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(code), "{}", told(&ended));
        assert_eq!(records(&out).len() == RUNS, code == 0, "{}", told(&ended));
    }
}

#[test]
fn an_interrupt_that_ends_the_reader_too_is_told_by_the_exit_code() {
    let (_folder, file, out) = folder();
    let mut stopped = in_hand(&file, &out, libc::SIG_DFL);
    stopped.close_stdout();
    stopped.signal("INT");
    let ended = stopped.go_on().wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(130), "{}", told(&ended));
}
