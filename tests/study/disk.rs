//! A study on a disk that fills up, in its own mount namespace.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::namespace::play;
use super::stopped::{start_and_stop, writing};
use super::{RUNS, folder, output, printed, records, run};

const DISK: &str = "/mnt";

#[test]
fn a_full_disk_is_one_sentence_and_the_study_continues() {
    let prepare = format!("mount -t tmpfs -o size=300k none {DISK} || exit 77");
    play("full_disk", &prepare, &[]);
}

#[test]
fn a_run_during_which_the_disk_fills_up_is_saved() {
    let prepare = format!("mount -t tmpfs -o size=2m none {DISK} || exit 77");
    play("filled", &prepare, &[]);
}

/// Takes all space that is left on the disk.
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
    let stopped = start_and_stop(&file, &out, libc::SIG_DFL);
    let before = records(&out).len();
    let filler = fill();
    let ended = stopped.resume().wait_with_output().unwrap();
    let text = printed(&ended);
    assert_eq!(ended.status.code(), Some(1), "{text}");
    assert_eq!(text.matches("error:").count(), 1, "{text}");
    assert!(text.contains("make room"), "{text}");
    assert!(!text.contains("must be made again"), "{text}");
    // The current run is saved, and no other was started.
    assert_eq!(records(&out).len(), before + 1, "{text}");
    assert!(writing(&out).is_empty());

    fs::remove_file(filler).unwrap();
    let ended = run(&file, &out);
    assert!(ended.status.success(), "{}", printed(&ended));
    assert_eq!(records(&out).len(), RUNS);
    let verified = output(&["study", "verify", out.to_str().unwrap()]);
    assert!(verified.status.success(), "{}", printed(&verified));
}

pub fn full() {
    let (_folder, file, _) = folder();
    let out = Path::new(DISK).join("out");
    let stopped = run(&file, &out);
    let text = printed(&stopped);
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
    assert!(ended.status.success(), "{}", printed(&ended));
    let after = records(&out);
    assert_eq!(after.len(), RUNS);
    for (id, record) in &before {
        assert_eq!(record, &after[id], "{id} was saved before and has changed");
    }
    assert!(
        output(&["study", "verify", out.to_str().unwrap()])
            .status
            .success()
    );
}
