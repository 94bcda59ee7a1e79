//! Analyses the runs of a study again, with the joules that a simpler instrument would have given.

use super::instrument::Instrument;
use super::result::{AsIf, AsIfRun, Changed};
use crate::energy::{Scope, Status};
use crate::study::analysis::{Analysis, CostKind, CostReport};
use crate::study::open::Opened;
use crate::study::run::RunRecord;
use crate::study::stats::kendall;
use crate::train::{Derivation, EnergyFigure, Record};

impl AsIf {
    /// For every source of measured joules whose readings are kept.
    pub fn all(opened: &Opened, instrument: Instrument) -> Vec<Self> {
        let threshold = opened.analysis.target.thresholds.last().copied();
        let costs = opened.analysis.costs.iter();
        let costs = costs.filter(|cost| cost.threshold == threshold);
        costs
            .filter_map(|cost| match &cost.kind {
                CostKind::Energy {
                    source,
                    scope,
                    status: Status::Measured,
                } => Self::of(opened, cost, (source, *scope), instrument),
                _ => None,
            })
            .collect()
    }

    fn of(
        opened: &Opened,
        cost: &CostReport,
        (source, scope): (&str, Scope),
        instrument: Instrument,
    ) -> Option<Self> {
        let mut runs = Vec::new();
        let mut left_out = 0;
        let changed = opened.runs.iter().cloned().map(|mut run| {
            match recompute(&mut run, source, instrument) {
                Outcome::Recomputed(of) => runs.push(of),
                Outcome::NoReadings => left_out += 1,
                Outcome::NoJoules => {}
            }
            run
        });
        let changed: Vec<RunRecord> = changed.collect();
        if runs.is_empty() {
            return None;
        }
        let analysis = Analysis::new(&opened.design(), &changed, Vec::new());
        let same = |other: &&CostReport| {
            let own =
                matches!(&other.kind, CostKind::Energy { source: name, .. } if name == source);
            own && other.threshold == cost.threshold
        };
        let as_if = analysis.costs.iter().find(same)?;
        let pairs = cost.cells.iter().zip(&as_if.cells);
        let costs: Vec<(f64, f64)> = pairs
            .clone()
            .filter_map(|(a, b)| Some((a.expected?, b.expected?)))
            .collect();
        let verdicts = pairs.enumerate().filter_map(|(cell, (a, b))| {
            let of = |contrast: Option<crate::study::stats::Contrast>| Some(contrast?.verdict);
            Some((cell, of(a.contrast)?, of(b.contrast)?))
        });
        let verdicts: Vec<_> = verdicts.collect();
        Some(Self {
            instrument,
            source: source.to_owned(),
            scope,
            threshold: cost.threshold,
            runs,
            left_out,
            best: [cost.best, as_if.best],
            worst_over_best: [cost.extremes, as_if.extremes],
            agreement: match analysis.is_split() {
                true => None,
                false => kendall(&costs),
            },
            compared: verdicts.len(),
            changed: verdicts
                .into_iter()
                .filter(|(_, recorded, as_if)| recorded != as_if)
                .map(|(cell, recorded, as_if)| Changed {
                    cell,
                    recorded,
                    as_if,
                })
                .collect(),
        })
    }
}

enum Outcome {
    Recomputed(AsIfRun),
    /// The source gave joules, and its readings are not kept.
    NoReadings,
    /// The source gave no joules.
    NoJoules,
}

/// Replaces the joules of `source` in a run by those of `instrument`. A run without readings loses them, so that two ways to
/// measure do not mix.
fn recompute(run: &mut RunRecord, source: &str, instrument: Instrument) -> Outcome {
    let Some(record) = &mut run.record else {
        return Outcome::NoJoules;
    };
    let Some(recorded) = recorded(record, source) else {
        return Outcome::NoJoules;
    };
    let row = record.energy.iter().find(|row| row.source == source);
    // The readings of a resumed run are those of its last part.
    let whole = record.earlier_sessions.is_empty();
    let curve = row.filter(|_| whole).and_then(|row| row.cumulative());
    let joules = curve.map(|curve| instrument.joules(&curve));
    for figures in [
        &mut record.energy_per_step,
        &mut record.energy_per_evaluation,
        &mut record.energy_to_end,
    ] {
        figures.retain(|figure| figure.source != source);
    }
    let Some(joules) = joules.filter(|joules| *joules > 0.0) else {
        for row in record.energy.iter_mut().filter(|row| row.source == source) {
            row.status = Status::Unavailable;
            row.joules = None;
        }
        return Outcome::NoReadings;
    };
    let figure = EnergyFigure {
        source: source.to_owned(),
        status: Status::Measured,
        derivation: Derivation::Direct,
        joules,
        ci: None,
        accuracy: None,
    };
    // It gives one number per run, so an earlier target costs its share of the steps.
    record.energy_per_step.push(EnergyFigure {
        derivation: Derivation::RunOverSteps,
        joules: joules / record.steps.max(1) as f64,
        ..figure.clone()
    });
    record.energy_to_end.push(figure);
    Outcome::Recomputed(AsIfRun {
        run: run.id.clone(),
        recorded,
        as_if: joules,
    })
}

/// The recorded joules of a whole run.
fn recorded(record: &Record, source: &str) -> Option<f64> {
    let own = || {
        record
            .energy_to_end
            .iter()
            .filter(|figure| figure.source == source)
    };
    let direct = own().find(|figure| figure.derivation == Derivation::Direct);
    let figure = direct.or(own().next())?;
    (figure.status == Status::Measured && figure.joules > 0.0).then_some(figure.joules)
}
