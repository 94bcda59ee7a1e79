//! A study on a disk that fills up, in a mount namespace of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::hand::{in_hand, writing};
use super::namespace::play;
use super::{RUNS, folder, output, records, run, told};

const DISK: &str = "/mnt";

#[test]
fn a_full_disk_is_one_sentence_and_the_study_goes_on() {
    let prepare = format!("mount -t tmpfs -o size=300k none {DISK} || exit 77");
    play("full_disk", &prepare, &[]);
}

#[test]
fn a_run_during_which_the_disk_fills_up_is_kept() {
    let prepare = format!("mount -t tmpfs -o size=2m none {DISK} || exit 77");
    play("filled", &prepare, &[]);
}

/// Takes all room that is left on the disk; what takes it.
fn fill() -> PathBuf {
    let path = Path::new(DISK).join("filler");
    let filled = Command::new("dd")
        .args(["if=/dev/zero", "bs=4k"])
        .arg(format!("of={}", path.display()))
        .output()
        .unwrap();
    assert!(!filled.status.success(), "the disk is not full");
    path
}

pub fn filled() {
    let (_folder, file, _) = folder();
    let out = Path::new(DISK).join("out");
    let stopped = in_hand(&file, &out, libc::SIG_DFL);
    let before = records(&out).len();
    let filler = fill();
    let ended = stopped.go_on().wait_with_output().unwrap();
    let text = told(&ended);
    assert_eq!(ended.status.code(), Some(1), "{text}");
    assert_eq!(text.matches("error:").count(), 1, "{text}");
    assert!(text.contains("make room"), "{text}");
    assert!(!text.contains("made again"), "{text}");
    // The run in hand is kept, and no other was begun.
    assert_eq!(records(&out).len(), before + 1, "{text}");
    assert!(writing(&out).is_empty());

    fs::remove_file(filler).unwrap();
    let ended = run(&file, &out);
    assert!(ended.status.success(), "{}", told(&ended));
    assert_eq!(records(&out).len(), RUNS);
    let verified = output(&["study", "verify", out.to_str().unwrap()]);
    assert!(verified.status.success(), "{}", told(&verified));
}

pub fn full() {
    let (_folder, file, _) = folder();
    let out = Path::new(DISK).join("out");
    let stopped = run(&file, &out);
    let text = told(&stopped);
    assert_eq!(stopped.status.code(), Some(1), "{text}");
    assert_eq!(text.matches("error:").count(), 1, "{text}");
    assert!(text.contains("make room"), "{text}");
    let before = records(&out);
    assert!(
        !before.is_empty() && before.len() < RUNS,
        "{}",
        before.len()
    );

    let grown = Command::new("mount")
        .args(["-o", "remount,size=20m", DISK])
        .status()
        .unwrap();
    assert!(grown.success());
    let ended = run(&file, &out);
    assert!(ended.status.success(), "{}", told(&ended));
    let after = records(&out);
    assert_eq!(after.len(), RUNS);
    for (id, record) in &before {
        assert_eq!(
            record, &after[id],
            "{id} was kept before and is another now"
        );
    }
    assert!(
        output(&["study", "verify", out.to_str().unwrap()])
            .status
            .success()
    );
}
