//! A power that is known in closed form, and files that follow it.

use std::f64::consts::TAU;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use wattgrad::internals::energy::{Meter, SourceResult};

/// A power that swings a tenth around `watts`, 0.7 s a swing.
#[derive(Clone, Copy)]
pub struct Load {
    pub watts: f64,
}

const SWING: f64 = 0.7;

impl Load {
    pub fn watts(self, at: f64) -> f64 {
        self.watts * (1.0 + 0.1 * (TAU * at / SWING).sin())
    }

    /// The integral of the power from 0 to `at`.
    pub fn joules(self, at: f64) -> f64 {
        self.watts * (at + 0.1 * SWING / TAU * (1.0 - (TAU * at / SWING).cos()))
    }
}

/// Renews files every `period` seconds until it is dropped.
pub struct Feed {
    began: Instant,
    period: f64,
    stop: Arc<AtomicBool>,
    /// The most microseconds by which a file was renewed late since this was set to 0.
    late: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Feed {
    /// `renew` is given the seconds since the start.
    pub fn every(period: f64, mut renew: impl FnMut(f64) + Send + 'static) -> Self {
        let began = Instant::now();
        renew(0.0);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let late = Arc::new(AtomicU64::new(0));
        let worst = Arc::clone(&late);
        let thread = std::thread::spawn(move || {
            let mut due = period;
            while !stopped.load(Ordering::Relaxed) {
                let wait = due - began.elapsed().as_secs_f64();
                if wait > 0.0 {
                    sleep(Duration::from_secs_f64(wait.min(0.05)));
                    continue;
                }
                renew(began.elapsed().as_secs_f64());
                let micros = (began.elapsed().as_secs_f64() - due) * 1e6;
                worst.fetch_max(micros as u64, Ordering::Relaxed);
                due += period;
            }
        });
        Self {
            began,
            period,
            stop,
            late,
            thread: Some(thread),
        }
    }

    pub fn now(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    /// Meters `seconds`: the rows, and when on this feed's clock the window began and ended. A window in which this
    /// machine woke the feed half a period late or more is metered again, at most twice: such files are not the
    /// instrument that the test is about.
    pub fn meter(&self, meter: &Meter, seconds: f64) -> (Vec<SourceResult>, f64, f64) {
        for _ in 0..2 {
            self.late.store(0, Ordering::Relaxed);
            let metered = self.window(meter, seconds);
            let late = self.late.load(Ordering::Relaxed) as f64 / 1e6;
            if late < self.period / 2.0 {
                return metered;
            }
            println!("metered again: the files were renewed {late:.3} s late");
        }
        self.window(meter, seconds)
    }

    fn window(&self, meter: &Meter, seconds: f64) -> (Vec<SourceResult>, f64, f64) {
        let window = meter.start();
        let from = self.now();
        sleep(Duration::from_secs_f64(seconds));
        let to = self.now();
        (window.stop(), from, to)
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
    }
}
