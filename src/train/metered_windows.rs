//! What a run's figures of energy were computed from beside its own rows, kept so that they can be computed again.

use serde::{Deserialize, Serialize};

use super::after_run::AfterRun;
use super::record::Record;
use super::run_energy::{RunCounts, RunEnergy};
use super::warm_up::WarmUp;
use crate::energy::{SourceResult, Stamp, WindowResult};

/// A window that was metered before or after the run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RecordedWindow {
    /// A row per source that could be read, with its readings.
    pub rows: Vec<SourceResult>,
    /// Parts of it that were asked for: from and to, seconds on the monotonic clock of the readings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<(f64, f64)>,
    /// The work that was done in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stamps: Vec<Stamp>,
}

impl RecordedWindow {
    fn of(settled: WindowResult, parts: &[(f64, f64)]) -> Option<Self> {
        let read = |row: &SourceResult| !row.readings.is_empty();
        let rows: Vec<SourceResult> = settled.sources.into_iter().filter(read).collect();
        (!rows.is_empty()).then(|| Self {
            rows,
            parts: parts.to_vec(),
            stamps: settled.stamps,
        })
    }

    fn settle(window: Option<&Self>) -> WindowResult {
        window.map_or_else(WindowResult::default, |window| {
            WindowResult::recompute(&window.rows, &window.stamps, &window.parts)
        })
    }
}

/// The windows around a run, and the part of the run's own that was apart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MeteredWindows {
    /// From the opening of the meter to the first step; its one part is compiling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_up: Option<RecordedWindow>,
    /// What the run did before its pace had settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warm_up: Option<WarmUp>,
    /// Steps past the end of the run, stamped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<RecordedWindow>,
    /// Evaluations past the end of the run, stamped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluations: Option<RecordedWindow>,
}

impl MeteredWindows {
    /// `compiling`: the part of the start-up that was.
    pub(super) fn new(
        start_up: WindowResult,
        compiling: (f64, f64),
        warm_up: Option<WarmUp>,
        on: AfterRun,
    ) -> Self {
        Self {
            start_up: RecordedWindow::of(start_up, &[compiling]),
            warm_up,
            steps: RecordedWindow::of(on.steps, &[]),
            evaluations: RecordedWindow::of(on.evaluations, &[]),
        }
    }
}

impl Record {
    /// Every figure of energy that follows from the readings, computed from them again; `None` for a record of a version
    /// that did not keep them.
    pub fn recompute(&self) -> Option<RunEnergy> {
        let metered = self.metered_windows.as_ref()?;
        let bases = self.energy.iter().filter_map(|row| row.basis.as_ref());
        let began = bases.map(|basis| basis.window.0).next();
        let part = began
            .zip(metered.warm_up)
            .map(|(from, warm_up)| (from, warm_up.until));
        let parts: Vec<(f64, f64)> = part.into_iter().collect();
        let done = RunCounts {
            steps: self.steps + self.steps_after_divergence,
            evaluations: self.evaluations.len() as u64,
            warm_up: metered.warm_up.ok_or_else(String::new),
        };
        let on = AfterRun {
            steps: RecordedWindow::settle(metered.steps.as_ref()),
            evaluations: RecordedWindow::settle(metered.evaluations.as_ref()),
        };
        let start_up = RecordedWindow::settle(metered.start_up.as_ref());
        let run = WindowResult::recompute(&self.energy, &[], &parts);
        Some(RunEnergy::new(&start_up, &run, &done, &on))
    }
}
