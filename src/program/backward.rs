//! Backward: the stages in reverse. Of a value's consumers the first visited writes its gradient, the others add to it, in
//! fixed order; what no trained parameter needs is not lowered.

use std::collections::HashMap;

use super::fuse::Stage;
use super::lower::{Lowering, Values};
use crate::kernels::{Role, Tensor, elementwise};
use crate::model::{Backward, GradientTarget, Value};

impl Lowering<'_> {
    pub(super) fn backward(
        &mut self,
        values: &Values,
        saved: &[Vec<Tensor>],
        dlogits: &[Option<Tensor>],
        images: u32,
    ) {
        // Which values lead back to a trained parameter.
        let mut wanted: HashMap<Value, bool> = HashMap::new();
        for stage in &self.stages {
            let own = self.net.nodes()[stage.node]
                .parameters
                .iter()
                .any(|p| self.gradients[*p].is_some());
            let below = stage
                .reads()
                .any(|v| wanted.get(&v).copied().unwrap_or(false));
            wanted.insert(stage.output, own || below);
        }
        let is_wanted = |v: Value| wanted.get(&v).copied().unwrap_or(false);
        // Who is still to contribute to a value's gradient, and what was contributed so far.
        let mut left: HashMap<Value, usize> = HashMap::new();
        for value in self
            .stages
            .iter()
            .filter(|s| is_wanted(s.output))
            .flat_map(Stage::reads)
        {
            *left.entry(value).or_default() += 1;
        }
        for loss in self.net.losses() {
            *left.entry(loss.logits).or_default() += 1;
        }
        let relus: Vec<Value> = self
            .stages
            .iter()
            .filter(|s| s.relu)
            .map(|s| s.output)
            .collect();
        let mut gradients: Values = HashMap::new();
        for (loss, gradient) in self.net.losses().iter().zip(dlogits) {
            if let Some(gradient) = gradient
                && is_wanted(loss.logits)
            {
                self.contribute(
                    loss.logits,
                    *gradient,
                    &mut gradients,
                    &mut left,
                    &relus,
                    values,
                    images,
                );
            }
        }
        for at in (0..self.stages.len()).rev() {
            let stage = self.stages[at].clone();
            let Some(&dy) = gradients.get(&stage.output) else {
                continue;
            };
            if let Some(addend) = stage.addend
                && is_wanted(addend)
            {
                self.contribute(
                    addend,
                    dy,
                    &mut gradients,
                    &mut left,
                    &relus,
                    values,
                    images,
                );
            }
            if stage.layer.passes_gradient() {
                for input in stage.inputs.iter().copied().filter(|v| is_wanted(*v)) {
                    self.contribute(input, dy, &mut gradients, &mut left, &relus, values, images);
                }
                continue;
            }
            let node = &self.net.nodes()[stage.node];
            let mut targets = vec![];
            for value in &stage.inputs {
                targets.push(is_wanted(*value).then(|| {
                    let shape = self.net.nodes()[value.0].shape;
                    let quads = u64::from(images) * u64::from(shape.quads());
                    let name = format!(
                        "{} gradient through {}",
                        self.net.nodes()[value.0].name,
                        node.name
                    );
                    let dx = self.list.tensor(name, Role::Activation, quads);
                    let addend = gradients.insert(*value, dx);
                    let rest = left.entry(*value).or_default();
                    *rest -= 1;
                    let mask = (*rest == 0 && relus.contains(value)).then(|| values[value]);
                    GradientTarget { dx, addend, mask }
                }));
            }
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
            let parameter_gradients: Vec<_> =
                node.parameters.iter().map(|p| self.gradients[*p]).collect();
            stage.layer.backward(Backward {
                list: &mut self.list,
                tuning: self.tuning,
                images,
                name: &node.name,
                inputs: &inputs,
                output: (
                    values[&stage.output],
                    self.net.nodes()[stage.output.0].shape,
                ),
                saved: &saved[at],
                dy,
                parameters: &parameters,
                parameter_gradients: &parameter_gradients,
                input_gradients: &targets,
            });
        }
    }

    /// Adds a gradient that exists already to a value's; after the last one the value's own ReLU masks it.
    #[allow(clippy::too_many_arguments)]
    fn contribute(
        &mut self,
        value: Value,
        gradient: Tensor,
        gradients: &mut Values,
        left: &mut HashMap<Value, usize>,
        relus: &[Value],
        values: &Values,
        images: u32,
    ) {
        let node = &self.net.nodes()[value.0];
        let quads = images * node.shape.quads();
        let mut sum = gradient;
        if let Some(&before) = gradients.get(&value) {
            let name = format!("{} gradient sum", node.name);
            sum = self.list.tensor(name, Role::Activation, u64::from(quads));
            elementwise::add(
                &mut self.list,
                self.tuning,
                &format!("{} gradient sum", node.name),
                before,
                gradient,
                sum,
                false,
            );
        }
        let rest = left.entry(value).or_default();
        *rest -= 1;
        if *rest == 0 && relus.contains(&value) {
            let masked = self.list.tensor(
                format!("{} gradient masked", node.name),
                Role::Activation,
                u64::from(quads),
            );
            let label = format!("{} backward", node.name);
            elementwise::relu_backward(
                &mut self.list,
                self.tuning,
                &label,
                sum,
                values[&value],
                masked,
            );
            sum = masked;
        }
        gradients.insert(value, sum);
    }
}
