//! Energy along the learning curve of a run, and its power over time.

use crate::energy::{Scope, SourceResult, Status};
use crate::study::analysis::{CostKind, worth};
use crate::study::{Purpose, RunRecord};
use crate::train::{Derivation, Record};

use super::downsample::downsample;

/// A sensor, and whether its joules are measured or assumed; two of them never share an axis.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct EnergySource {
    pub name: String,
    pub scope: Scope,
    pub status: Status,
}

/// Every source that gives joules in some run, measured ones first.
pub(super) fn energy_sources(runs: &[RunRecord]) -> Vec<EnergySource> {
    let mut found: Vec<EnergySource> = Vec::new();
    let rows = runs
        .iter()
        .filter_map(|run| run.record.as_ref())
        .flat_map(|record| record.energy.iter().map(|row| (row, worth(record, row))));
    for (row, status) in rows {
        let Some(status) = status else { continue };
        let source = EnergySource {
            name: row.source.clone(),
            scope: row.scope,
            status,
        };
        if !found.contains(&source) {
            found.push(source);
        }
    }
    found.sort_by_key(|source| source.status == Status::Assumed);
    found
}

impl EnergySource {
    /// Source, scope and status, as the fields of a table.
    pub fn key(&self) -> [&str; 3] {
        [&self.name, self.scope.name(), self.status.name()]
    }

    pub fn kind(&self) -> CostKind {
        CostKind::Energy {
            source: self.name.clone(),
            scope: self.scope,
            status: self.status,
        }
    }

    /// Joules from the first step to each evaluation: what a step and an evaluation cost, times how many there were.
    /// `None` where this source has no such figures in this run.
    pub fn joules(&self, record: &Record) -> Option<Vec<f64>> {
        let status = |figure: &&crate::train::EnergyFigure| {
            figure.source == self.name && figure.status == self.status
        };
        let step = record.energy_per_step.iter().find(status)?;
        let each = record.energy_per_evaluation.iter().find(status);
        // The joules of a whole run over its steps include the evaluations.
        let evaluation = match step.derivation {
            Derivation::RunOverSteps => 0.0,
            _ => each?.joules,
        };
        let along = record.evaluations.iter().enumerate();
        Some(
            along
                .map(|(at, point)| point.step as f64 * step.joules + (at + 1) as f64 * evaluation)
                .collect(),
        )
    }

    /// The result of this source in a run.
    fn row<'a>(&self, record: &'a Record) -> Option<&'a SourceResult> {
        let same = |row: &&SourceResult| {
            let assumed = row.status == Status::Assumed;
            row.source == self.name
                && row.status != Status::Unavailable
                && assumed == (self.status == Status::Assumed)
        };
        record.energy.iter().find(same)
    }

    /// Seconds since the run's first step and watts, at most `most` points.
    pub fn power(&self, record: &Record, most: usize) -> Vec<(f64, f64)> {
        self.row(record)
            .map_or_else(Vec::new, |row| watts(row, most))
    }
}

/// Runs of the study proper that have a record.
pub(super) fn main_runs(runs: &[RunRecord]) -> impl Iterator<Item = (&RunRecord, &Record)> {
    runs.iter()
        .filter(|run| run.purpose == Purpose::Main)
        .filter_map(|run| Some((run, run.record.as_ref()?)))
}

/// Power from raw samples: the mean between two changes of the counter, or of a power sensor's samples. Points that are left
/// out enter the mean of the next one, so that downsampling loses no energy.
fn watts(row: &SourceResult, most: usize) -> Vec<(f64, f64)> {
    let Some(curve) = row.cumulative() else {
        return Vec::new();
    };
    let (points, begin) = (curve.points, curve.window.0);
    let kept = downsample(points.len(), most + 1);
    let pairs = kept
        .windows(2)
        .map(|pair| (points[pair[0]], points[pair[1]]));
    pairs
        .filter(|(a, b)| b.0 > a.0)
        .map(|(a, b)| (f64::midpoint(a.0, b.0) - begin, (b.1 - a.1) / (b.0 - a.0)))
        .collect()
}
