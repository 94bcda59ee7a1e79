//! Conformance: every kernel and variant on a device, at odd shapes, against the f64 oracle.
//!
//! A *suite* builds lists of dispatches, runs them through the [`Examiner`] and compares the results. `wattgrad port` runs
//! all suites on a new device, `wattgrad tune` those of a candidate; the tests of the kernels run the same ones.

pub mod drawn;
mod examiner;
mod findings;
mod guard;
mod inputs;
mod numbers;
mod origins;
mod prepared;
mod suites;
mod suspects;
mod training;

pub use examiner::{ExamOptions, Examiner, Outcome, Values, Way, tuning};
pub use findings::{Count, Element, Failure, Findings, Tally};
pub use guard::{Announced, Guard, LeftOut, StepBegun, lose_seconds};
pub use inputs::Inputs;
pub use numbers::{Numbers, data, pack};
pub use prepared::{Prepared, Refused, Words, compose};
pub use suites::{SUITES, Suite, conv_cases, rules};
pub use suspects::Suspect;
pub use training::{Followed, Reference, Repeated, TrainingError, references};

use crate::device::{Gpu, PipelineCache};
use crate::kernels::{GemmRule, Storage};

/// Runs the suites that `options` leave and returns what was found; `progress` is called before each suite with its name and
/// the numbers of suites done and in all.
pub fn examine(
    gpu: &Gpu,
    pipelines: PipelineCache,
    options: &ExamOptions,
    progress: &mut dyn FnMut(&str, usize, usize),
) -> (Findings, PipelineCache) {
    let family = options.kernel.as_deref().and_then(|k| k.split_once('/'));
    let chosen = |suite: &&Suite| family.is_none_or(|(family, _)| suite.families.contains(&family));
    let chosen: Vec<&Suite> = SUITES.iter().filter(chosen).collect();
    let mut examiner = Examiner::new(gpu, pipelines, options.clone());
    for (done, suite) in chosen.iter().enumerate() {
        if examiner.stopped() {
            break;
        }
        progress(suite.name, done, chosen.len());
        examiner.begin(suite.name);
        (suite.run)(&mut examiner);
    }
    examiner.finish()
}

/// Checks a rule for products against the oracle: every form, whole and split, and some convolutions, with tensors in
/// `storage`. It stops at the first difference.
#[must_use]
pub fn check_rule(
    gpu: &Gpu,
    pipelines: PipelineCache,
    rule: &GemmRule,
    storage: Storage,
) -> (Findings, PipelineCache) {
    let options = ExamOptions {
        fail_fast: true,
        ..Default::default()
    };
    let mut examiner = Examiner::new(gpu, pipelines, options);
    examiner.begin("rule");
    suites::rule(&mut examiner, rule, storage);
    examiner.finish()
}
