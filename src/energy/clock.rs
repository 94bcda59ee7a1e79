//! The two clocks of a reading, and the clock that sampling waits on.

use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// One instant on both clocks of the host.
///
/// Durations are computed from `monotonic` only: the Unix clock may be stepped while a window is open.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    /// Seconds on the host's monotonic clock since its first use in this process.
    pub monotonic: f64,
    /// Seconds since 1970-01-01 UTC.
    pub unix: f64,
}

impl Moment {
    /// The present.
    pub fn now() -> Self {
        let origin = origin();
        Self::of(origin, Instant::now(), SystemTime::now())
    }

    /// The middle of a call that began at `began` and has just ended, and the seconds that the call took.
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

/// Rust's `Instant` has no origin of its own, so the first use in the process sets it.
fn origin() -> Instant {
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    *ORIGIN.get_or_init(Instant::now)
}

/// The present, with the origin set, so that no moment of a call that begins now precedes it.
pub(crate) fn begin() -> Instant {
    origin();
    Instant::now()
}

/// The clock that a sensor is sampled by: the machine's, or that of a simulation.
pub trait Clock {
    /// Seconds on the monotonic clock of the readings.
    fn now(&self) -> f64;

    /// Returns at `at` or later.
    fn sleep_until(&self, at: f64);
}

/// The machine's clock.
#[cfg(feature = "cli")]
pub(crate) struct SystemClock;

#[cfg(feature = "cli")]
impl Clock for SystemClock {
    fn now(&self) -> f64 {
        Moment::now().monotonic
    }

    fn sleep_until(&self, at: f64) {
        let wait = at - self.now();
        if wait > 0.0 {
            std::thread::sleep(std::time::Duration::from_secs_f64(wait.min(3600.0)));
        }
    }
}
