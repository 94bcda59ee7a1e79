//! The work of a run: FLOPs, bytes and dispatches.

use super::checkpoint::FrozenSteps;
use super::record::Work;
use crate::program::Summary;

/// The work of a step.
pub(super) fn work_per_step(summary: &Summary) -> Work {
    Work {
        flops_per_step: summary.step_flops(),
        bytes_per_step: summary.step_bytes(),
        dispatches_per_step: summary.step_dispatches(),
        ..Work::default()
    }
}

/// The work of `steps` training steps, the first of which may have been `frozen`, and `batches` batches of evaluations.
pub(super) fn work(
    summary: &Summary,
    steps: u64,
    frozen: Option<FrozenSteps>,
    batches: u64,
) -> Work {
    let mut work = work_per_step(summary);
    work.evaluation_flops = summary.evaluation_flops() as f64 * batches as f64;
    let first = frozen.map_or(0, |frozen| frozen.steps.min(steps));
    let sum = |of: u64, frozen_of: fn(&FrozenSteps) -> u64| {
        let before = frozen.as_ref().map_or(0, frozen_of);
        of as f64 * (steps - first) as f64 + before as f64 * first as f64
    };
    work.training_flops = sum(work.flops_per_step, |frozen| frozen.flops_per_step);
    work.training_bytes = sum(work.bytes_per_step, |frozen| frozen.bytes_per_step);
    work
}
