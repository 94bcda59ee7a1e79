//! Which cost leads the answer.

use super::{CostKind, CostReport, TrialPoint};
use crate::energy::Status;

/// Moves the headline cost to the front: of the last target, the first measured energy of which every cell keeps at least half
/// of its runs ranked; otherwise time, likewise; otherwise samples, which nothing disturbs. Explains why measured energy, if
/// there is any, is not the headline.
pub(super) fn lead(costs: &mut Vec<CostReport>) -> Option<String> {
    let target = costs.first()?.threshold;
    let of = |kind: &dyn Fn(&CostKind) -> bool| -> Vec<usize> {
        let wanted = |at: &usize| costs[*at].threshold == target && kind(&costs[*at].kind);
        (0..costs.len()).filter(wanted).collect()
    };
    let samples = *of(&|kind| *kind == CostKind::Samples).first()?;
    let runs: Vec<usize> = costs[samples]
        .cells
        .iter()
        .map(|cell| cell.trials.len())
        .collect();
    let coverage = |at: usize| Coverage::new(&costs[at], &runs);
    let energy = of(&|kind| {
        matches!(
            kind,
            CostKind::Energy {
                status: Status::Measured,
                ..
            }
        )
    });
    let seconds = of(&|kind| *kind == CostKind::Seconds);
    let first = |costs: &[usize]| costs.iter().copied().find(|at| coverage(*at).is_enough());
    let (by_energy, by_time) = (first(&energy), first(&seconds));
    let note = match (by_energy, energy.first()) {
        (None, Some(at)) => {
            let mut text = format!(
                "energy was measured and does not lead: {}",
                coverage(*at).text(&costs[*at].kind)
            );
            if let (None, Some(at)) = (by_time, seconds.first()) {
                let coverage = coverage(*at).text(&costs[*at].kind);
                text += &format!("; nor does time: {coverage}");
            }
            Some(text)
        }
        _ => None,
    };
    let leading = costs.remove(by_energy.or(by_time).unwrap_or(samples));
    costs.insert(0, leading);
    note
}

/// How many runs are ranked by a cost.
struct Coverage {
    ranked: usize,
    runs: usize,
    /// Cells of which fewer than half of the runs are ranked.
    short: usize,
    /// Cells with runs.
    cells: usize,
}

impl Coverage {
    /// `runs`: the number of runs of each cell.
    fn new(cost: &CostReport, runs: &[usize]) -> Self {
        let is_ranked = |point: &&TrialPoint| point.unranked.is_none();
        let cells = cost.cells.iter();
        let ranked: Vec<usize> = cells
            .map(|cell| cell.trials.iter().filter(is_ranked).count())
            .collect();
        let both = ranked.iter().zip(runs);
        Self {
            ranked: ranked.iter().sum(),
            runs: runs.iter().sum(),
            short: both.filter(|(ranked, runs)| 2 * *ranked < **runs).count(),
            cells: runs.iter().filter(|runs| **runs > 0).count(),
        }
    }

    fn is_enough(&self) -> bool {
        self.short == 0
    }

    fn text(&self, kind: &CostKind) -> String {
        let of = match kind {
            CostKind::Energy { source, scope, .. } => {
                format!("have ranked joules ({source}, {})", scope.name())
            }
            _ => "are ranked by it".into(),
        };
        format!(
            "{} of {} runs {of}, in {} of {} cells fewer than half of the runs",
            self.ranked, self.runs, self.short, self.cells
        )
    }
}
