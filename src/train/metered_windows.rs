//! The windows around a run from which its energy is computed, kept so that it can be computed again.

use serde::{Deserialize, Serialize};

use super::after_run::AfterRun;
use super::warm_up::WarmUp;
use crate::energy::{SourceResult, Stamp, WindowResult};

/// A window that was metered before or after the run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RecordedWindow {
    /// The sources that could be read, with their readings.
    pub sources: Vec<SourceResult>,
    /// The parts whose joules were computed: from and to, in seconds on the monotonic clock of the readings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<(f64, f64)>,
    /// Work done and when.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stamps: Vec<Stamp>,
}

impl RecordedWindow {
    fn of(result: WindowResult, parts: &[(f64, f64)]) -> Option<Self> {
        let mut sources = result.sources;
        sources.retain(|source| !source.readings.is_empty());
        (!sources.is_empty()).then(|| Self {
            sources,
            parts: parts.to_vec(),
            stamps: result.stamps,
        })
    }

    pub(super) fn recompute(window: Option<&Self>) -> WindowResult {
        window.map_or_else(WindowResult::default, |window| {
            WindowResult::recompute(&window.sources, &window.stamps, &window.parts)
        })
    }
}

/// The windows around a run, and the warm-up within the run's own window.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MeteredWindows {
    /// From the opening of the meter to the first step; its one part is compilation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_up: Option<RecordedWindow>,
    /// The steps before the pace was steady.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warm_up: Option<WarmUp>,
    /// Steps after the end of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<RecordedWindow>,
    /// Evaluations after the end of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluations: Option<RecordedWindow>,
}

impl MeteredWindows {
    pub(super) fn new(
        start_up: WindowResult,
        compilation: (f64, f64),
        warm_up: Option<WarmUp>,
        after: AfterRun,
    ) -> Self {
        Self {
            start_up: RecordedWindow::of(start_up, &[compilation]),
            warm_up,
            steps: RecordedWindow::of(after.steps, &[]),
            evaluations: RecordedWindow::of(after.evaluations, &[]),
        }
    }
}
