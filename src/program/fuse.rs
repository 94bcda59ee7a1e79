//! Which layers share a kernel: a ReLU or an addition that is the only consumer of a layer's output becomes part of it.

use std::sync::Arc;

use crate::model::{Layer, Network, NodeKind, Value};

/// A layer with the nodes that were fused into it.
#[derive(Clone, Debug)]
pub(super) struct Stage {
    /// The node of the layer and its parameters.
    pub node: usize,
    pub layer: Arc<dyn Layer>,
    pub inputs: Vec<Value>,
    /// A value added to the output.
    pub addend: Option<Value>,
    /// Whether it ends with a ReLU.
    pub relu: bool,
    /// The value of the last node fused.
    pub output: Value,
}

impl Stage {
    pub fn reads(&self) -> impl Iterator<Item = Value> + '_ {
        self.inputs.iter().copied().chain(self.addend)
    }
}

/// The network as stages in topological order.
pub(super) fn stages(net: &Network) -> Vec<Stage> {
    let mut consumers = vec![0_usize; net.nodes().len()];
    for value in net
        .nodes()
        .iter()
        .flat_map(|n| &n.inputs)
        .chain(net.losses().iter().map(|l| &l.output))
    {
        consumers[value.0] += 1;
    }
    let mut stages: Vec<Stage> = vec![];
    for (at, node) in net.nodes().iter().enumerate() {
        let NodeKind::Layer(layer) = &node.kind else {
            continue;
        };
        let only_consumer = |value: Value| consumers[value.0] == 1;
        let producer =
            |stages: &[Stage], value: Value| stages.iter().position(|s| s.output == value);
        match (layer.kind(), node.inputs.as_slice()) {
            ("relu", [x]) if only_consumer(*x) => {
                if let Some(p) = producer(&stages, *x)
                    && stages[p].layer.fuses_relu()
                    && !stages[p].relu
                {
                    stages[p].relu = true;
                    stages[p].output = Value(at);
                    continue;
                }
            }
            ("add", [a, b]) if only_consumer(*a) => {
                // The stage moves behind the one that produces the addend.
                if let Some(p) = producer(&stages, *a)
                    && stages[p].layer.fuses_add()
                    && !stages[p].relu
                    && stages[p].addend.is_none()
                {
                    let mut stage = stages.remove(p);
                    stage.addend = Some(*b);
                    stage.output = Value(at);
                    stages.push(stage);
                    continue;
                }
            }
            _ => {}
        }
        stages.push(Stage {
            node: at,
            layer: Arc::clone(layer),
            inputs: node.inputs.clone(),
            addend: None,
            relu: layer.kind() == "relu",
            output: Value(at),
        });
    }
    stages
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::Shape;
    use crate::model::presets;

    #[test]
    fn fuses_relus_and_additions_of_residual_blocks() {
        let net = presets::by_name(
            "resnet8",
            Shape {
                channels: 1,
                height: 28,
                width: 28,
            },
            10,
        )
        .unwrap();
        let stages = stages(&net);
        // conv1 bn1 | 4 | 6 with the shortcut's convolution and norm | 6 | mean, fc
        assert_eq!(stages.len(), 2 + 4 + 6 + 6 + 2);
        assert_eq!(stages.iter().filter(|s| s.addend.is_some()).count(), 3);
        for (at, stage) in stages.iter().enumerate() {
            for read in stage.reads() {
                assert!(
                    stages[at..].iter().all(|s| s.output != read),
                    "a stage reads a later value"
                );
            }
        }
    }
}
