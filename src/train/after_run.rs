//! A run goes on past its end, metered, for the joules of one step and of one evaluation.

use std::sync::atomic::{AtomicBool, Ordering};

use super::error::TrainError;
use crate::energy::{Meter, SourceResult, Status, WindowLength, WindowResult};
use crate::program::Program;

/// For so many seconds at least, and at most.
const SECONDS: f64 = 5.0;
const MOST_SECONDS: f64 = 60.0;

/// What was metered past the end of a run; nothing where it was not gone on.
#[derive(Default)]
pub(super) struct AfterRun {
    pub steps: WindowResult,
    pub evaluations: WindowResult,
}

/// Trains and, where the run evaluated, evaluates on; what becomes of the weights does not matter any more. `done` are
/// the run's steps and evaluations, `energy` what `meter` gave for it. Nothing where no source measures.
pub(super) fn meter_after_run(
    program: &mut Program<'_>,
    done: (u64, u64),
    (meter, energy): (&Meter, &[SourceResult]),
    interrupt: &AtomicBool,
) -> Result<AfterRun, TrainError> {
    let (first, evaluations) = done;
    if !energy
        .iter()
        .any(|row| row.status == Status::Measured || too_short(row))
    {
        return Ok(AfterRun::default());
    }
    let extent = || WindowLength::between(SECONDS, MOST_SECONDS).after(energy);
    let interrupted = || interrupt.load(Ordering::Relaxed);

    let window = meter.start();
    let mut long = extent();
    let halt = AtomicBool::new(false);
    window.stamp(0.0);
    program.train(u32::MAX, &halt, &mut |result| {
        if result.ends_submit {
            window.stamp((result.step - first) as f64);
            let ended = interrupted() || !long.should_continue(&window);
            halt.store(ended, Ordering::Relaxed);
        }
    })?;
    let steps = window.finish(&[]);
    if evaluations == 0 {
        return Ok(AfterRun {
            steps,
            ..AfterRun::default()
        });
    }

    let window = meter.start();
    let mut long = extent();
    let mut count = 0u32;
    window.stamp(0.0);
    while !interrupted() && long.should_continue(&window) {
        program.evaluate()?;
        count += 1;
        window.stamp(f64::from(count));
    }
    let evaluations = window.finish(&[]);
    Ok(AfterRun { steps, evaluations })
}

/// A counter that stands for longer than this does not tick often enough for a step's joules, or is broken.
const STANDS_SECONDS: f64 = 1.0;

/// An instrument that was read while the run was too short for it is as good as one with a figure. A sensor of power may
/// show one value throughout, and a counter does where the run ended within its tick.
fn too_short(row: &SourceResult) -> bool {
    let is_power = row
        .basis
        .as_ref()
        .is_some_and(|basis| basis.spec.is_power());
    let brief = row.seconds.is_some_and(|seconds| seconds < STANDS_SECONDS);
    let moved = || {
        let mut pairs = row.readings.windows(2);
        pairs.any(|pair| pair[0].value != pair[1].value)
    };
    row.status == Status::Unavailable && !row.readings.is_empty() && (is_power || brief || moved())
}
