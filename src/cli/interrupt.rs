//! What Ctrl-C and termination do to a run.

use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Exit code of a run that a signal ended.
pub const INTERRUPTED: u8 = 130;

/// A flag that the first Ctrl-C or termination sets; the second ends the program at once.
pub fn stop_on_interrupt() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    #[cfg(unix)]
    let nohup = hang_up_is_ignored();
    let set = ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::Relaxed) {
            process::exit(i32::from(INTERRUPTED));
        }
    });
    if let Err(error) = set {
        tracing::warn!("cannot handle Ctrl-C ({error}): it will end the run without a record");
    }
    #[cfg(unix)]
    if nohup {
        // SAFETY: the signal is ignored again, as the caller of this program requested.
        unsafe { libc::signal(libc::SIGHUP, libc::SIG_IGN) };
    }
    stop
}

/// Whether this program was started with `nohup`, which the handler would undo.
#[cfg(unix)]
fn hang_up_is_ignored() -> bool {
    // SAFETY: all zero is a valid `sigaction`, nothing is set, and the result is written to a struct of our own.
    unsafe {
        let mut now: libc::sigaction = std::mem::zeroed();
        libc::sigaction(libc::SIGHUP, std::ptr::null(), &mut now) == 0
            && now.sa_sigaction == libc::SIG_IGN
    }
}
