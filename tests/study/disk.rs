//! A study on a disk that fills up, in a mount namespace of its own.

use std::path::Path;
use std::process::Command;

use super::namespace::play;
use super::{RUNS, folder, output, records, run, told};

const DISK: &str = "/mnt";

#[test]
fn a_full_disk_is_one_sentence_and_the_study_goes_on() {
    let prepare = format!("mount -t tmpfs -o size=300k none {DISK} || exit 77");
    play("full_disk", &prepare, &[]);
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
