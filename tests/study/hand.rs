//! A runner that is stopped just while a run is in hand, however slow the machine is.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use super::wattgrad;

/// A runner that is stopped while a run is in hand. It is killed where its test fails: it holds what others wait for.
pub struct InHand(Option<Child>);

impl InHand {
    pub fn signal(&self, name: &str) {
        self.0.iter().for_each(|child| signal(child, name));
    }

    /// Nobody reads its results any more.
    pub fn close_stdout(&mut self) {
        self.0
            .iter_mut()
            .for_each(|child| drop(child.stdout.take()));
    }

    /// Lets it go on.
    pub fn go_on(mut self) -> Child {
        self.signal("CONT");
        self.0.take().unwrap()
    }
}

impl Drop for InHand {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Starts a runner and stops it while a run is in hand. `hang_up` is what it has for SIGHUP, whatever the tests were
/// started with.
pub fn in_hand(file: &str, out: &Path, hang_up: libc::sighandler_t) -> InHand {
    let child = start(file, out, hang_up);
    let id = child.id();
    let hand = InHand(Some(child));
    // One that died in a folder which was away has left its room reserved.
    let own = format!(".{id}.");
    let reserved = || {
        let mut paths = writing(out).into_iter();
        paths.any(|path| path.to_string_lossy().contains(&own))
    };
    loop {
        while !reserved() {
            sleep(Duration::from_millis(1));
        }
        hand.signal("STOP");
        let mut status = 0;
        // SAFETY: it is a child that nobody else waits for, and `status` is ours.
        let found = unsafe { libc::waitpid(id as i32, &mut status, libc::WUNTRACED) };
        assert_eq!(found, id as i32);
        assert!(libc::WIFSTOPPED(status), "it ended before it was stopped");
        // Reserved and not cut to the record's length: the record is yet to be written.
        if reserved() {
            return hand;
        }
        hand.signal("CONT");
    }
}

fn start(file: &str, out: &Path, hang_up: libc::sighandler_t) -> Child {
    let mut command = wattgrad(&["study", "run", file, "--out", out.to_str().unwrap()]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    // SAFETY: `signal` may be called between fork and exec.
    unsafe {
        command.pre_exec(move || {
            libc::signal(libc::SIGHUP, hang_up);
            Ok(())
        })
    };
    command.spawn().unwrap()
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
