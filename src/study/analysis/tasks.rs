//! Studies whose cells learn different tasks: a cell is compared only with those that learn the same.

use super::{Analysis, CostKind, CostReport, Design};
use crate::study::run::RunRecord;
use crate::study::stats::{Contrast, Verdict};

impl Design {
    /// A design for each choice of tasks, and the indices of its cells; none if all cells learn the same.
    pub(in crate::study) fn by_tasks(&self) -> Vec<(Self, Vec<usize>)> {
        let Some(axis) = self.axes.iter().position(|axis| axis.key == "tasks") else {
            return Vec::new();
        };
        let choices = &self.axes[axis].values;
        if choices.len() < 2 {
            return Vec::new();
        }
        let parts = choices.iter().map(|tasks| {
            let own = |cell: &usize| self.cells[*cell].values.get(axis) == Some(tasks);
            let cells: Vec<usize> = (0..self.cells.len()).filter(own).collect();
            let place = |cell: usize| cells.iter().position(|own| *own == cell);
            let mut part = Self {
                name: format!("tasks {tasks}"),
                cells: cells.iter().map(|cell| self.cells[*cell].clone()).collect(),
                reference: self.reference.and_then(place),
                ..self.clone()
            };
            part.axes[axis].values = vec![tasks.clone()];
            part.runs.retain_mut(|run| {
                let at = place(run.cell);
                run.cell = at.unwrap_or(run.cell);
                at.is_some()
            });
            (part, cells)
        });
        parts.filter(|(_, cells)| !cells.is_empty()).collect()
    }
}

impl Analysis {
    /// Replaces the comparisons of all cells by those of the cells that learn the same tasks.
    pub(super) fn split(&mut self, design: &Design, runs: &[RunRecord]) {
        let parts = design.by_tasks();
        if parts.is_empty() {
            return;
        }
        for cost in &mut self.costs {
            cost.forget_comparison();
        }
        self.pareto.clear();
        let lead = self
            .headline()
            .map(|cost| (cost.kind.clone(), cost.threshold));
        for (design, cells) in parts {
            let ids: Vec<&str> = design.cells.iter().map(|cell| cell.id.as_str()).collect();
            let own = runs.iter().filter(|run| ids.contains(&run.cell.as_str()));
            let own: Vec<RunRecord> = own.cloned().collect();
            let mut part = Self::led_by(&design, &own, Vec::new(), lead.clone());
            for cost in &mut part.costs {
                let Some(whole) = self.costs.iter_mut().find(|one| one.is_like(cost)) else {
                    continue;
                };
                for (at, cell) in cells.iter().enumerate() {
                    // The rest is the same for all cells. An interval has the spread of the cells that learn the same.
                    let (whole, part) = (&mut whole.cells[*cell], &mut cost.cells[at]);
                    let tested = |contrast: &Contrast| {
                        contrast.verdict != Verdict::NotSignificant || cost.no_claim.is_none()
                    };
                    whole.contrast = part.contrast.filter(|_| cells.len() > 1).filter(tested);
                    whole.interval = part.interval;
                    whole.versus_reference = part.versus_reference;
                    *part = whole.clone();
                }
            }
            self.pareto.extend(part.pareto.iter().map(|at| cells[*at]));
            self.by_tasks.push(part);
        }
    }

    /// The parts of a report within which cells are compared: the choices of tasks, or the whole study.
    pub fn parts(&self) -> Vec<&Self> {
        match self.by_tasks.is_empty() {
            true => vec![self],
            false => self.by_tasks.iter().collect(),
        }
    }

    /// The tasks of a part of a study whose cells learn different tasks.
    pub fn tasks(&self) -> Option<&str> {
        let axis = self.axes.iter().find(|axis| axis.key == "tasks")?;
        match axis.values.as_slice() {
            [tasks] => Some(tasks),
            _ => None,
        }
    }

    /// Whether cells learn different tasks.
    pub fn is_split(&self) -> bool {
        !self.by_tasks.is_empty()
    }

    /// This cost to this target.
    pub fn cost(&self, like: &CostReport) -> Option<&CostReport> {
        self.costs.iter().find(|cost| cost.is_like(like))
    }

    /// The indices in this analysis of the cells of `part`.
    pub fn cells_of(&self, part: &Self) -> Vec<usize> {
        let own = part.cells.iter();
        let place = |id: &str| self.cells.iter().position(|cell| cell.id == id);
        own.filter_map(|cell| place(&cell.id)).collect()
    }

    /// The cells that are run again with fresh seeds: of those that learn the same tasks the best and the worst, and the
    /// reference, each once. Whether some run reached the target.
    pub fn to_confirm(&self) -> (Vec<usize>, bool) {
        let mut cells: Vec<usize> = self.reference.into_iter().collect();
        let mut reached = false;
        for part in self.parts() {
            let Some(cost) = part.headline() else {
                continue;
            };
            reached |= cost.best.is_some();
            let places = self.cells_of(part);
            cells.extend(
                cost.to_confirm(part.reference)
                    .into_iter()
                    .map(|at| places[at]),
            );
        }
        cells.sort_unstable();
        cells.dedup();
        (cells, reached)
    }
}

impl CostReport {
    fn is_like(&self, other: &Self) -> bool {
        self.is_of(&other.kind, other.threshold)
    }

    pub(super) fn is_of(&self, kind: &CostKind, threshold: Option<f64>) -> bool {
        self.kind == *kind && self.threshold == threshold
    }

    fn forget_comparison(&mut self) {
        self.best = None;
        self.worst = None;
        self.indistinguishable.clear();
        self.no_claim = None;
        self.extremes = None;
        self.null_ratio = None;
        self.confirmation = None;
        for cell in &mut self.cells {
            cell.contrast = None;
            cell.versus_reference = None;
        }
    }
}
