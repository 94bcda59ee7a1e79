//! When inference outweighs training.

use serde::Serialize;

use super::{main_runs, reached};
use crate::study::analysis::{Analysis, CostKind, CostReport};
use crate::study::run::RunRecord;
use crate::study::stats::{Mean, log_mean};
use crate::train::Record;

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

impl InferenceCell {
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
