//! A folder, a terminal or a reader of the output that disappears during a run.

use std::fs;

use super::stopped::{start_and_stop, writing};
use super::{RUNS, folder, output, printed, records, run};

#[test]
fn a_folder_that_disappears_costs_the_current_run() {
    let (folder, file, out) = folder();
    let stopped = start_and_stop(&file, &out, libc::SIG_DFL);
    let away = folder.path().join("away");
    fs::rename(&out, &away).unwrap();
    let ended = stopped.resume().wait_with_output().unwrap();
    let text = printed(&ended);
    assert_eq!(ended.status.code(), Some(1), "{text}");
    assert_eq!(text.matches("error:").count(), 1, "{text}");
    assert!(text.contains("must be made again"), "{text}");
    assert!(!out.exists(), "{text}");
    fs::rename(&away, &out).unwrap();
    assert!(records(&out).len() < RUNS);
    assert!(run(&file, &out).status.success());
    assert_eq!(records(&out).len(), RUNS);
    assert!(writing(&out).is_empty());
    let verified = output(&["study", "verify", out.to_str().unwrap()]);
    assert!(verified.status.success(), "{}", printed(&verified));
}

#[test]
fn a_study_survives_its_terminal_only_under_nohup() {
    for (hang_up, code) in [(libc::SIG_IGN, 0), (libc::SIG_DFL, 130)] {
        let (_folder, file, out) = folder();
        let stopped = start_and_stop(&file, &out, hang_up);
        stopped.signal("HUP");
        let ended = stopped.resume().wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(code), "{}", printed(&ended));
        assert_eq!(
            records(&out).len() == RUNS,
            code == 0,
            "{}",
            printed(&ended)
        );
    }
}

#[test]
fn an_interrupt_that_ends_the_reader_too_shows_in_the_exit_code() {
    let (_folder, file, out) = folder();
    let mut stopped = start_and_stop(&file, &out, libc::SIG_DFL);
    stopped.close_stdout();
    stopped.signal("INT");
    let ended = stopped.resume().wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(130), "{}", printed(&ended));
}
