//! A network as a graph of layers in topological order, with any number of inputs, consumers and losses.

use std::sync::Arc;

use super::layers::{
    Activation, Add, AvgPool2d, BatchNorm, Conv2d, Dropout, Layer, LayerNorm, Linear, MaxPool2d,
    MeanPool, Relu,
};
use super::loss::{Loss, LossKind};
use super::network_file::NetworkSource;
use super::{ModelError, ParameterSpec, pattern};
use crate::kernels::Shape;
use crate::kernels::elementwise::Function;

/// The output of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Value(pub(crate) usize);

/// Kind of a node.
#[derive(Clone, Debug)]
pub enum NodeKind {
    /// Input column `0`, `1`, ... of the dataset.
    Input(usize),
    /// A layer.
    Layer(Arc<dyn Layer>),
}

/// A node: a layer with its inputs and parameters.
#[derive(Clone, Debug)]
pub struct Node {
    /// Name, the prefix of its parameters' names.
    pub name: String,
    /// Input or layer.
    pub kind: NodeKind,
    /// The nodes that it reads.
    pub inputs: Vec<Value>,
    /// Shape of the output, per sample.
    pub shape: Shape,
    /// Indices into [`Network::parameters`].
    pub parameters: Vec<usize>,
}

/// A network: layers, parameters and losses.
///
/// ```
/// use wattgrad::Network;
/// let mut net = Network::new();
/// let x = net.input([1, 28, 28]);
/// let h = net.linear("fc1", x, 32)?;
/// let h = net.relu(h)?;
/// let logits = net.linear("fc2", h, 10)?;
/// net.cross_entropy("label", logits, 0, 1.0);
/// assert_eq!(net.parameters()[0].shape, [32, 784]);
/// # Ok::<(), wattgrad::ModelError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Network {
    pub(crate) nodes: Vec<Node>,
    pub(crate) parameters: Vec<ParameterSpec>,
    pub(crate) losses: Vec<Loss>,
    /// The network file that it was built from.
    pub(crate) source: Option<NetworkSource>,
}

impl Network {
    /// An empty network.
    #[must_use]
    pub fn new() -> Network {
        Network::default()
    }

    /// The next input column of the dataset, of `[channels, height, width]`, `[channels, length]` or `[features]`.
    pub fn input(&mut self, shape: impl Into<Shape>) -> Value {
        let field = self
            .nodes
            .iter()
            .filter(|n| matches!(n.kind, NodeKind::Input(_)))
            .count();
        self.nodes.push(Node {
            name: format!("input{field}"),
            kind: NodeKind::Input(field),
            inputs: vec![],
            shape: shape.into(),
            parameters: vec![],
        });
        Value(self.nodes.len() - 1)
    }

    /// Adds a layer of any type.
    ///
    /// # Errors
    /// The layer does not fit its inputs, or another layer with parameters has the same name.
    pub fn layer(
        &mut self,
        name: &str,
        layer: Arc<dyn Layer>,
        inputs: &[Value],
    ) -> Result<Value, ModelError> {
        let shapes: Vec<Shape> = inputs.iter().map(|v| self.nodes[v.0].shape).collect();
        let misfit = |why| ModelError::Misfit {
            layer: name.to_string(),
            why,
        };
        let shape = layer.output(&shapes).map_err(misfit)?;
        let first = self.parameters.len();
        for mut spec in layer.parameters(&shapes) {
            spec.name = format!("{name}.{}", spec.name);
            if self.parameters.iter().any(|p| p.name == spec.name) {
                return Err(ModelError::Duplicate {
                    name: name.to_string(),
                });
            }
            self.parameters.push(spec);
        }
        self.nodes.push(Node {
            name: name.to_string(),
            kind: NodeKind::Layer(layer),
            inputs: inputs.to_vec(),
            shape,
            parameters: (first..self.parameters.len()).collect(),
        });
        Ok(Value(self.nodes.len() - 1))
    }

    /// `y = x W^T + b`; x of any shape is flattened.
    ///
    /// # Errors
    /// As [`Network::layer`].
    pub fn linear(&mut self, name: &str, x: Value, out: u32) -> Result<Value, ModelError> {
        self.layer(name, Arc::new(Linear { out, bias: true }), &[x])
    }

    /// A convolution.
    ///
    /// # Errors
    /// As [`Network::layer`].
    pub fn conv2d(&mut self, name: &str, x: Value, conv: Conv2d) -> Result<Value, ModelError> {
        self.layer(name, Arc::new(conv), &[x])
    }

    /// Batch norm over images, rows and columns.
    ///
    /// # Errors
    /// As [`Network::layer`].
    pub fn batch_norm(&mut self, name: &str, x: Value) -> Result<Value, ModelError> {
        self.layer(name, Arc::new(BatchNorm::default()), &[x])
    }

    /// `max(x, 0)`.
    ///
    /// # Errors
    /// As [`Network::layer`].
    pub fn relu(&mut self, x: Value) -> Result<Value, ModelError> {
        let name = format!("{}.relu", self.nodes[x.0].name);
        self.layer(&name, Arc::new(Relu), &[x])
    }

    /// `a + b`.
    ///
    /// # Errors
    /// The shapes differ.
    pub fn add(&mut self, a: Value, b: Value) -> Result<Value, ModelError> {
        let name = format!("{}.add", self.nodes[a.0].name);
        self.layer(&name, Arc::new(Add), &[a, b])
    }

    /// Max pool.
    ///
    /// # Errors
    /// As [`Network::layer`].
    pub fn max_pool(&mut self, x: Value, pool: MaxPool2d) -> Result<Value, ModelError> {
        let name = format!("{}.pool", self.nodes[x.0].name);
        self.layer(&name, Arc::new(pool), &[x])
    }

    /// Average pool.
    ///
    /// # Errors
    /// As [`Network::layer`].
    pub fn avg_pool(&mut self, x: Value, pool: AvgPool2d) -> Result<Value, ModelError> {
        let name = format!("{}.pool", self.nodes[x.0].name);
        self.layer(&name, Arc::new(pool), &[x])
    }

    /// Layer norm over the last `axes` axes of a sample.
    ///
    /// # Errors
    /// As [`Network::layer`].
    pub fn layer_norm(&mut self, name: &str, x: Value, axes: usize) -> Result<Value, ModelError> {
        let norm = LayerNorm {
            axes,
            ..LayerNorm::default()
        };
        self.layer(name, Arc::new(norm), &[x])
    }

    /// Dropout with probability `p`; `name` decides its random numbers, and no two layers should share it.
    ///
    /// # Errors
    /// As [`Network::layer`].
    pub fn dropout(&mut self, name: &str, x: Value, p: f32) -> Result<Value, ModelError> {
        self.layer(name, Arc::new(Dropout { p }), &[x])
    }

    /// GELU: `x` times the normal distribution of `x`.
    ///
    /// # Errors
    /// As [`Network::layer`].
    pub fn gelu(&mut self, x: Value) -> Result<Value, ModelError> {
        self.activation(x, Function::Gelu)
    }

    /// SiLU: `x` times the sigmoid of `x`.
    ///
    /// # Errors
    /// As [`Network::layer`].
    pub fn silu(&mut self, x: Value) -> Result<Value, ModelError> {
        self.activation(x, Function::Silu)
    }

    /// The hyperbolic tangent.
    ///
    /// # Errors
    /// As [`Network::layer`].
    pub fn tanh(&mut self, x: Value) -> Result<Value, ModelError> {
        self.activation(x, Function::Tanh)
    }

    fn activation(&mut self, x: Value, function: Function) -> Result<Value, ModelError> {
        let layer = Activation(function);
        let name = format!("{}.{}", self.nodes[x.0].name, layer.kind());
        self.layer(&name, Arc::new(layer), &[x])
    }

    /// Mean over rows and columns: a vector of the channels.
    ///
    /// # Errors
    /// As [`Network::layer`].
    pub fn mean_pool(&mut self, x: Value) -> Result<Value, ModelError> {
        let name = format!("{}.mean", self.nodes[x.0].name);
        self.layer(&name, Arc::new(MeanPool), &[x])
    }

    /// Adds the task `task`: `weight` times the mean softmax cross-entropy between `logits` and label column `target`.
    /// Each evaluation reports its accuracy and its loss.
    pub fn cross_entropy(&mut self, task: &str, logits: Value, target: usize, weight: f32) {
        let kind = LossKind::cross_entropy();
        self.loss(task, kind, logits, target, weight);
    }

    /// Adds a task with a loss of any kind between `output` and target column `target`.
    pub fn loss(&mut self, task: &str, kind: LossKind, output: Value, target: usize, weight: f32) {
        self.losses.push(Loss {
            task: task.to_owned(),
            kind,
            output,
            target,
            weight,
        });
    }

    /// The losses, to set what they weigh.
    pub(crate) fn losses_mut(&mut self) -> &mut [Loss] {
        &mut self.losses
    }

    /// Sets the label smoothing of every cross-entropy, 0 to below 1.
    pub fn smooth_labels(&mut self, share: f32) {
        for loss in &mut self.losses {
            if let LossKind::CrossEntropy {
                label_smoothing, ..
            } = &mut loss.kind
            {
                *label_smoothing = share;
            }
        }
    }

    /// Excludes parameters from training: those whose name, or the name of a layer around them, matches `pattern`
    /// ([`pattern::matches`]). A batch norm whose parameters are all frozen uses its running statistics in training and
    /// keeps them, as after PyTorch's `eval()`. Returns how many there are, running statistics included.
    pub fn freeze(&mut self, pattern: &str) -> usize {
        let mut frozen = 0;
        for spec in &mut self.parameters {
            if pattern::matches(pattern, &spec.name) {
                spec.frozen = true;
                frozen += 1;
            }
        }
        for node in &mut self.nodes {
            let NodeKind::Layer(layer) = &node.kind else {
                continue;
            };
            let specs = || node.parameters.iter().map(|at| &self.parameters[*at]);
            let trains = specs().any(|spec| spec.kind.trained() && !spec.frozen);
            let has_statistics = specs().any(|spec| !spec.kind.trained());
            if has_statistics {
                for at in &node.parameters {
                    let spec = &mut self.parameters[*at];
                    spec.frozen = if spec.kind.trained() {
                        spec.frozen
                    } else {
                        !trains
                    };
                }
            }
            if let (false, Some(layer)) = (trains, layer.frozen(true)) {
                node.kind = NodeKind::Layer(layer);
            }
        }
        frozen
    }

    /// The network with every parameter trained.
    #[must_use]
    pub fn unfrozen(&self) -> Network {
        let mut network = self.clone();
        for spec in &mut network.parameters {
            spec.frozen = false;
        }
        for node in &mut network.nodes {
            if let NodeKind::Layer(layer) = &node.kind
                && let Some(layer) = layer.frozen(false)
            {
                node.kind = NodeKind::Layer(layer);
            }
        }
        network
    }

    /// Checks that a pattern matches a parameter.
    ///
    /// # Errors
    /// [`ModelError::NoParameter`].
    pub fn check_pattern(&self, pattern: &str) -> Result<(), ModelError> {
        let mut names = self.parameters.iter().map(|spec| spec.name.as_str());
        if names.any(|name| pattern::matches(pattern, name)) {
            return Ok(());
        }
        let layers = self.nodes.iter().filter(|node| !node.parameters.is_empty());
        Err(ModelError::NoParameter {
            pattern: pattern.to_owned(),
            known: layers
                .map(|node| node.name.as_str())
                .collect::<Vec<_>>()
                .join(", "),
        })
    }

    /// The parameters of the heads: of the layer before each loss, or of the nearest one before that with parameters.
    pub(crate) fn head_parameters(&self) -> Vec<usize> {
        let mut found = Vec::new();
        let mut outputs: Vec<Value> = self.losses.iter().map(|loss| loss.output).collect();
        while let Some(value) = outputs.pop() {
            let node = &self.nodes[value.0];
            match node.parameters.is_empty() {
                true => outputs.extend(&node.inputs),
                false => found.extend(&node.parameters),
            }
        }
        found
    }

    /// Puts the parameters that `select` names into parameter group `group`, which has its own learning rate and weight
    /// decay. Returns how many there were.
    pub fn set_group(&mut self, group: u32, select: impl Fn(&ParameterSpec) -> bool) -> usize {
        let selected = self.parameters.iter_mut().filter(|spec| select(spec));
        selected.map(|spec| spec.group = group).count()
    }

    /// The names of the parameters of the last layers before the losses that have any.
    #[must_use]
    pub fn heads(&self) -> Vec<String> {
        let mut heads = Vec::new();
        let mut seen = vec![false; self.nodes.len()];
        let mut left: Vec<Value> = self.losses.iter().map(|loss| loss.output).collect();
        while let Some(Value(at)) = left.pop() {
            if std::mem::replace(&mut seen[at], true) {
                continue;
            }
            let node = &self.nodes[at];
            match node.parameters.is_empty() {
                true => left.extend(&node.inputs),
                false => heads.extend(
                    node.parameters
                        .iter()
                        .map(|p| self.parameters[*p].name.clone()),
                ),
            }
        }
        heads
    }

    /// All parameters, in the order of a PyTorch `state_dict`.
    #[must_use]
    pub fn parameters(&self) -> &[ParameterSpec] {
        &self.parameters
    }

    /// The nodes in topological order.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The network file that the network was built from; `None` of presets and of networks built in code.
    #[must_use]
    pub fn source(&self) -> Option<&NetworkSource> {
        self.source.as_ref()
    }

    /// The losses.
    #[must_use]
    pub fn losses(&self) -> &[Loss] {
        &self.losses
    }

    /// Number of trained elements, without running statistics.
    #[must_use]
    pub fn parameter_count(&self) -> usize {
        self.parameters
            .iter()
            .filter(|p| p.kind.trained())
            .map(|p| p.layout.elements())
            .sum()
    }
}
