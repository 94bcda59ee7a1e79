//! The losses of a batch, and what their rows add up to.

use super::lowering::{Batch, Lowering, ValueTensors};
use crate::kernels::loss::{self, ElementLoss, OutputGradient};
use crate::kernels::{List, Precision, Role, Shape, Tensor};
use crate::model::metric::{Metric, MetricValue};
use crate::model::{Loss, LossKind, Network};

/// The losses of a batch, a row per sample and loss; in an evaluation some losses have a second block of rows.
pub(super) struct LossRows {
    pub rows: Tensor,
    pub count: u32,
    /// The gradient of the output of each loss.
    pub doutputs: Vec<Option<Tensor>>,
}

/// Blocks of rows of an evaluation: one or two of each loss.
pub(super) fn evaluation_blocks(network: &Network) -> u32 {
    let losses = network.losses().iter();
    losses.map(|loss| loss.kind.evaluation_rows()).sum()
}

/// The constant vectors of a loss, shared by training and evaluation.
fn weights(list: &mut List, loss: &Loss) -> Option<Tensor> {
    let (name, weights) = match &loss.kind {
        LossKind::CrossEntropy { class_weights, .. } => ("class weights", class_weights),
        LossKind::BinaryCrossEntropy { pos_weight } => ("positive weights", pos_weight),
        LossKind::MeanSquaredError => return None,
    };
    let weights = weights.as_ref()?;
    Some(list.constant(format!("{} {name}", loss.task), weights))
}

impl Lowering<'_> {
    /// Appends every loss. Training takes weights, label smoothing and gradients; an evaluation takes plain losses.
    pub(super) fn losses(
        &mut self,
        values: &ValueTensors,
        batch: &Batch,
        size: u32,
        train: bool,
    ) -> LossRows {
        let blocks = match train {
            true => self.net.losses().len() as u32,
            false => evaluation_blocks(self.net),
        };
        let count = size * blocks;
        let list = &mut self.list;
        let rows = list.buffer("loss rows", Role::Scratch, u64::from(count));
        let mut doutputs = vec![];
        let mut first = 0;
        for (at, loss) in self.net.losses().iter().enumerate() {
            let width = self.net.nodes()[loss.output.0].shape.elements();
            let quads = u64::from(size) * u64::from(Shape::vector(width).quads());
            let gradient = train.then(|| list.activation(format!("output {at} gradient"), quads));
            let scale = (list.precision == Precision::F16).then_some(self.state);
            let written = gradient.map(|tensor| OutputGradient { tensor, scale });
            let weights = match train {
                true => weights(list, loss),
                false => None,
            };
            let weight = if train { loss.weight } else { 1.0 };
            let target = batch.targets[loss.target];
            let output = values[&loss.output];
            let label = format!("{} {at}", loss.kind.name().replace('-', " "));
            match &loss.kind {
                LossKind::CrossEntropy {
                    label_smoothing, ..
                } => loss::cross_entropy(
                    list,
                    self.tuning,
                    &label,
                    batch.samples,
                    target,
                    output,
                    written,
                    rows,
                    first,
                    size,
                    width,
                    weight,
                    if train { *label_smoothing } else { 0.0 },
                    weights,
                ),
                LossKind::BinaryCrossEntropy { .. } | LossKind::MeanSquaredError => {
                    let kind = match loss.kind {
                        LossKind::MeanSquaredError => ElementLoss::SquaredError,
                        _ => ElementLoss::Binary {
                            pos_weight: weights,
                        },
                    };
                    let counts = !train && loss.kind.evaluation_rows() > 1;
                    loss::elements(
                        list,
                        self.tuning,
                        &label,
                        kind,
                        batch.samples,
                        target,
                        output,
                        written,
                        rows,
                        first,
                        counts.then_some(first + size),
                        size,
                        width,
                        weight,
                    );
                }
            }
            doutputs.push(gradient);
            first += match train {
                true => size,
                false => size * loss.kind.evaluation_rows(),
            };
        }
        LossRows {
            rows,
            count,
            doutputs,
        }
    }
}

/// The metrics of every loss from the sums of its blocks: (losses, score, losses and score of the samples with an even index),
/// and of a second block (twice the hits, the marks, both of the even samples).
pub(super) fn metrics(network: &Network, sums: &[[f64; 4]], samples: f64) -> Vec<MetricValue> {
    let halves = [(samples / 2.0).ceil(), (samples / 2.0).floor()];
    let mut metrics = vec![];
    let mut block = 0;
    for loss in network.losses() {
        let [losses, score, even_losses, even_score] = sums[block];
        for metric in loss.kind.metrics() {
            let [value, deciding, confirming] = match metric {
                // Predictions from outputs that are not finite are worth nothing.
                Metric::Accuracy | Metric::MeanAccuracy | Metric::F1 if !losses.is_finite() => {
                    [f64::NAN; 3]
                }
                Metric::Accuracy | Metric::MeanAccuracy => {
                    means([score, even_score], samples, halves)
                }
                Metric::Loss | Metric::Mse => means([losses, even_losses], samples, halves),
                Metric::F1 => {
                    let [hits, marks, even_hits, even_marks] = sums[block + 1];
                    [
                        hits / marks,
                        even_hits / even_marks,
                        (hits - even_hits) / (marks - even_marks),
                    ]
                }
            };
            metrics.push(MetricValue {
                task: loss.task.clone(),
                metric: *metric,
                value,
                deciding,
                confirming,
            });
        }
        block += loss.kind.evaluation_rows() as usize;
    }
    metrics
}

/// Means over all samples, the even and the odd ones.
fn means([all, even]: [f64; 2], samples: f64, halves: [f64; 2]) -> [f64; 3] {
    [all / samples, even / halves[0], (all - even) / halves[1]]
}
