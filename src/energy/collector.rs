//! Threads that sample sensors while a window is open.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::clock::Moment;
use super::figure::Reading;
use super::poll_schedule::PollSchedule;
use super::sensor::{Conditions, Sensor, Unavailable};

/// Samples one sensor until it is dropped.
pub(crate) struct Collector {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    sensor: Arc<dyn Sensor>,
    state: Mutex<State>,
    wake: Condvar,
    stop: AtomicBool,
}

struct State {
    readings: Vec<Reading>,
    schedule: PollSchedule,
    lost: Option<Unavailable>,
}

/// What a collector read.
#[derive(Default)]
pub(crate) struct Collected {
    pub readings: Vec<Reading>,
    /// Why the sensor could not be read any more, where it was lost.
    pub lost: Option<Unavailable>,
}

impl Collector {
    /// Starts sampling; `update_interval` where known.
    pub(crate) fn start(sensor: Arc<dyn Sensor>, update_interval: Option<f64>) -> Self {
        let schedule = PollSchedule::new(sensor.spec(), update_interval);
        let shared = Arc::new(Shared {
            sensor,
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

    /// Waits until `enough` returns true for the readings and the update interval, or `longest` seconds have passed.
    pub(crate) fn wait(&self, longest: f64, enough: impl Fn(&[Reading], Option<f64>) -> bool) {
        let end = Moment::now().monotonic + longest;
        let mut state = self.shared.state();
        loop {
            let left = end - Moment::now().monotonic;
            let done = || enough(&state.readings, state.schedule.update_interval());
            if left <= 0.0 || state.lost.is_some() || done() {
                return;
            }
            let left = Duration::from_secs_f64(left);
            let waited = self.shared.wake.wait_timeout(state, left);
            (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Reads at once, beside the schedule.
    pub(crate) fn poll(&self) {
        let mut state = self.shared.state();
        if let Err(why) = self.shared.sensor.poll(&mut state.readings) {
            state.lost = Some(why);
        }
    }

    /// The result of `of` on the readings and the update interval so far.
    pub(crate) fn inspect<R>(&self, of: impl FnOnce(&[Reading], Option<f64>) -> R) -> R {
        let state = self.shared.state();
        of(&state.readings, state.schedule.update_interval())
    }

    /// The readings so far.
    pub(crate) fn readings(&self) -> Vec<Reading> {
        self.inspect(|readings, _| readings.to_vec())
    }

    /// Drops the readings before `before`.
    #[cfg(feature = "cli")]
    pub(crate) fn forget(&self, before: f64) {
        let mut state = self.shared.state();
        let old = state
            .readings
            .partition_point(|reading| reading.at.monotonic < before);
        state.readings.drain(..old);
    }

    /// The update interval, once it is known.
    pub(crate) fn update_interval(&self) -> Option<f64> {
        self.inspect(|_, interval| interval)
    }

    /// Why the sensor could not be read any more.
    pub(crate) fn lost(&self) -> Option<Unavailable> {
        self.shared.state().lost.clone()
    }

    pub(crate) fn shared_with(&self) -> Option<String> {
        self.shared.sensor.shared()
    }

    pub(crate) fn conditions(&self) -> Option<Conditions> {
        self.shared.sensor.conditions()
    }

    /// Ends the sampling.
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
            // A thread that panicked leaves its readings; the result says that they are incomplete.
            if thread.join().is_err() {
                self.shared.state().lost =
                    Some(Unavailable::new("the thread that reads it failed"));
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
            let polled = self.sensor.poll(&mut fresh);
            let next = {
                let mut state = self.state();
                for reading in fresh.drain(..) {
                    state.schedule.observe(&reading);
                    state.readings.push(reading);
                }
                if let Err(why) = polled {
                    state.lost = Some(why);
                }
                self.wake.notify_all();
                if state.lost.is_some() {
                    return;
                }
                let now = Moment::now().monotonic;
                state.schedule.next_poll(&*self.sensor, now)
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
