//! Ends the process where a launch does not end: nothing can stop a kernel that runs on a device.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::Duration;

use crate::cli::failure::Failure;

pub struct Watchdog(Sender<()>);

impl Watchdog {
    pub fn start(seconds: f64) -> Self {
        let (alive, ended) = channel();
        let wait = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
        std::thread::spawn(move || {
            if ended.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
                let failure = Failure::failed(format!(
                    "the first launches did not end within {seconds} s: look for a loop that does not end, use a smaller \
                     grid, or raise --timeout"
                ));
                failure.report();
                std::process::exit(1);
            }
        });
        Self(alive)
    }

    pub fn stop(self) {
        // Fails only where the thread has given up.
        let _ = self.0.send(());
    }
}
