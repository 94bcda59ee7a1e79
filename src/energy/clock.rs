//! The two clocks every reading carries.

use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// One instant on both clocks of the host.
///
/// Durations are taken from `monotonic` only: the Unix clock may be stepped while a window is open.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    /// Seconds on the host's monotonic clock, counted from the first moment this process took.
    pub monotonic: f64,
    /// Seconds since 1970-01-01 UTC.
    pub unix: f64,
}

impl Moment {
    /// The present moment.
    pub fn now() -> Self {
        let origin = origin();
        Self::of(origin, Instant::now(), SystemTime::now())
    }

    /// The middle of a call that began at `began` and has just ended; with it, how many seconds the call took.
    pub(crate) fn middle_since(began: Instant) -> (Self, f64) {
        let took = began.elapsed();
        let half = took / 2;
        let unix = SystemTime::now();
        let unix = unix.checked_sub(half).unwrap_or(unix);
        (Self::of(origin(), began + half, unix), took.as_secs_f64())
    }

    fn of(origin: Instant, instant: Instant, unix: SystemTime) -> Self {
        let monotonic = instant.saturating_duration_since(origin).as_secs_f64();
        let unix = match unix.duration_since(UNIX_EPOCH) {
            Ok(after) => after.as_secs_f64(),
            Err(before) => -before.duration().as_secs_f64(),
        };
        Self { monotonic, unix }
    }
}

/// Rust's `Instant` has no origin of its own, so the first use in the process is it.
fn origin() -> Instant {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    *ORIGIN.get_or_init(Instant::now)
}

/// Fixes the origin before a call is timed, so that no moment of the call lies before it.
pub(crate) fn begin() -> Instant {
    origin();
    Instant::now()
}
