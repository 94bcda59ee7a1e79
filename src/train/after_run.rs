//! Measures the joules of a step and of an evaluation after the end of a run, in windows as long as the sensors need.

use std::sync::atomic::{AtomicBool, Ordering};

use super::error::TrainError;
use crate::energy::{Meter, SourceResult, Status, WindowLength, WindowResult};
use crate::program::Program;

/// Longest window.
const MOST_SECONDS: f64 = 60.0;

/// What was measured after a run; empty if nothing was.
#[derive(Default)]
pub(super) struct AfterRun {
    pub steps: WindowResult,
    pub evaluations: WindowResult,
}

impl AfterRun {
    /// Trains on and, if the run evaluated, evaluates repeatedly. The weights are discarded afterwards. `first` is the
    /// program's step, `energy` what `meter` measured of the run; without a source that measures, nothing is done.
    pub fn measure(
        program: &mut Program<'_>,
        first: u64,
        evaluated: bool,
        (meter, energy): (&Meter, &[SourceResult]),
        interrupt: &AtomicBool,
    ) -> Result<AfterRun, TrainError> {
        let mut sources = energy.iter();
        if !sources.any(|result| result.status == Status::Measured || too_short(result)) {
            return Ok(AfterRun::default());
        }
        let length = || WindowLength::between(meter.shortest_window, MOST_SECONDS).after(energy);
        let interrupted = || interrupt.load(Ordering::Relaxed);

        let window = meter.start();
        let mut steps = length();
        let stop = AtomicBool::new(false);
        window.stamp(0.0);
        program.train(u32::MAX, &stop, &mut |result| {
            if result.ends_submit {
                window.stamp((result.step - first) as f64);
                let ended = interrupted() || !steps.should_continue(&window);
                stop.store(ended, Ordering::Relaxed);
            }
        })?;
        let steps = window.finish(&[]);
        if !evaluated {
            return Ok(AfterRun {
                steps,
                ..AfterRun::default()
            });
        }

        let window = meter.start();
        let mut evaluations = length();
        let mut count = 0u32;
        window.stamp(0.0);
        while !interrupted() && evaluations.should_continue(&window) {
            program.evaluate()?;
            count += 1;
            window.stamp(f64::from(count));
        }
        let evaluations = window.finish(&[]);
        Ok(AfterRun { steps, evaluations })
    }
}

/// A counter that keeps one value for longer than this updates too rarely for the joules of a step, or is broken.
const STUCK_SECONDS: f64 = 1.0;

/// Whether the run was too short for a source that works. A power sensor may report one value throughout, and so may a
/// counter if the run ended within its update interval.
fn too_short(result: &SourceResult) -> bool {
    let is_power = result
        .basis
        .as_ref()
        .is_some_and(|basis| basis.spec.is_power());
    let brief = result
        .seconds
        .is_some_and(|seconds| seconds < STUCK_SECONDS);
    let changed = || {
        let mut pairs = result.readings.windows(2);
        pairs.any(|pair| pair[0].value != pair[1].value)
    };
    result.status == Status::Unavailable
        && !result.readings.is_empty()
        && (is_power || brief || changed())
}
