//! A runner that is stopped just while a run is in hand, however slow the machine is.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use super::wattgrad;

/// Starts a runner and stops it while a run is in hand; [`signal`] lets it go on. `hang_up` is what it has for SIGHUP,
/// whatever the tests were started with.
pub fn in_hand(file: &str, out: &Path, hang_up: libc::sighandler_t) -> Child {
    let mut command = wattgrad(&["study", "run", file, "--out", out.to_str().unwrap()]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    // SAFETY: `signal` may be called between fork and exec.
    unsafe {
        command.pre_exec(move || {
            libc::signal(libc::SIGHUP, hang_up);
            Ok(())
        })
    };
    let child = command.spawn().unwrap();
    loop {
        while writing(out).is_empty() {
            sleep(Duration::from_millis(1));
        }
        signal(&child, "STOP");
        let stat = format!("/proc/{}/stat", child.id());
        while !fs::read_to_string(&stat).unwrap().contains(") T ") {
            sleep(Duration::from_millis(1));
        }
        // Reserved and not cut to the record's length: the record is yet to be written.
        if !writing(out).is_empty() {
            return child;
        }
        signal(&child, "CONT");
    }
}

pub fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill")
        .args(["-s", name, &child.id().to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
}

/// What is written or reserved in the folder of records.
pub fn writing(out: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(out.join("runs")).into_iter().flatten();
    entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "tmp"))
        .filter(|path| fs::metadata(path).is_ok_and(|found| found.len() >= 256 * 1024))
        .collect()
}
