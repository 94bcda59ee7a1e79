//! Threads that read instruments while a window is open.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::clock::Moment;
use super::figure::Reading;
use super::poll_schedule::PollSchedule;
use super::sensor::{Conditions, Sensor, Unavailable};

/// So often it is looked whether an instrument that keeps its own record has more of it: its readings carry their own
/// times, so nothing is won by looking when they come.
pub(crate) const RECORD_SECONDS: f64 = 0.05;

/// Reads one instrument until it is dropped.
pub(crate) struct Collector {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    instrument: Arc<dyn Sensor>,
    state: Mutex<State>,
    wake: Condvar,
    stop: AtomicBool,
}

struct State {
    readings: Vec<Reading>,
    schedule: PollSchedule,
    lost: Option<Unavailable>,
}

/// What a collector brought home.
pub(crate) struct Collected {
    pub readings: Vec<Reading>,
    /// Why it could not be read any more, where it was lost.
    pub lost: Option<Unavailable>,
}

impl Collector {
    /// Starts reading; `tick` where it is known.
    pub(crate) fn start(instrument: Arc<dyn Sensor>, tick: Option<f64>) -> Self {
        let schedule = PollSchedule::new(instrument.spec(), tick);
        let shared = Arc::new(Shared {
            instrument,
            state: Mutex::new(State {
                readings: Vec::new(),
                schedule,
                lost: None,
            }),
            wake: Condvar::new(),
            stop: AtomicBool::new(false),
        });
        let worker = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("wattgrad-meter".into())
            .spawn(move || worker.run())
            .ok();
        if thread.is_none() {
            shared.state().lost = Some(Unavailable::new("no thread could be started to read it"));
        }
        Self { shared, thread }
    }

    /// Waits until `enough` says so of what was read and the tick seen so far, or `longest` seconds have passed.
    pub(crate) fn wait(&self, longest: f64, enough: impl Fn(&[Reading], Option<f64>) -> bool) {
        let end = Moment::now().monotonic + longest;
        let mut state = self.shared.state();
        loop {
            let left = end - Moment::now().monotonic;
            if left <= 0.0 || state.lost.is_some() || enough(&state.readings, state.schedule.tick())
            {
                return;
            }
            let (guard, _) = self
                .shared
                .wake
                .wait_timeout(state, Duration::from_secs_f64(left))
                .unwrap_or_else(PoisonError::into_inner);
            state = guard;
        }
    }

    /// Reads at once, beside the schedule.
    pub(crate) fn look(&self) {
        let mut state = self.shared.state();
        if let Err(refusal) = self.shared.instrument.poll(&mut state.readings) {
            state.lost = Some(refusal);
        }
    }

    /// What `of` says of the readings and the tick seen so far.
    pub(crate) fn look_at<R>(&self, of: impl FnOnce(&[Reading], Option<f64>) -> R) -> R {
        let state = self.shared.state();
        of(&state.readings, state.schedule.tick())
    }

    /// The newest readings, at most `count`.
    pub(crate) fn newest(&self, count: usize) -> Vec<Reading> {
        let state = self.shared.state();
        let from = state.readings.len().saturating_sub(count);
        state.readings[from..].to_vec()
    }

    /// Lets go of the readings before `before`.
    pub(crate) fn forget(&self, before: f64) {
        let mut state = self.shared.state();
        let old = state
            .readings
            .partition_point(|reading| reading.at.monotonic < before);
        state.readings.drain(..old);
    }

    /// The tick as far as it was seen.
    pub(crate) fn tick(&self) -> Option<f64> {
        self.shared.state().schedule.tick()
    }

    /// Why it could not be read any more.
    pub(crate) fn lost(&self) -> Option<Unavailable> {
        self.shared.state().lost.clone()
    }

    pub(crate) fn shared_with(&self) -> Option<String> {
        self.shared.instrument.shared()
    }

    pub(crate) fn conditions(&self) -> Option<Conditions> {
        self.shared.instrument.conditions()
    }

    /// Ends the reading.
    pub(crate) fn stop(mut self) -> Collected {
        self.end();
        let mut state = self.shared.state();
        Collected {
            readings: std::mem::take(&mut state.readings),
            lost: state.lost.take(),
        }
    }

    fn end(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // One that panicked has left its readings, and a refusal is made of their end.
            if thread.join().is_err() {
                self.shared.state().lost = Some(Unavailable::new("reading it broke off"));
            }
        }
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.end();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        let mut fresh = Vec::new();
        while !self.stop.load(Ordering::Relaxed) {
            let outcome = self.instrument.poll(&mut fresh);
            let next = {
                let mut state = self.state();
                for reading in fresh.drain(..) {
                    state.schedule.observe(&reading);
                    state.readings.push(reading);
                }
                if let Err(refusal) = outcome {
                    state.lost = Some(refusal);
                }
                self.wake.notify_all();
                if state.lost.is_some() {
                    return;
                }
                let now = Moment::now().monotonic;
                if self.instrument.keeps_record() {
                    now + RECORD_SECONDS
                } else {
                    state.schedule.next(now)
                }
            };
            loop {
                let wait = next - Moment::now().monotonic;
                if wait <= 0.0 || self.stop.load(Ordering::Relaxed) {
                    break;
                }
                std::thread::park_timeout(Duration::from_secs_f64(wait));
            }
        }
    }
}
