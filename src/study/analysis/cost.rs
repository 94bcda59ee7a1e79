//! What one run spent to reach a target, in each cost.

use std::collections::BTreeMap;

use super::{CostKind, TrialPoint};
use crate::energy::{Interval, SourceResult, Status};
use crate::study::run::{Outcome, RunRecord};
use crate::study::stats::{End, Trial};
use crate::train::{Derivation, EnergyFigure, Record, TargetReached};

impl CostKind {
    pub fn unit(&self) -> &'static str {
        match self {
            Self::Energy { .. } => "J",
            Self::Seconds => "s",
            Self::Samples => "samples",
            Self::Flops => "FLOP",
            Self::Bytes => "B",
        }
    }

    /// Its name, with source, scope and status.
    pub fn label(&self) -> String {
        match self {
            Self::Energy {
                source,
                scope,
                status,
            } => format!("energy, {} ({source}, {})", status.name(), scope.name()),
            Self::Seconds => "time".into(),
            Self::Samples => "training samples".into(),
            Self::Flops => "training FLOPs".into(),
            Self::Bytes => "training bytes".into(),
        }
    }

    /// The noun after "lowest".
    pub fn noun(&self) -> &'static str {
        match self {
            Self::Energy {
                status: Status::Assumed,
                ..
            } => "assumed energy",
            Self::Energy { .. } => "energy",
            Self::Seconds => "time",
            Self::Samples => "training samples",
            Self::Flops => "work",
            Self::Bytes => "memory traffic",
        }
    }

    /// Whether other processes affect it.
    fn is_disturbed(&self) -> bool {
        matches!(self, Self::Energy { .. } | Self::Seconds)
    }
}

/// Every cost that some run has, energy first.
pub(super) fn kinds(runs: &[RunRecord]) -> Vec<CostKind> {
    // The most frequent first, equally frequent ones in the order of the records.
    let mut energies: Vec<(CostKind, usize)> = Vec::new();
    for (row, status) in runs
        .iter()
        .filter_map(|run| run.record.as_ref())
        .flat_map(|record| record.energy.iter().map(|row| (row, worth(record, row))))
    {
        let Some(status) = status else {
            continue;
        };
        let kind = CostKind::Energy {
            source: row.source.clone(),
            scope: row.scope,
            status,
        };
        match energies.iter_mut().find(|(seen, _)| *seen == kind) {
            Some((_, count)) => *count += 1,
            None => energies.push((kind, 1)),
        }
    }
    energies.sort_by_key(|(kind, count)| {
        let assumed = matches!(
            kind,
            CostKind::Energy {
                status: Status::Assumed,
                ..
            }
        );
        (assumed, std::cmp::Reverse(*count))
    });
    let work = [
        CostKind::Seconds,
        CostKind::Samples,
        CostKind::Flops,
        CostKind::Bytes,
    ];
    energies
        .into_iter()
        .map(|(kind, _)| kind)
        .chain(work)
        .collect()
}

/// Whether the joules of a source are measured or assumed; `None` without joules. A run may be too short for its sensor and
/// still have a figure per step.
pub(crate) fn worth(record: &Record, row: &SourceResult) -> Option<Status> {
    match row.status {
        Status::Measured | Status::Shared => Some(Status::Measured),
        Status::Assumed => Some(Status::Assumed),
        Status::Unavailable => per(&record.energy_per_step, &row.source)
            .filter(|figure| figure.derivation == Derivation::Window)
            .map(|figure| figure.status),
    }
}

/// How a run ended with respect to the target, and when it reached it; `None` if it was interrupted or failed.
fn end(
    run: &RunRecord,
    record: &Record,
    target: Option<f64>,
) -> Option<(End, Option<TargetReached>)> {
    let reached = match target {
        Some(target) => {
            record
                .target_results
                .iter()
                .find(|result| result.threshold == target)?
                .reached
        }
        None => None,
    };
    if let Some(reached) = reached {
        return Some((End::Reached, Some(reached)));
    }
    let end = match run.outcome {
        Outcome::Diverged => End::Diverged,
        // Without a target a completed run counts as one that reached it.
        Outcome::Reached if target.is_none() => End::Reached,
        Outcome::OverBudget if target.is_none() && record.regime.target().thresholds.is_empty() => {
            End::Reached
        }
        Outcome::Reached | Outcome::OverBudget => End::OverBudget,
        Outcome::Interrupted | Outcome::Failed | Outcome::Stopped => return None,
    };
    Some((end, None))
}

/// What `run` spent to reach `target`; `None` if it has no such cost.
pub(super) fn trial(run: &RunRecord, kind: &CostKind, target: Option<f64>) -> Option<TrialPoint> {
    let record = run.record.as_ref()?;
    let (ended, reached) = end(run, record, target)?;
    let spent = spent(record, kind, reached)?;
    let mut point = TrialPoint {
        run: run.id.clone(),
        seed: run.seed,
        spent: spent.amount,
        evaluating: spent.evaluating,
        first_single: first_single(record, kind, target),
        ended,
        confirmed: reached.and_then(|at| at.confirmed),
        derivation: None,
        ci: None,
        accuracy: None,
        unranked: None,
    };
    if let Some(figure) = spent.figure {
        point.derivation = Some(figure.derivation);
        point.ci = figure.ci;
        point.accuracy = figure.accuracy;
    }
    if let CostKind::Energy { source, .. } = kind
        && let Some(row) = record.energy.iter().find(|row| row.source == *source)
        && row.status == Status::Shared
    {
        let reason = row.reason.clone();
        point.unranked =
            Some(reason.unwrap_or_else(|| "the device was shared with other processes".into()));
    }
    if kind.is_disturbed() && point.unranked.is_none() {
        point.unranked = run.shared();
    }
    // Only a run that diverged at once may have spent nothing.
    Trial::new(point.spent, ended).is_ok().then_some(point)
}

/// What all of a run spent; `None` if it has no such cost, or is not ranked by it.
pub(in crate::study) fn whole(run: &RunRecord, kind: &CostKind) -> Option<f64> {
    let point = trial(run, kind, None)?;
    point.unranked.is_none().then_some(point.spent)
}

/// What a run had spent at the first single evaluation that reached the target, if a window decides.
fn first_single(record: &Record, kind: &CostKind, target: Option<f64>) -> Option<f64> {
    record.goal.as_ref()?;
    let mut results = record.target_results.iter();
    let result = results.find(|result| Some(result.threshold) == target)?;
    Some(spent(record, kind, Some(result.first_single?))?.amount)
}

/// What a run spent.
struct Spent {
    amount: f64,
    /// The part of it that evaluations took, if known.
    evaluating: Option<f64>,
    /// The figure of an energy cost.
    figure: Option<EnergyFigure>,
}

/// What a run spent up to `until`, or in total.
fn spent(record: &Record, kind: &CostKind, until: Option<TargetReached>) -> Option<Spent> {
    let steps = until.map_or(record.steps, |at| at.step);
    let evaluations = until.map_or(record.evaluations.len(), |at| at.evaluation + 1);
    let of = |amount: f64| Spent {
        amount,
        evaluating: None,
        figure: None,
    };
    Some(match kind {
        CostKind::Seconds => {
            let (all, training) = match until {
                Some(at) => (at.seconds, at.training_seconds),
                None => {
                    let times = &record.durations;
                    (
                        times.training_seconds + times.evaluation_seconds,
                        times.training_seconds,
                    )
                }
            };
            Spent {
                evaluating: Some(all - training).filter(|seconds| seconds.is_finite()),
                ..of(all)
            }
        }
        CostKind::Samples => of(until.map_or(record.samples, |at| at.samples) as f64),
        CostKind::Flops => of(record.work.flops_per_step as f64 * steps as f64),
        CostKind::Bytes => of(record.work.bytes_per_step as f64 * steps as f64),
        CostKind::Energy { source, status, .. } => {
            let row = record.energy.iter().find(|row| row.source == *source)?;
            let usable = worth(record, row) == Some(*status);
            let figure = usable.then(|| energy(record, row, (steps, evaluations as u64)))??;
            Spent {
                evaluating: per(&record.energy_per_evaluation, source)
                    .map(|each| each.joules * evaluations as f64),
                figure: Some(figure.clone()),
                ..of(figure.joules)
            }
        }
    })
}

fn per<'a>(figures: &'a [EnergyFigure], source: &str) -> Option<&'a EnergyFigure> {
    figures.iter().find(|figure| figure.source == source)
}

/// Joules of the first `steps` and `evaluations`: to the end of the run its own figure, preferably a difference of readings;
/// up to an earlier point the counted steps.
fn energy(
    record: &Record,
    row: &SourceResult,
    (steps, evaluations): (u64, u64),
) -> Option<EnergyFigure> {
    let source = row.source.as_str();
    if steps == record.steps {
        let ways = BTreeMap::from_iter(
            record
                .energy_to_end
                .iter()
                .filter(|figure| figure.source == source)
                .map(|figure| (figure.derivation != Derivation::Direct, figure)),
        );
        if let Some(figure) = ways.into_values().next() {
            return Some(figure.clone());
        }
        if row.status == Status::Shared {
            return Some(EnergyFigure {
                source: source.to_owned(),
                status: row.status,
                derivation: Derivation::Direct,
                joules: row.joules?,
                ci: row.ci(),
                accuracy: row.accuracy(),
            });
        }
    }
    let step = per(&record.energy_per_step, source)?;
    let mut parts = vec![(step, steps as f64)];
    // Joules per step from the whole run include the evaluations.
    if step.derivation != Derivation::RunOverSteps && evaluations > 0 {
        parts.push((
            per(&record.energy_per_evaluation, source)?,
            evaluations as f64,
        ));
    }
    let joules: f64 = parts.iter().map(|(each, count)| each.joules * count).sum();
    // Both come from one sensor, whose gain affects them together, so the half-widths are added.
    let interval = |of: fn(&EnergyFigure) -> Option<Interval>| {
        let halves: Option<Vec<f64>> = parts
            .iter()
            .map(|(each, count)| Some(of(each)?.half() * count))
            .collect();
        Some(Interval::around(joules, halves?.iter().sum()))
    };
    Some(EnergyFigure {
        source: source.to_owned(),
        status: step.status,
        derivation: Derivation::StepsTimesJoules,
        joules,
        ci: interval(|each| each.ci),
        accuracy: interval(|each| each.accuracy),
    })
}
