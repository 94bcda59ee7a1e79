//! A dispatch of a step repeated on its own inputs, as both its time and its energy are measured.

use crate::device::Gpu;
use crate::lab::replay::{Replay, Restore};
use crate::program::{Program, StepDispatch};

/// A dispatch to repeat on its inputs.
pub(super) fn replay<'a>(
    gpu: &'a Gpu,
    program: &'a Program<'_>,
    dispatch: &StepDispatch,
    kept: &'a Option<Restore>,
) -> Replay<'a> {
    Replay::new(gpu, program.dispatch_commands(dispatch.at))
        .in_window(program.bound_window().0)
        .restoring(kept.as_ref())
}
