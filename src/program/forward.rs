//! The forward pass: the batch, and the stages in order.

use std::collections::HashMap;

use super::ProgramOptions;
use super::arenas::Arenas;
use super::data::ShardedSplit;
use super::lowering::{Batch, Lowering, ValueTensors};
use crate::data::{ColumnSpec, Dataset, Normalisation};
use crate::kernels::{Dispatch, Role, Shape, Tensor, batch, elementwise};
use crate::model::layers::Random;
use crate::model::{Forward, NodeKind, Phase, Value};

impl Lowering<'_> {
    /// Appends the choice of a batch and the gathering of its inputs and targets.
    pub(super) fn gather(
        &mut self,
        shards: &ShardedSplit,
        data: &Dataset,
        options: &ProgramOptions,
        state: Tensor,
        window_variants: &mut HashMap<usize, Vec<Dispatch>>,
        evaluate: bool,
    ) -> Batch {
        let (size, split) = if evaluate {
            (options.eval_batch_size, &data.test)
        } else {
            (options.batch_size, &data.train)
        };
        let list = &mut self.list;
        let name = if evaluate { "evaluation" } else { "training" };
        let batch = list.integers(
            format!("{name} batch"),
            Role::Scratch,
            1 + u64::from(size).div_ceil(4),
        );
        let shapes: Vec<(usize, Shape)> = self
            .net
            .nodes()
            .iter()
            .filter_map(|n| {
                if let NodeKind::Input(field) = n.kind {
                    Some((field, n.shape))
                } else {
                    None
                }
            })
            .collect();
        let inputs: Vec<Tensor> = shapes
            .iter()
            .map(|(field, shape)| {
                let quads = u64::from(size) * u64::from(shape.quads());
                list.activation(format!("{name} input {field}"), quads)
            })
            .collect();
        // A label per sample stays an integer; several values per sample become a padded row of f32, as logits have.
        let targets: Vec<Tensor> = (split.targets.iter().enumerate())
            .map(|(t, column)| {
                let target = format!("{name} target {t}");
                match column.spec.shape.is_empty() {
                    true => list.integers(target, Role::Activation, u64::from(size).div_ceil(4)),
                    false => {
                        let quads = u64::from(size) * u64::from(row_of(&column.spec).quads());
                        list.tensor(target, Role::Activation, quads)
                    }
                }
            })
            .collect();
        let mut read: Vec<usize> = self.net.losses().iter().map(|loss| loss.target).collect();
        read.sort_unstable();
        read.dedup();
        let first = list.dispatches.len();
        let banks = shards.banks();
        let all = (0..shards.windows.count()).flat_map(|w| (0..banks).map(move |bank| (w, bank)));
        for (window, bank) in all {
            let from = list.dispatches.len();
            let order = shards.windows.batch_order(window, options, evaluate);
            batch::order(
                list,
                self.tuning,
                &format!("{name} order"),
                state,
                batch,
                order,
            );
            for ((field, shape), out) in shapes.iter().zip(&inputs) {
                let column = &shards.inputs[*field];
                let label = format!("{name} gather {field}");
                let bound = column.bound(&shards.windows, window, bank);
                let normalisation = &data.normalisation[*field];
                match options
                    .augmentation
                    .filter(|changes| !evaluate && !changes.is_none())
                {
                    Some(augmentation) => batch::gather_augmented(
                        list,
                        self.tuning,
                        &label,
                        batch,
                        state,
                        &bound,
                        *out,
                        size,
                        *shape,
                        normalisation,
                        augmentation,
                        options.seed,
                    ),
                    None => batch::gather(
                        list,
                        self.tuning,
                        &label,
                        batch,
                        &bound,
                        *out,
                        size,
                        *shape,
                        normalisation,
                    ),
                }
            }
            for target in &read {
                let label = format!("{name} gather target {target}");
                let bound = shards.targets[*target].bound(&shards.windows, window, bank);
                let (out, spec) = (targets[*target], &split.targets[*target].spec);
                match spec.shape.is_empty() {
                    true => {
                        batch::gather_labels(list, self.tuning, &label, batch, &bound, out, size)
                    }
                    false => batch::gather(
                        list,
                        self.tuning,
                        &label,
                        batch,
                        &bound,
                        out,
                        size,
                        row_of(spec),
                        &Normalisation::identity(1),
                    ),
                }
            }
            // The list holds the first window's variant; the others are kept beside it.
            let variants: Vec<Dispatch> = if (window, bank) == (0, 0) {
                list.dispatches[from..].to_vec()
            } else {
                list.dispatches.split_off(from)
            };
            if shards.windows.count() * banks > 1 {
                for (at, variant) in variants.into_iter().enumerate() {
                    window_variants.entry(first + at).or_default().push(variant);
                }
            }
        }
        Batch {
            samples: batch,
            inputs,
            targets,
        }
    }

    /// Appends the f16 copies of the weights, where products read them.
    pub(super) fn halve_weights(&mut self, arenas: &Arenas) {
        for arena in &arenas.parameters {
            let Some(halves) = arena.halves else { continue };
            let label = self.list.info(halves).name.clone();
            elementwise::copy(
                &mut self.list,
                self.tuning,
                &label,
                arena.parameters,
                halves,
            );
        }
    }

    pub(super) fn forward(
        &mut self,
        inputs: &[Tensor],
        images: u32,
        phase: Phase,
    ) -> (ValueTensors, Vec<Vec<Tensor>>) {
        let mut values: ValueTensors = HashMap::new();
        for (at, node) in self.net.nodes().iter().enumerate() {
            if let NodeKind::Input(field) = node.kind {
                values.insert(Value(at), inputs[field]);
            }
        }
        let mut saved = vec![];
        for stage in &self.stages {
            let node = &self.net.nodes()[stage.node];
            if phase == Phase::Evaluate && stage.layer.passes_in_evaluation() {
                values.insert(stage.output, values[&stage.inputs[0]]);
                saved.push(vec![]);
                continue;
            }
            let shape = self.net.nodes()[stage.output.0].shape;
            let suffix = if phase == Phase::Train {
                ""
            } else {
                " (evaluation)"
            };
            let quads = u64::from(images) * u64::from(shape.quads());
            let output = self
                .list
                .activation(format!("{}.output{suffix}", node.name), quads);
            values.insert(stage.output, output);
            let inputs: Vec<_> = stage
                .inputs
                .iter()
                .map(|v| (values[v], self.net.nodes()[v.0].shape))
                .collect();
            let parameters: Vec<Tensor> = node
                .parameters
                .iter()
                .map(|p| self.parameters[*p])
                .collect();
            saved.push(stage.layer.forward(Forward {
                list: &mut self.list,
                tuning: self.tuning,
                images,
                phase,
                name: &node.name,
                inputs: &inputs,
                output: (output, shape),
                parameters: &parameters,
                addend: stage.addend.map(|v| values[&v]),
                relu: stage.relu,
                random: Random::new(self.state, self.seed, &node.name),
            }));
        }
        (values, saved)
    }
}

/// The values of a sample as a row.
fn row_of(spec: &ColumnSpec) -> Shape {
    Shape::vector(u32::try_from(spec.elements()).unwrap_or(u32::MAX))
}
