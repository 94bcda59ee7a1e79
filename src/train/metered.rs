//! What a run's figures of energy were computed from beside its own rows, kept so that they can be computed again.

use serde::{Deserialize, Serialize};

use super::joules::{Done, Figures};
use super::record::Record;
use super::run_on::RunOn;
use super::warm_up::WarmUp;
use crate::energy::{SourceResult, Stamp, WindowResult};

/// A window that was metered before or after the run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct KeptWindow {
    /// A row per source that could be read, with its readings.
    pub rows: Vec<SourceResult>,
    /// Parts of it that were asked for: from and to, seconds on the monotonic clock of the readings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<(f64, f64)>,
    /// The work that was done in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stamps: Vec<Stamp>,
}

impl KeptWindow {
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
pub struct Metered {
    /// From the opening of the meter to the first step; its one part is compiling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_up: Option<KeptWindow>,
    /// What the run did before its pace had settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warm_up: Option<WarmUp>,
    /// Steps past the end of the run, stamped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<KeptWindow>,
    /// Evaluations past the end of the run, stamped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluations: Option<KeptWindow>,
}

impl Metered {
    /// `compiling`: the part of the start-up that was.
    pub(super) fn new(
        start_up: WindowResult,
        compiling: (f64, f64),
        warm_up: Option<WarmUp>,
        on: RunOn,
    ) -> Self {
        Self {
            start_up: KeptWindow::of(start_up, &[compiling]),
            warm_up,
            steps: KeptWindow::of(on.steps, &[]),
            evaluations: KeptWindow::of(on.evaluations, &[]),
        }
    }
}

impl Record {
    /// Every figure of energy that follows from the readings, computed from them again; `None` for a record of a version
    /// that did not keep them.
    pub fn recompute(&self) -> Option<Figures> {
        let metered = self.metered.as_ref()?;
        let bases = self.energy.iter().filter_map(|row| row.basis.as_ref());
        let began = bases.map(|basis| basis.window.0).next();
        let part = began
            .zip(metered.warm_up)
            .map(|(from, warm_up)| (from, warm_up.until));
        let parts: Vec<(f64, f64)> = part.into_iter().collect();
        let done = Done {
            steps: self.steps + self.steps_beyond,
            evaluations: self.evaluations.len() as u64,
            warm_up: metered.warm_up.ok_or_else(String::new),
        };
        let on = RunOn {
            steps: KeptWindow::settle(metered.steps.as_ref()),
            evaluations: KeptWindow::settle(metered.evaluations.as_ref()),
        };
        let start_up = KeptWindow::settle(metered.start_up.as_ref());
        let run = WindowResult::recompute(&self.energy, &[], &parts);
        Some(Figures::new(&start_up, &run, &done, &on))
    }
}
