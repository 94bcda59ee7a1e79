//! A benchmark whose samples are measurement windows.

use std::convert::Infallible;
use std::fmt::Display;
use std::hint::black_box;
use std::time::Instant;

use criterion::Bencher;

use super::measurement::Joules;

/// Calls of a short closure are counted in batches of about this many seconds, which no meter can resolve.
const BATCH_SECONDS: f64 = 0.001;

/// A benchmark whose samples are measurement windows, made by [`Joules::metered`]. It lasts over all of criterion's calls.
pub struct MeteredBenchmark {
    joules: Joules,
    id: String,
    warm: bool,
    batch: u64,
    last: f64,
}

impl Joules {
    /// A benchmark with the id [`Joules::id`] of `name`.
    pub fn metered(&self, name: &str) -> MeteredBenchmark {
        MeteredBenchmark {
            id: self.id(name),
            joules: self.clone(),
            warm: false,
            batch: 1,
            last: 0.0,
        }
    }
}

impl MeteredBenchmark {
    /// The id for criterion, with source and method.
    pub fn id(&self) -> String {
        self.id.clone()
    }

    /// Measures a closure, called repeatedly without pause. A closure that submits work to a device has to wait for it, or
    /// be measured by [`MeteredBenchmark::drive`].
    pub fn iter<R>(&mut self, bencher: &mut Bencher<'_, Joules>, mut step: impl FnMut() -> R) {
        if !self.warm {
            // Found before the first window; the batch size stays the same for all windows.
            loop {
                let start = Instant::now();
                (0..self.batch).for_each(|_| drop(black_box(step())));
                if start.elapsed().as_secs_f64() >= BATCH_SECONDS {
                    break;
                }
                self.batch *= 2;
            }
        }
        let batch = self.batch;
        self.drive(bencher, |done| {
            loop {
                (0..batch).for_each(|_| drop(black_box(step())));
                if !done(batch) {
                    return Ok::<(), Infallible>(());
                }
            }
        });
    }

    /// Measures work that keeps its own queue. `run` works without pause and calls its argument with the number of
    /// iterations that have ended since the last call; when that returns `false`, `run` drains its queue and returns. At
    /// least one iteration must end in a `run`.
    ///
    /// An error of `run`, or a window without joules, ends the process with one sentence and exit code 1.
    pub fn drive<E: Display>(
        &mut self,
        bencher: &mut Bencher<'_, Joules>,
        mut run: impl FnMut(&mut dyn FnMut(u64) -> bool) -> Result<(), E>,
    ) {
        let settings = self.joules.settings();
        if !self.warm {
            self.warm = true;
            self.work(&mut run, settings.warm_up_seconds, |_| ());
            // With `--quick` there is no warm-up: the first call is already a sample.
            if !std::env::args().any(|argument| argument == "--quick") {
                // Criterion's warm-up: it takes the time of the call and ignores its value.
                bencher.iter_custom(|_| {
                    self.work(&mut run, 0.0, |_| ());
                    f64::MIN_POSITIVE
                });
                return;
            }
        }
        bencher.iter_custom(|iterations| {
            let window = self.joules.window();
            window.stamp(0.0);
            let stamp = |done| window.stamp(done as f64);
            let done = self.work(&mut run, settings.window_seconds, stamp);
            match self.joules.per_unit(window, done) {
                Ok(joules) => self.distinct(joules) * iterations as f64,
                Err(why) => self.joules.abort(&self.id, &why),
            }
        });
    }

    /// Runs for `seconds`; calls `count` after each report with the iterations done so far, and returns them all.
    fn work<E: Display>(
        &self,
        run: &mut impl FnMut(&mut dyn FnMut(u64) -> bool) -> Result<(), E>,
        seconds: f64,
        count: impl Fn(u64),
    ) -> u64 {
        let start = Instant::now();
        let mut done = 0;
        let ended = run(&mut |more| {
            done += more;
            count(done);
            start.elapsed().as_secs_f64() < seconds
        });
        match ended {
            Err(why) => self.joules.abort(&self.id, &why.to_string()),
            Ok(()) if done == 0 => self
                .joules
                .abort(&self.id, "its closure reported no iterations"),
            Ok(()) => done,
        }
    }

    /// Criterion panics where all samples are equal, as those of a coarse counter can be: a repeated value is moved by far
    /// less than any meter resolves.
    fn distinct(&mut self, joules: f64) -> f64 {
        let distinct = match joules == self.last {
            true => joules * (1.0 + 1e-9),
            false => joules,
        };
        self.last = distinct;
        distinct
    }
}
