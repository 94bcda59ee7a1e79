//! The backward pass: the stages in reverse. Of a value's consumers the first one visited writes its gradient and the
//! others add to it, in fixed order. What no trained parameter needs is not lowered.

use std::collections::{HashMap, HashSet};

use super::fuse::Stage;
use super::lowering::{Lowering, ValueTensors};
use crate::kernels::{Tensor, elementwise};
use crate::model::layers::Random;
use crate::model::{Backward, GradientTarget, Value};

/// The gradients of values while the stages are visited.
struct Gradients<'a> {
    outputs: &'a ValueTensors,
    images: u32,
    /// Values that a trained parameter influences.
    wanted: HashSet<Value>,
    /// Values to which a ReLU was applied.
    relus: HashSet<Value>,
    /// How many consumers have still to contribute to a value's gradient.
    left: HashMap<Value, usize>,
    /// The sum of the contributions so far.
    sums: ValueTensors,
}

impl Gradients<'_> {
    /// Counts one contribution to the gradient of `value`. After the last one, returns the output by whose sign the
    /// value's own ReLU masks the gradient.
    fn count(&mut self, value: Value) -> Option<Tensor> {
        let left = self.left.entry(value).or_default();
        *left -= 1;
        (*left == 0 && self.relus.contains(&value)).then(|| self.outputs[&value])
    }
}

impl Lowering<'_> {
    pub(super) fn backward(
        &mut self,
        outputs: &ValueTensors,
        saved: &[Vec<Tensor>],
        doutputs: &[Option<Tensor>],
        images: u32,
    ) {
        let mut wanted = HashSet::new();
        for stage in &self.stages {
            let mut parameters = self.net.nodes()[stage.node].parameters.iter();
            if parameters.any(|p| self.gradients[*p].is_some())
                || stage.reads().any(|value| wanted.contains(&value))
            {
                wanted.insert(stage.output);
            }
        }
        let mut left: HashMap<Value, usize> = HashMap::new();
        let stages = self.stages.iter();
        let reads = stages
            .filter(|s| wanted.contains(&s.output))
            .flat_map(Stage::reads);
        for value in reads.chain(self.net.losses().iter().map(|loss| loss.output)) {
            *left.entry(value).or_default() += 1;
        }
        let relus = self.stages.iter().filter(|s| s.relu);
        let mut gradients = Gradients {
            outputs,
            images,
            wanted,
            relus: relus.map(|s| s.output).collect(),
            left,
            sums: HashMap::new(),
        };
        for (loss, gradient) in self.net.losses().iter().zip(doutputs) {
            if let Some(gradient) = gradient {
                self.contribute(loss.output, *gradient, &mut gradients);
            }
        }
        for at in (0..self.stages.len()).rev() {
            let stage = self.stages[at].clone();
            let Some(&dy) = gradients.sums.get(&stage.output) else {
                continue;
            };
            if let Some(addend) = stage.addend {
                self.contribute(addend, dy, &mut gradients);
            }
            if stage.layer.passes_gradient() {
                for input in &stage.inputs {
                    self.contribute(*input, dy, &mut gradients);
                }
                continue;
            }
            self.stage_backward(&stage, &saved[at], dy, &mut gradients);
        }
    }

    fn stage_backward(
        &mut self,
        stage: &Stage,
        saved: &[Tensor],
        dy: Tensor,
        gradients: &mut Gradients<'_>,
    ) {
        let node = &self.net.nodes()[stage.node];
        let shape = |value: &Value| self.net.nodes()[value.0].shape;
        let mut targets = vec![];
        for value in &stage.inputs {
            targets.push(gradients.wanted.contains(value).then(|| {
                let quads = u64::from(gradients.images) * u64::from(shape(value).quads());
                let input = &self.net.nodes()[value.0].name;
                let name = format!("{input} gradient through {}", node.name);
                let dx = self.list.activation(name, quads);
                let addend = gradients.sums.insert(*value, dx);
                let mask = gradients.count(*value);
                GradientTarget { dx, addend, mask }
            }));
        }
        let inputs: Vec<_> = stage
            .inputs
            .iter()
            .map(|value| (gradients.outputs[value], shape(value)))
            .collect();
        let parameters = node.parameters.iter();
        stage.layer.backward(Backward {
            list: &mut self.list,
            tuning: self.tuning,
            images: gradients.images,
            name: &node.name,
            inputs: &inputs,
            output: (gradients.outputs[&stage.output], shape(&stage.output)),
            saved,
            dy,
            parameters: &parameters
                .clone()
                .map(|p| self.parameters[*p])
                .collect::<Vec<_>>(),
            parameter_gradients: &parameters.map(|p| self.gradients[*p]).collect::<Vec<_>>(),
            input_gradients: &targets,
            random: Random::new(self.state, self.seed, &node.name),
        });
    }

    /// Adds an existing tensor to the gradient of `value`, if that is wanted; after the last contribution the value's own
    /// ReLU masks the sum.
    fn contribute(&mut self, value: Value, gradient: Tensor, gradients: &mut Gradients<'_>) {
        if !gradients.wanted.contains(&value) {
            return;
        }
        let node = &self.net.nodes()[value.0];
        let quads = u64::from(gradients.images * node.shape.quads());
        let mut sum = gradient;
        if let Some(&before) = gradients.sums.get(&value) {
            let label = format!("{} gradient sum", node.name);
            sum = self.list.activation(label.clone(), quads);
            elementwise::add(
                &mut self.list,
                self.tuning,
                &label,
                before,
                gradient,
                sum,
                false,
            );
        }
        if let Some(output) = gradients.count(value) {
            let name = format!("{} gradient masked", node.name);
            let masked = self.list.activation(name, quads);
            let label = format!("{} backward", node.name);
            elementwise::relu_backward(&mut self.list, self.tuning, &label, sum, output, masked);
            sum = masked;
        }
        gradients.sums.insert(value, sum);
    }
}
