//! From a graph to lists of symbolic dispatches: forward in order, backward in reverse. Of a value's consumers the first
//! visited writes its gradient, the others add to it, in fixed order; what no trained parameter needs is not lowered.

use std::collections::HashMap;
use std::ops::Range;

use super::data::{Feed, Windows};
use super::fuse::{Stage, stages};
use super::{Order, ProgramError, ProgramOptions};
use crate::data::Dataset;
use crate::kernels::{
    Dispatch, List, Role, Shape, Tensor, Tuning, batch, elementwise, loss, optim,
};
use crate::model::{Backward, Forward, GradientTarget, Network, NodeKind, Phase, Value};

/// Parameters start at multiples of this many quads, so that each can be bound on its own on any device.
const ALIGN: u64 = 16;
/// Bytes that a kernel's 32-bit arithmetic can address in one tensor.
const ADDRESSABLE: u64 = 1 << 32;
/// Results that the ring holds: no more steps fit a submit.
pub(super) const RING: u32 = 256;

/// A part of an arena.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slice {
    pub arena: Tensor,
    pub first_quad: u64,
}

/// A network lowered for a device's tuning, still without memory.
#[derive(Debug)]
pub(super) struct Lowered {
    pub list: List,
    pub slices: HashMap<Tensor, Slice>,
    /// Dispatches of the three lists.
    pub forward_backward: Range<usize>,
    pub update: Range<usize>,
    pub evaluate: Range<usize>,
    /// Forms of a dispatch by window, the first being the one in the list.
    pub windowed: HashMap<usize, Vec<Dispatch>>,
    /// Slice of each parameter's arena, in the network's order.
    pub parameters: Vec<Tensor>,
    pub parameter_arena: Tensor,
    pub momentum_arena: Tensor,
    pub statistic_arena: Tensor,
    /// Gradients by parameter, where there are any.
    pub gradients: Vec<Option<Tensor>>,
    pub state: Tensor,
    pub results: Tensor,
    pub eval_results: Tensor,
    pub eval_batches: u32,
    /// Initial contents: the update rule's table.
    pub chunks: (Tensor, Vec<[u32; 4]>),
    pub train_feed: Feed,
    pub eval_feed: Feed,
}

struct Lowering<'a> {
    net: &'a Network,
    stages: Vec<Stage>,
    tuning: &'a Tuning,
    list: List,
    parameters: Vec<Tensor>,
    gradients: Vec<Option<Tensor>>,
}

/// The dispatches of a program before a device gives their tensors places: of training, of the update and of evaluation,
/// then the forms that other windows of the data set need. `options.shard_limit` stands for what the device can bind.
///
/// # Errors
/// The network and the data do not fit each other, or a kernel is larger than any device runs.
pub fn dispatches(
    network: &Network,
    data: &Dataset,
    options: &ProgramOptions,
) -> Result<List, ProgramError> {
    let limit = options.shard_limit.unwrap_or(u64::MAX);
    let lowered = lower(network, data, options, limit)?;
    let mut list = lowered.list;
    let mut others: Vec<_> = lowered.windowed.into_iter().collect();
    others.sort_by_key(|(at, _)| *at);
    list.dispatches.extend(
        others
            .into_iter()
            .flat_map(|(_, forms)| forms.into_iter().skip(1)),
    );
    Ok(list)
}

pub(super) fn lower(
    net: &Network,
    data: &Dataset,
    options: &ProgramOptions,
    shard_limit: u64,
) -> Result<Lowered, ProgramError> {
    check(net, data, options)?;
    let mut list = List::default();
    let mut slices = HashMap::new();
    let (parameters, arenas, ranges) = arenas(net, &mut list, &mut slices);
    let [
        parameter_arena,
        momentum_arena,
        statistic_arena,
        gradient_arena,
    ] = arenas;
    let state = list.buffer("state", Role::State, batch::state::quads(1));
    let results = list.buffer("results", Role::Results, u64::from(RING));
    let eval_batches = (data.test.len as u32).div_ceil(options.eval_batch_size);
    let eval_results = list.buffer("evaluation results", Role::Results, u64::from(eval_batches));
    let train_feed = Feed::new(&mut list, "train", &data.train, options, shard_limit, false)?;
    let eval_feed = Feed::new(&mut list, "test", &data.test, options, shard_limit, true)?;

    let mut gradients = vec![];
    for (spec, parameter) in net.parameters().iter().zip(&parameters) {
        gradients.push(spec.trained().then(|| {
            let tensor = list.tensor(
                format!("{} gradient", spec.name),
                Role::Gradient,
                spec.layout.quads() as u64,
            );
            slices.insert(
                tensor,
                Slice {
                    arena: gradient_arena,
                    first_quad: slices[parameter].first_quad,
                },
            );
            tensor
        }));
    }
    let mut l = Lowering {
        net,
        stages: stages(net),
        tuning: &options.tuning,
        list,
        parameters,
        gradients,
    };

    let mut windowed = HashMap::new();
    let train = l.feed(&train_feed, data, options, state, &mut windowed, false);
    let (values, saved) = l.forward(&train.inputs, options.batch_size, Phase::Train);
    let rows = l.losses(&values, &train, options.batch_size, true);
    l.backward(&values, &saved, &rows.dlogits, options.batch_size);
    let forward_backward = 0..l.list.dispatches.len();

    let chunks = optim::chunks(&ranges);
    let chunk_table = l
        .list
        .buffer("optimizer chunks", Role::State, chunks.len() as u64);
    let partials = l
        .list
        .buffer("gradient norm partials", Role::Scratch, chunks.len() as u64);
    let count = chunks.len() as u32;
    let tuning = &options.tuning;
    if count > 0 {
        optim::sgd(
            &mut l.list,
            tuning,
            "sgd",
            chunk_table,
            count,
            parameter_arena,
            gradient_arena,
            momentum_arena,
            state,
            partials,
        );
    }
    batch::finish_step(
        &mut l.list,
        tuning,
        "finish step",
        rows.rows,
        rows.count,
        partials,
        count,
        state,
        results,
        RING,
        train_feed.windows.wrap(options),
        options.batch_size,
    );
    let update = forward_backward.end..l.list.dispatches.len();

    let test = l.feed(&eval_feed, data, options, state, &mut windowed, true);
    let (values, _) = l.forward(&test.inputs, options.eval_batch_size, Phase::Evaluate);
    let rows = l.losses(&values, &test, options.eval_batch_size, false);
    batch::finish_evaluation(
        &mut l.list,
        tuning,
        "finish evaluation",
        rows.rows,
        rows.count,
        test.batch,
        state,
        eval_results,
        eval_batches,
    );
    let evaluate = update.end..l.list.dispatches.len();
    if let Some(why) = l.list.failure.take() {
        return Err(ProgramError::Grid { why });
    }

    Ok(Lowered {
        list: l.list,
        slices,
        forward_backward,
        update,
        evaluate,
        windowed,
        parameters: l.parameters,
        parameter_arena,
        momentum_arena,
        statistic_arena,
        gradients: l.gradients,
        state,
        results,
        eval_results,
        eval_batches,
        chunks: (chunk_table, chunks),
        train_feed,
        eval_feed,
    })
}

/// What the network wants of the data set, and the data set of the batch size.
fn check(net: &Network, data: &Dataset, options: &ProgramOptions) -> Result<(), ProgramError> {
    let fit = |why: String| ProgramError::Fit {
        data: data.name.clone(),
        why,
    };
    if net.losses().is_empty() {
        return Err(crate::model::ModelError::NoLoss.into());
    }
    if options.batch_size == 0 || options.batch_size as usize > data.train.len {
        return Err(ProgramError::Batch {
            batch: options.batch_size,
            samples: data.train.len,
        });
    }
    if data.test.len == 0 || options.eval_batch_size == 0 {
        return Err(fit("there is no test sample to evaluate on".into()));
    }
    for node in net.nodes() {
        if let NodeKind::Input(field) = node.kind {
            for split in [&data.train, &data.test] {
                let Some(column) = split.inputs.get(field) else {
                    return Err(fit(format!(
                        "the network reads input {field} and there are {}",
                        split.inputs.len()
                    )));
                };
                if column.field.elements() != node.shape.elements() as usize {
                    return Err(fit(format!(
                        "input {:?} has {} elements a sample and the network reads {}",
                        column.field.name,
                        column.field.elements(),
                        node.shape.elements()
                    )));
                }
            }
        }
    }
    // Sizes are 32-bit from here on.
    let images = u64::from(options.batch_size.max(options.eval_batch_size));
    let values = net.nodes().iter().map(|node| {
        let Shape {
            channels,
            height,
            width,
        } = node.shape;
        let quads = [channels, height, width.div_ceil(4)]
            .into_iter()
            .fold(images, |all, n| all.saturating_mul(u64::from(n)));
        (&node.name, quads)
    });
    let parameters = net
        .parameters()
        .iter()
        .map(|p| (&p.name, p.layout.quads() as u64));
    for (name, quads) in values.chain(parameters) {
        let bytes = quads.saturating_mul(16);
        if bytes >= ADDRESSABLE {
            return Err(ProgramError::TooLarge {
                tensor: name.clone(),
                bytes,
                limit: ADDRESSABLE - 1,
            });
        }
    }
    for loss in net.losses() {
        if data.train.targets.len() <= loss.target || data.test.targets.len() <= loss.target {
            return Err(fit(format!(
                "a loss wants target {} and there are {}",
                loss.target,
                data.train.targets.len()
            )));
        }
        let classes = net.nodes()[loss.logits.0].shape.elements() as usize;
        let most = [&data.train, &data.test]
            .into_iter()
            .flat_map(|s| s.targets[loss.target].values())
            .fold(0.0, f64::max);
        if most >= classes as f64 {
            return Err(fit(format!(
                "a label is {most} and the network has {classes} classes, 0 to {}",
                classes - 1
            )));
        }
    }
    Ok(())
}

type Ranges = Vec<(u64, u64, u32)>;

/// Lays the parameters out: trained ones first, then frozen ones; running statistics in an arena of their own.
fn arenas(
    net: &Network,
    list: &mut List,
    slices: &mut HashMap<Tensor, Slice>,
) -> (Vec<Tensor>, [Tensor; 4], Ranges) {
    let (mut trained, mut frozen, mut statistics) = (0, 0, 0);
    let size = |quads: usize| (quads as u64).next_multiple_of(ALIGN);
    let total: u64 = net
        .parameters()
        .iter()
        .filter(|p| p.trained())
        .map(|p| size(p.layout.quads()))
        .sum();
    let mut ranges = vec![];
    let mut places = vec![];
    for spec in net.parameters() {
        let quads = size(spec.layout.quads());
        let at = match (spec.kind.trained(), spec.frozen) {
            (false, _) => &mut statistics,
            (true, true) => &mut frozen,
            (true, false) => &mut trained,
        };
        let first = *at
            + if spec.kind.trained() && spec.frozen {
                total
            } else {
                0
            };
        *at += quads;
        if spec.trained() {
            ranges.push((first, spec.layout.quads() as u64, 0));
        }
        let role = if spec.kind.trained() {
            Role::Parameter
        } else {
            Role::Statistic
        };
        places.push((
            list.tensor(spec.name.clone(), role, spec.layout.quads() as u64),
            first,
        ));
    }
    let arena = [
        list.tensor("parameters", Role::Parameter, (total + frozen).max(1)),
        list.tensor("momentum", Role::Momentum, total.max(1)),
        list.tensor("running statistics", Role::Statistic, statistics.max(1)),
        list.tensor("gradients", Role::Gradient, total.max(1)),
    ];
    for (tensor, first) in &places {
        let of = if list.info(*tensor).role == Role::Parameter {
            arena[0]
        } else {
            arena[2]
        };
        slices.insert(
            *tensor,
            Slice {
                arena: of,
                first_quad: *first,
            },
        );
    }
    (places.into_iter().map(|(t, _)| t).collect(), arena, ranges)
}

/// A batch on the device.
struct Fed {
    batch: Tensor,
    inputs: Vec<Tensor>,
    targets: Vec<Tensor>,
}

/// Losses of a batch, a row each.
struct Rows {
    rows: Tensor,
    count: u32,
    /// By loss.
    dlogits: Vec<Option<Tensor>>,
}

type Values = HashMap<Value, Tensor>;

impl Lowering<'_> {
    /// Appends what brings a batch from the resident data: the order, the inputs, the targets.
    fn feed(
        &mut self,
        feed: &Feed,
        data: &Dataset,
        options: &ProgramOptions,
        state: Tensor,
        windowed: &mut HashMap<usize, Vec<Dispatch>>,
        evaluate: bool,
    ) -> Fed {
        let (size, split) = if evaluate {
            (options.eval_batch_size, &data.test)
        } else {
            (options.batch_size, &data.train)
        };
        let list = &mut self.list;
        let name = if evaluate { "evaluation" } else { "training" };
        let batch = list.buffer(
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
                list.tensor(format!("{name} input {field}"), Role::Activation, quads)
            })
            .collect();
        let targets: Vec<Tensor> = (0..split.targets.len())
            .map(|t| {
                list.buffer(
                    format!("{name} target {t}"),
                    Role::Activation,
                    u64::from(size).div_ceil(4),
                )
            })
            .collect();
        let first = list.dispatches.len();
        for window in 0..feed.windows.count() {
            let from = list.dispatches.len();
            let order = feed.windows.order(window, options, evaluate);
            batch::order(
                list,
                self.tuning,
                &format!("{name} order"),
                state,
                batch,
                order,
            );
            for ((field, shape), out) in shapes.iter().zip(&inputs) {
                let column = &feed.inputs[*field];
                let label = format!("{name} gather {field}");
                let shards = feed.windows.shards(window, column);
                batch::gather(
                    list,
                    self.tuning,
                    &label,
                    batch,
                    &shards,
                    *out,
                    size,
                    *shape,
                    data.scale as f32,
                    data.mean as f32,
                    data.std as f32,
                );
            }
            for (target, out) in targets.iter().enumerate() {
                let label = format!("{name} gather target {target}");
                let shards = feed.windows.shards(window, &feed.targets[target]);
                batch::gather_labels(list, self.tuning, &label, batch, &shards, *out, size);
            }
            // The list keeps the first window's form; the others stand beside it.
            let forms: Vec<Dispatch> = if window == 0 {
                list.dispatches[from..].to_vec()
            } else {
                list.dispatches.split_off(from)
            };
            if feed.windows.count() > 1 {
                for (at, form) in forms.into_iter().enumerate() {
                    windowed.entry(first + at).or_default().push(form);
                }
            }
        }
        Fed {
            batch,
            inputs,
            targets,
        }
    }

    fn forward(
        &mut self,
        inputs: &[Tensor],
        images: u32,
        phase: Phase,
    ) -> (Values, Vec<Vec<Tensor>>) {
        let mut values: Values = HashMap::new();
        for (at, node) in self.net.nodes().iter().enumerate() {
            if let NodeKind::Input(field) = node.kind {
                values.insert(Value(at), inputs[field]);
            }
        }
        let mut saved = vec![];
        for stage in &self.stages {
            let node = &self.net.nodes()[stage.node];
            let shape = self.net.nodes()[stage.output.0].shape;
            let suffix = if phase == Phase::Train {
                ""
            } else {
                " (evaluation)"
            };
            let quads = u64::from(images) * u64::from(shape.quads());
            let output = self.list.tensor(
                format!("{}.output{suffix}", node.name),
                Role::Activation,
                quads,
            );
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
            }));
        }
        (values, saved)
    }

    fn losses(&mut self, values: &Values, fed: &Fed, size: u32, train: bool) -> Rows {
        let count = size * self.net.losses().len() as u32;
        let rows = self
            .list
            .buffer("loss rows", Role::Scratch, u64::from(count));
        let mut dlogits = vec![];
        for (at, loss) in self.net.losses().iter().enumerate() {
            let classes = self.net.nodes()[loss.logits.0].shape.elements();
            let quads = u64::from(size) * u64::from(Shape::vector(classes).quads());
            let gradient = train.then(|| {
                self.list
                    .tensor(format!("logits {at} gradient"), Role::Activation, quads)
            });
            loss::cross_entropy(
                &mut self.list,
                self.tuning,
                &format!("cross entropy {at}"),
                fed.batch,
                fed.targets[loss.target],
                values[&loss.logits],
                gradient,
                rows,
                at as u32 * size,
                size,
                classes,
                loss.weight,
            );
            dlogits.push(gradient);
        }
        Rows {
            rows,
            count,
            dlogits,
        }
    }

    fn backward(
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

impl Windows {
    /// Steps after which the device itself starts the next epoch; 0: the host moves between windows.
    fn wrap(&self, options: &ProgramOptions) -> u32 {
        if self.count() == 1 || options.order == Order::Sequential {
            self.steps_per_epoch(options.batch_size)
        } else {
            0
        }
    }
}
