//! A run goes on past its end, metered, for the joules of one step and of one evaluation.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::error::TrainError;
use crate::energy::{Energy, Meter, PerUnit, Status};
use crate::program::Program;

/// For how long: in ticks of the slowest instrument, and in seconds.
const TICKS: f64 = 60.0;
const SECONDS: f64 = 5.0;
const MOST_SECONDS: f64 = 60.0;

/// What was metered past the end of a run.
#[derive(Default)]
pub(super) struct RunOn {
    pub steps: Vec<PerUnit>,
    pub evaluations: Vec<PerUnit>,
}

/// Trains and, where the run evaluated, evaluates on; what becomes of the weights does not matter any more. `done` are
/// the run's steps and evaluations, `energy` what `meter` gave for it. Nothing where no source measures.
pub(super) fn run_on(
    program: &mut Program<'_>,
    done: (u64, u64),
    (meter, energy): (&Meter, &[Energy]),
    interrupt: &AtomicBool,
) -> Result<RunOn, TrainError> {
    let (first, evaluations) = done;
    if !energy
        .iter()
        .any(|row| row.status == Status::Measured || moved(row))
    {
        return Ok(RunOn::default());
    }
    let slowest = energy.iter().filter_map(tick).fold(0.0, f64::max);
    let seconds = (TICKS * slowest).clamp(SECONDS, MOST_SECONDS);
    let going = |end: Instant| Instant::now() < end && !interrupt.load(Ordering::Relaxed);

    let window = meter.start();
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    let halt = AtomicBool::new(false);
    window.stamp(0.0);
    program.train(u32::MAX, &halt, &mut |result| {
        if result.ends_submit {
            window.stamp((result.step - first) as f64);
        }
        halt.store(!going(end), Ordering::Relaxed);
    })?;
    let (_, steps) = window.stop_stamped();
    if evaluations == 0 {
        return Ok(RunOn {
            steps,
            evaluations: Vec::new(),
        });
    }

    let window = meter.start();
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    let mut count = 0u32;
    window.stamp(0.0);
    while going(end) {
        program.evaluate()?;
        count += 1;
        window.stamp(f64::from(count));
    }
    let (_, evaluations) = window.stop_stamped();
    Ok(RunOn { steps, evaluations })
}

/// A counter that moved while the run was too short for it is as good as one with a figure.
fn moved(row: &Energy) -> bool {
    let mut readings = row.readings.windows(2);
    row.status == Status::Unavailable && readings.any(|pair| pair[0].value != pair[1].value)
}

/// An outside meter's every line is new, so its tick is seen by their number only.
fn tick(row: &Energy) -> Option<f64> {
    let counted = || Some(row.seconds? / row.ticks? as f64);
    row.tick_seconds.or_else(counted)
}
