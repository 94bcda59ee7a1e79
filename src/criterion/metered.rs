//! One benchmark whose samples are windows.

use std::convert::Infallible;
use std::fmt::Display;
use std::hint::black_box;
use std::time::Instant;

use criterion::Bencher;

use super::measurement::Joules;

/// Calls of a short closure are counted in batches of about this, which no meter can tell apart.
const BATCH_SECONDS: f64 = 0.001;

/// One benchmark, kept over all of criterion's calls: made by [`Joules::metered`].
pub struct Metered {
    joules: Joules,
    id: String,
    warm: bool,
    batch: u64,
    last: f64,
}

impl Metered {
    pub(super) fn new(joules: Joules, name: &str) -> Self {
        Self {
            id: joules.id(name),
            joules,
            warm: false,
            batch: 1,
            last: 0.0,
        }
    }

    /// The id for criterion, with source and kind.
    pub fn id(&self) -> String {
        self.id.clone()
    }

    /// Meters a closure, called again and again without pause. One that submits work to a device waits for it, or is
    /// metered by [`Metered::drive`].
    pub fn iter<R>(&mut self, bencher: &mut Bencher<'_, Joules>, mut step: impl FnMut() -> R) {
        if !self.warm {
            // Found before anything is metered; a batch stays as long for all windows.
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

    /// Meters work that keeps its own queue: `run` works on without pause, calls its argument with the number of
    /// iterations that have ended since the call before, and returns, its queue drained, once that says `false`. At
    /// least one iteration must end in a `run`.
    ///
    /// An error of `run`, or a window without joules, ends the process with one sentence and exit code 1.
    pub fn drive<E: Display>(
        &mut self,
        bencher: &mut Bencher<'_, Joules>,
        mut run: impl FnMut(&mut dyn FnMut(u64) -> bool) -> Result<(), E>,
    ) {
        let settings = self.joules.settings();
        let first = !self.warm;
        if first {
            self.warm = true;
            self.work(&mut run, settings.warm_up_seconds, |_| ());
            // `--quick` has no warm-up: already its first call is a sample.
            if !std::env::args().any(|argument| argument == "--quick") {
                // Criterion's warm-up: it takes the time of the call and drops its value.
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
            let done = self.work(&mut run, settings.window_seconds, |done| {
                window.stamp(done as f64);
            });
            match self.joules.each(window, done) {
                Ok(each) => self.distinct(each) * iterations as f64,
                Err(why) => self.joules.lost(&self.id, &why),
            }
        });
    }

    /// Runs for `seconds` and tells `count` after each report how many iterations are done; gives them all.
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
            Err(why) => self.joules.lost(&self.id, &why.to_string()),
            Ok(()) if done == 0 => self
                .joules
                .lost(&self.id, "its closure counted no iteration"),
            Ok(()) => done,
        }
    }

    /// Criterion panics where all samples are equal, which a coarse counter can make them: a repeated value is moved by
    /// far less than any meter tells.
    fn distinct(&mut self, joules: f64) -> f64 {
        let distinct = match joules == self.last {
            true => joules * (1.0 + 1e-9),
            false => joules,
        };
        self.last = distinct;
        distinct
    }
}
