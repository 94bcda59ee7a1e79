//! The energy of a run: joules of a step, of an evaluation, of the whole run and of its phases.

use super::after_run::AfterRun;
use super::energy_figure::{Derivation, EnergyFigure};
use super::metered_windows::RecordedWindow;
use super::phases::{self, JoulesOrReason, PhaseEnergy, RunCounts};
use super::record::Record;
use super::sessions::{self, Session};
use crate::energy::{EnergyPerUnit, SourceResult, Status, WindowResult};

/// Fewest updates of a sensor within a run for a figure of the whole run.
const DIRECT_UPDATES: u64 = 50;

/// The energy of a run, as its record has it.
#[derive(Clone, Debug, PartialEq)]
pub struct RunEnergy {
    /// [`Record::energy_per_step`](super::Record::energy_per_step).
    pub per_step: Vec<EnergyFigure>,
    /// [`Record::energy_per_evaluation`](super::Record::energy_per_evaluation).
    pub per_evaluation: Vec<EnergyFigure>,
    /// [`Record::energy_to_end`](super::Record::energy_to_end).
    pub to_end: Vec<EnergyFigure>,
    /// [`Record::energy_by_phase`](super::Record::energy_by_phase).
    pub by_phase: Vec<PhaseEnergy>,
}

impl RunEnergy {
    /// Computes the energy from three windows: the start-up, whose first part is compilation; the run, whose first part is
    /// the warm-up; and the steps and evaluations after it. Of a resumed run the windows and `counts` are those of the last
    /// part, and `earlier` are the parts before it.
    pub(super) fn new(
        start_up: &WindowResult,
        run: &WindowResult,
        counts: &RunCounts,
        after: &AfterRun,
        earlier: &[Session],
    ) -> Self {
        let all = RunCounts {
            steps: counts.steps + earlier.iter().map(Session::steps).sum::<u64>(),
            evaluations: counts.evaluations
                + earlier.iter().map(|one| one.evaluations).sum::<u64>(),
            warm_up: Err(String::new()),
            uniform: counts.uniform,
        };
        let units = after.evaluations.units.iter().filter(usable);
        let mut energy = Self {
            per_step: Vec::new(),
            per_evaluation: units.map(EnergyFigure::of_unit).collect(),
            to_end: Vec::new(),
            by_phase: phases::start_up(start_up),
        };
        // A run may be too short for a sensor that nevertheless has the joules of a step.
        let own = |result: &&SourceResult| result.status != Status::Shared;
        for result in run.sources.iter().filter(own) {
            let step = per_unit(&after.steps, result);
            let evaluation = per_unit(&after.evaluations, result);
            let whole = EnergyFigure::of_window(result);
            let long = result
                .updates
                .is_none_or(|updates| updates >= DIRECT_UPDATES);
            let direct = whole.clone().filter(|_| long);
            energy
                .to_end
                .extend(direct.and_then(|figure| sessions::sum(earlier, figure)));
            if let Ok(step) = &step {
                energy
                    .to_end
                    .extend(counted(step, &all, evaluation.as_ref().ok()));
            }
            if whole.is_some() || step.is_ok() {
                let phases = phases::run(result, &run.parts, counts, &step, &evaluation);
                energy.by_phase.extend(phases);
            }
            let divided = whole
                .filter(|_| long && counts.steps > 0)
                .map(|whole| whole.times(1.0 / counts.steps as f64, Derivation::RunOverSteps));
            energy.per_step.extend(step.ok().or(divided));
        }
        energy
    }

    /// The sources whose joules of the whole run differ from those of its steps and evaluations by more than their intervals
    /// explain, each with a note.
    pub(super) fn disagreements(&self) -> Vec<(String, String)> {
        let by = |derivation: Derivation| {
            let figures = self.to_end.iter();
            figures.filter(move |figure| figure.derivation == derivation)
        };
        let mut notes = Vec::new();
        for direct in by(Derivation::Direct) {
            let same = |figure: &&EnergyFigure| figure.source == direct.source;
            for counted in by(Derivation::StepsTimesJoules).filter(same) {
                if (direct.joules - counted.joules).abs() <= direct.half() + counted.half() {
                    continue;
                }
                let off = 100.0 * (direct.joules / counted.joules - 1.0);
                let note = format!(
                    "the joules of the run differ by {off:+.1} % from its steps and evaluations times the joules of each, \
                     measured right after it, which is more than the intervals explain: the run was not steady \
                     (contention, changing clocks, or a long warm-up)"
                );
                notes.push((direct.source.clone(), note));
            }
        }
        notes
    }
}

impl Record {
    /// Computes the energy of the run again from the recorded readings; `None` if the record has none.
    pub fn recompute(&self) -> Option<RunEnergy> {
        let windows = self.metered_windows.as_ref()?;
        let mut bases = self
            .energy
            .iter()
            .filter_map(|result| result.basis.as_ref());
        let start = bases.next().map(|basis| basis.window.0);
        let warm_up = start.zip(windows.warm_up);
        let parts: Vec<(f64, f64)> = warm_up
            .iter()
            .map(|(from, part)| (*from, part.until))
            .collect();
        let earlier = &self.earlier_sessions;
        let before = |of: fn(&Session) -> u64| earlier.iter().map(of).sum::<u64>();
        let counts = RunCounts {
            steps: (self.steps + self.steps_after_divergence)
                .saturating_sub(before(Session::steps)),
            evaluations: (self.evaluations.len() as u64)
                .saturating_sub(before(|session| session.evaluations)),
            warm_up: windows.warm_up.ok_or_else(String::new),
            uniform: self.regime.unfreeze_at.is_none(),
        };
        let after = AfterRun {
            steps: RecordedWindow::recompute(windows.steps.as_ref()),
            evaluations: RecordedWindow::recompute(windows.evaluations.as_ref()),
        };
        let start_up = RecordedWindow::recompute(windows.start_up.as_ref());
        let run = WindowResult::recompute(&self.energy, &[], &parts);
        Some(RunEnergy::new(&start_up, &run, &counts, &after, earlier))
    }
}

fn usable(unit: &&EnergyPerUnit) -> bool {
    matches!(unit.status, Status::Measured | Status::Assumed)
}

/// The joules of one unit through the source of `result`.
fn per_unit(window: &WindowResult, result: &SourceResult) -> JoulesOrReason {
    let mut units = window.units.iter().filter(usable);
    if let Some(unit) =
        units.find(|unit| unit.source == result.source && unit.method == result.method)
    {
        return Ok(EnergyFigure::of_unit(unit));
    }
    let mut unavailable = window.units_unavailable.iter();
    let found = unavailable.find(|one| one.source == result.source && one.method == result.method);
    Err(found.map_or_else(
        || "it was not measured after the end of the run".to_owned(),
        |found| found.why.reason.clone(),
    ))
}

/// The steps and evaluations times the joules of each; `None` if the joules of an evaluation are needed but unknown.
fn counted(
    step: &EnergyFigure,
    counts: &RunCounts,
    evaluation: Option<&EnergyFigure>,
) -> Option<EnergyFigure> {
    if counts.steps == 0 || !counts.uniform {
        return None;
    }
    let steps = step.times(counts.steps as f64, Derivation::StepsTimesJoules);
    if counts.evaluations == 0 {
        return Some(steps);
    }
    let evaluations = counts.evaluations as f64;
    Some(steps.plus(&evaluation?.times(evaluations, Derivation::StepsTimesJoules)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::energy::Interval;

    fn figure(source: &str, derivation: Derivation, joules: f64) -> EnergyFigure {
        EnergyFigure {
            source: source.to_owned(),
            status: Status::Measured,
            derivation,
            joules,
            ci: Some(Interval::around(joules, 2.0)),
            accuracy: None,
        }
    }

    #[test]
    fn notes_figures_that_differ_beyond_their_intervals() {
        let energy = RunEnergy {
            per_step: Vec::new(),
            per_evaluation: Vec::new(),
            to_end: vec![
                figure("nvml:0", Derivation::Direct, 110.0),
                figure("nvml:0", Derivation::StepsTimesJoules, 100.0),
                figure("rapl:package-0", Derivation::Direct, 103.0),
                figure("rapl:package-0", Derivation::StepsTimesJoules, 100.0),
                figure("nvml:1", Derivation::StepsTimesJoules, 7.0),
            ],
            by_phase: Vec::new(),
        };
        let notes = energy.disagreements();
        assert_eq!(notes.len(), 1, "{notes:?}");
        assert_eq!(notes[0].0, "nvml:0");
        assert!(notes[0].1.contains("+10.0 %"), "{notes:?}");
    }
}
