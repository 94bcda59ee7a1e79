//! Signals while a command is measured: they are passed to it, and this process goes on to report the result.

use std::ffi::c_int;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

/// The process id of the running command, or 0.
static CHILD: AtomicI32 = AtomicI32::new(0);
/// A signal that has not been passed on, because the command was being started.
static PENDING: AtomicI32 = AtomicI32::new(0);
static RECEIVED: AtomicBool = AtomicBool::new(false);

const SIGNALS: [c_int; 4] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT];

/// Whether a signal was received.
pub fn received() -> bool {
    RECEIVED.load(Ordering::Relaxed)
}

/// From now on signals are passed to the command. Ignored signals stay ignored, for the command too.
pub fn pass_on() {
    for signal in SIGNALS {
        // SAFETY: all zero is a valid `sigaction` (empty mask, no flags); both pointers are to structs of our own, and
        // the handler does nothing but what signal handlers may.
        unsafe {
            let mut before: libc::sigaction = std::mem::zeroed();
            if libc::sigaction(signal, std::ptr::null(), &mut before) != 0
                || before.sa_sigaction == libc::SIG_IGN
            {
                continue;
            }
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = handler as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART;
            libc::sigaction(signal, &action, std::ptr::null_mut());
        }
    }
}

/// Passes signals to a command until it is dropped.
pub struct Passing;

impl Passing {
    pub fn to(child: u32) -> Self {
        CHILD.store(i32::try_from(child).unwrap_or(0), Ordering::SeqCst);
        pass_pending();
        Self
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        CHILD.store(0, Ordering::SeqCst);
    }
}

extern "C" fn handler(signal: c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    RECEIVED.store(true, Ordering::Relaxed);
    // SAFETY: the system gives a valid `info`.
    if unsafe { was_sent(signal, info) } {
        PENDING.store(signal, Ordering::SeqCst);
        pass_pending();
    }
}

/// Passes a pending signal to the command once it runs; called when either changes.
fn pass_pending() {
    let child = CHILD.load(Ordering::SeqCst);
    if child > 0 {
        let signal = PENDING.swap(0, Ordering::SeqCst);
        if signal != 0 {
            // SAFETY: `kill` takes no pointers and may be called in a handler.
            unsafe { libc::kill(child, signal) };
        }
    }
}

/// Whether a process sent it, and not the terminal, which sends it to the command as well.
#[cfg(target_os = "linux")]
unsafe fn was_sent(_: c_int, info: *mut libc::siginfo_t) -> bool {
    // SAFETY: the caller's.
    unsafe { (*info).si_code <= 0 }
}

/// Other systems do not report the sender; these two come from the terminal.
#[cfg(not(target_os = "linux"))]
unsafe fn was_sent(signal: c_int, _: *mut libc::siginfo_t) -> bool {
    signal != libc::SIGINT && signal != libc::SIGQUIT
}

/// Ends this process by `signal`, without a core file of its own.
pub fn die_by(signal: c_int) {
    let none = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: the struct outlives its call; the others take numbers.
    unsafe {
        libc::setrlimit(libc::RLIMIT_CORE, &none);
        libc::signal(signal, libc::SIG_DFL);
        libc::raise(signal);
    }
}
