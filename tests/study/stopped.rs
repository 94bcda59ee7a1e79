//! A process that is stopped during a run, however slow the machine is.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use super::wattgrad;

/// A process that is stopped during a run. It is killed if its test fails, because others wait for its lock.
pub struct Stopped(Option<Child>);

impl Stopped {
    pub fn signal(&self, name: &str) {
        self.0.iter().for_each(|child| signal(child, name));
    }

    pub fn close_stdout(&mut self) {
        self.0
            .iter_mut()
            .for_each(|child| drop(child.stdout.take()));
    }

    pub fn resume(mut self) -> Child {
        self.signal("CONT");
        self.0.take().unwrap()
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Starts a process and stops it during a run. `hang_up` is its handler of SIGHUP.
pub fn start_and_stop(file: &str, out: &Path, hang_up: libc::sighandler_t) -> Stopped {
    let child = start(file, out, hang_up);
    let id = child.id();
    let stopped = Stopped(Some(child));
    let reserved = || !writing(out).is_empty();
    loop {
        while !reserved() {
            sleep(Duration::from_millis(1));
        }
        stopped.signal("STOP");
        let mut status = 0;
        // SAFETY: it is a child that nobody else waits for, and `status` is ours.
        let found = unsafe { libc::waitpid(id as i32, &mut status, libc::WUNTRACED) };
        assert_eq!(found, id as i32);
        assert!(libc::WIFSTOPPED(status), "it ended before it was stopped");
        // The record is not written yet: it is shorter than the reserved space.
        if reserved() {
            return stopped;
        }
        stopped.signal("CONT");
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

/// Drafts whose space is reserved.
pub fn writing(out: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(out.join("runs")).into_iter().flatten();
    entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "part"))
        .filter(|path| fs::metadata(path).is_ok_and(|found| found.len() >= 256 * 1024))
        .collect()
}
