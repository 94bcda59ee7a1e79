//! The seconds of a step, those of attempts that did not end included.

use std::collections::BTreeMap;
use std::time::Instant;

use super::step::PortStep;
use crate::conformance::Guard;

/// Counts the seconds of a step.
pub(super) struct Clock<'a> {
    step: PortStep,
    since: Instant,
    guard: &'a Guard,
}

impl<'a> Clock<'a> {
    /// Starts to count; the process that watches this one does too, in case this one does not survive the step.
    pub(super) fn start(step: PortStep, guard: &'a Guard) -> Self {
        guard.begin_step(step.name());
        Self {
            step,
            since: Instant::now(),
            guard,
        }
    }

    /// Adds the seconds since the start, or since the last call, to those of the step.
    pub(super) fn add_to(&mut self, seconds: &mut BTreeMap<String, f64>) {
        let own = seconds.entry(self.step.name().to_owned()).or_default();
        *own += self.since.elapsed().as_secs_f64();
        self.since = Instant::now();
        self.guard.begin_step(self.step.name());
    }
}
