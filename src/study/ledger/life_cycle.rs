//! When inference outweighs training.

use serde::Serialize;

use super::{main_runs, reached};
use crate::study::analysis::{Analysis, CostKind, CostReport};
use crate::study::run::RunRecord;
use crate::study::stats::{Interval, Mean, log_mean};
use crate::train::{InferencePoint, InferenceRecord, Record};

/// Training to a target and inference with the trained network.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LifeCycle {
    pub kind: CostKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    pub inference: Inference,
    pub cells: Vec<InferenceCell>,
}

/// Where the cost of inference comes from.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "from", rename_all = "kebab-case")]
pub enum Inference {
    /// A record of `wattgrad infer`, of the same network and device.
    Measured { batch_size: u32 },
    /// The evaluations of the runs themselves, in batches of so many samples if all runs had the same.
    Evaluations {
        #[serde(skip_serializing_if = "Option::is_none")]
        batch_size: Option<u32>,
    },
}

/// One regime.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct InferenceCell {
    /// Index of the cell.
    pub cell: usize,
    /// Mean cost of training to the target.
    pub training: Mean,
    /// Mean cost of inference for 1,000 samples.
    pub per_1000: Mean,
    /// The number of samples whose inference costs as much as the training: the geometric mean over the seeds, with the t
    /// interval on the logarithms. Training and inference of a seed come from one sensor, whose gain cancels.
    pub samples: Mean,
}

impl LifeCycle {
    /// `None` if no regime has both costs.
    pub(super) fn of(cost: &CostReport, analysis: &Analysis, runs: &[RunRecord]) -> Option<Self> {
        let mut sizes: Vec<Option<u32>> = Vec::new();
        let mut cells = Vec::new();
        for (cell, report) in analysis.cells.iter().enumerate() {
            let Some(trained) = reached(&cost.cells[cell]) else {
                continue;
            };
            let mut pairs = Vec::new();
            for run in main_runs(runs, &report.id) {
                let Some(record) = &run.record else { continue };
                let training = trained.iter().find(|one| one.0 == run.seed);
                if let (Some(training), Some(each)) = (training, inference(record, &cost.kind)) {
                    pairs.push((training.1, each));
                    sizes.push(record.regime.eval_batch_size);
                }
            }
            cells.extend(InferenceCell::of(cell, &pairs));
        }
        let batch_size = sizes.first().copied().flatten();
        let batch_size = batch_size.filter(|_| sizes.windows(2).all(|pair| pair[0] == pair[1]));
        (!cells.is_empty()).then(|| Self {
            kind: cost.kind.clone(),
            threshold: cost.threshold,
            inference: Inference::Evaluations { batch_size },
            cells,
        })
    }
}

/// The cost of the inference of a sample, and half of its 95 % confidence interval as a share of it: 0 for counted work, `None`
/// where it is unknown.
struct Each {
    cost: f64,
    error: Option<f64>,
}

impl Each {
    /// By a record of inference; `None` without this cost.
    fn of(point: &InferencePoint, kind: &CostKind) -> Option<Self> {
        let (per_1000, interval) = match kind {
            CostKind::Energy { source, status, .. } => {
                let mut rows = point.energy.iter();
                let row = rows.find(|row| row.source == *source && row.status == *status)?;
                let half = row.ci.map(|interval| interval.half());
                (row.joules_per_1000?, half)
            }
            CostKind::Seconds => {
                let mean = Mean::of(&point.seconds_per_1000)?;
                let half = mean.interval.map(|i| (i.high - i.low) / 2.0);
                (mean.mean, half)
            }
            CostKind::Flops => (point.flops_per_1000, Some(0.0)),
            CostKind::Samples | CostKind::Bytes => return None,
        };
        (per_1000.is_finite() && per_1000 > 0.0).then(|| Self {
            cost: per_1000 / 1000.0,
            error: interval.map(|half| half / per_1000),
        })
    }
}

impl LifeCycle {
    /// With the inference of `record`, a ledger for each of its batch sizes, the cheapest first. Only runs of its network, and
    /// for time and joules of its device, count.
    pub(super) fn measured(
        cost: &CostReport,
        analysis: &Analysis,
        runs: &[RunRecord],
        record: &InferenceRecord,
    ) -> Vec<Self> {
        let same = |run: &Record| {
            let anywhere = cost.kind == CostKind::Flops;
            run.network.name == record.network.name
                && (anywhere || run.device.name == record.device.name)
        };
        let mut points: Vec<(&InferencePoint, Each)> = record
            .points
            .iter()
            .filter_map(|point| Some((point, Each::of(point, &cost.kind)?)))
            .collect();
        points.sort_by(|a, b| a.1.cost.total_cmp(&b.1.cost));
        let of = |(point, each): (&InferencePoint, Each)| {
            let cells = analysis
                .cells
                .iter()
                .enumerate()
                .filter_map(|(cell, report)| {
                    let own: Vec<u32> = main_runs(runs, &report.id)
                        .filter(|run| run.record.as_ref().is_some_and(same))
                        .map(|run| run.seed)
                        .collect();
                    let trained = reached(&cost.cells[cell])?.into_iter();
                    let trained = trained.filter(|(seed, _)| own.contains(seed));
                    InferenceCell::with(cell, &trained.map(|one| one.1).collect::<Vec<_>>(), &each)
                });
            let cells: Vec<InferenceCell> = cells.collect();
            (!cells.is_empty()).then(|| Self {
                kind: cost.kind.clone(),
                threshold: cost.threshold,
                inference: Inference::Measured {
                    batch_size: point.batch_size,
                },
                cells,
            })
        };
        points.into_iter().filter_map(of).collect()
    }
}

impl InferenceCell {
    /// Of training costs and a measurement of inference, whose errors are independent: half-widths of the logarithms are added
    /// as squares.
    fn with(cell: usize, training: &[f64], each: &Each) -> Option<Self> {
        let ratios: Vec<f64> = training.iter().map(|all| all / each.cost).collect();
        let samples = log_mean(&ratios)?;
        let error = each.error.filter(|error| *error > 0.0);
        let per_1000 = 1000.0 * each.cost;
        let around = |low: f64, high: f64| Interval { low, high };
        Some(Self {
            cell,
            training: Mean::of(training)?,
            per_1000: Mean {
                mean: per_1000,
                interval: error
                    .map(|error| around(per_1000 * (1.0 - error), per_1000 * (1.0 + error))),
            },
            samples: Mean {
                interval: samples.interval.zip(each.error).map(|(i, error)| {
                    let reach = (i.high / samples.mean).ln().hypot(error.ln_1p()).exp();
                    around(samples.mean / reach, samples.mean * reach)
                }),
                ..samples
            },
        })
    }

    /// `pairs`: of each seed the cost of training and of the inference of a sample.
    fn of(cell: usize, pairs: &[(f64, f64)]) -> Option<Self> {
        let (training, each): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
        let per_1000: Vec<f64> = each.iter().map(|each| 1000.0 * each).collect();
        let samples: Vec<f64> = pairs.iter().map(|(all, each)| all / each).collect();
        Some(Self {
            cell,
            training: Mean::of(&training)?,
            per_1000: Mean::of(&per_1000)?,
            samples: log_mean(&samples)?,
        })
    }
}

/// The cost of the inference of a sample in the evaluations of a run; `None` where it is unknown.
fn inference(record: &Record, kind: &CostKind) -> Option<f64> {
    let samples = record.data.test_samples as f64;
    let evaluations = record.evaluations.len() as f64;
    let all = samples * evaluations;
    let each = match kind {
        CostKind::Energy { source, status, .. } => {
            let figures = record.energy_per_evaluation.iter();
            let own = |figure: &&crate::train::EnergyFigure| {
                figure.source == *source && figure.status == *status
            };
            figures.clone().find(own)?.joules / samples
        }
        CostKind::Seconds => record.durations.evaluation_seconds / all,
        CostKind::Flops => record.work.evaluation_flops / all,
        CostKind::Samples | CostKind::Bytes => return None,
    };
    (each.is_finite() && each > 0.0).then_some(each)
}
