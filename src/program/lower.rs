//! From a graph to lists of symbolic dispatches: a batch, forward, the losses, backward, the update; and evaluation.

use std::collections::HashMap;
use std::ops::Range;

use super::arenas::{Slice, arenas};
use super::data::{Feed, Windows};
use super::fit::check;
use super::fuse::{Stage, stages};
use super::{Order, ProgramError, ProgramOptions};
use crate::data::Dataset;
use crate::kernels::{Dispatch, List, Role, Tensor, Tuning, batch, optim};
use crate::model::{Network, Phase, Value};

/// Results that the ring holds: no more steps fit a submit.
pub(super) const RING: u32 = 256;

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

/// A network being lowered.
pub(super) struct Lowering<'a> {
    pub net: &'a Network,
    pub stages: Vec<Stage>,
    pub tuning: &'a Tuning,
    pub list: List,
    pub parameters: Vec<Tensor>,
    pub gradients: Vec<Option<Tensor>>,
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

/// A batch on the device.
pub(super) struct Fed {
    pub batch: Tensor,
    pub inputs: Vec<Tensor>,
    pub targets: Vec<Tensor>,
}

/// Losses of a batch, a row each.
pub(super) struct Rows {
    pub rows: Tensor,
    pub count: u32,
    /// By loss.
    pub dlogits: Vec<Option<Tensor>>,
}

/// Tensors by value.
pub(super) type Values = HashMap<Value, Tensor>;
