//! From a graph to lists of symbolic dispatches: a batch, forward, the losses, backward, the update; and evaluation.

use std::collections::HashMap;
use std::ops::Range;

use super::arenas::Arenas;
use super::data::Feed;
use super::fit::{ADDRESSABLE, check};
use super::fuse::{Stage, stages};
use super::windows::Windows;
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
    pub arenas: Arenas,
    /// Dispatches of the three lists.
    pub forward_backward: Range<usize>,
    pub update: Range<usize>,
    pub evaluate: Range<usize>,
    /// Forms of a dispatch by window, the first being the one in the list.
    pub windowed: HashMap<usize, Vec<Dispatch>>,
    pub state: Tensor,
    /// Its words before the first step.
    pub state_words: Vec<u32>,
    pub results: Tensor,
    pub eval_results: Tensor,
    pub eval_batches: u32,
    /// What holds the update rule's table.
    pub chunks: Tensor,
    pub train_feed: Feed,
    pub eval_feed: Feed,
}

/// A network being lowered.
pub(super) struct Lowering<'a> {
    pub net: &'a Network,
    pub stages: Vec<Stage>,
    pub tuning: &'a Tuning,
    pub list: List,
    pub parameters: &'a [Tensor],
    pub gradients: &'a [Option<Tensor>],
}

/// Most bytes of what the host divides over several buffers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// A shard of the data set.
    pub shard: u64,
    /// An arena.
    pub arena: u64,
}

impl Limits {
    /// What the options ask for, where a device binds at most `data` bytes of the data set and `arena` of an arena.
    pub fn new(options: &ProgramOptions, data: u64, arena: u64) -> Limits {
        Limits {
            shard: options.shard_limit.unwrap_or(u64::MAX).min(data),
            // The update kernel addresses a whole arena.
            arena: options
                .arena_limit
                .unwrap_or(u64::MAX)
                .min(arena)
                .min(ADDRESSABLE - 1),
        }
    }
}

/// The dispatches of a program before a device gives their tensors places: of training, of the update and of evaluation,
/// then the forms that other windows of the data set need. The limits in `options` stand for what the device can bind.
///
/// # Errors
/// The network and the data do not fit each other, or a kernel is larger than any device runs.
pub fn dispatches(
    network: &Network,
    data: &Dataset,
    options: &ProgramOptions,
) -> Result<List, ProgramError> {
    let limits = Limits::new(options, u64::MAX, u64::MAX);
    let lowered = lower(network, data, options, limits)?;
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
    limits: Limits,
) -> Result<Lowered, ProgramError> {
    check(net, data, options)?;
    let mut list = List::default();
    let rule = &options.update_rule;
    let arenas = Arenas::new(net, &mut list, rule.state(), limits.arena)?;
    let groups: Vec<Vec<u32>> = options.groups.iter().map(|g| rule.group_words(g)).collect();
    let state_words = batch::state::words(&groups);
    let state = list.integers("state", Role::State, state_words.len().div_ceil(4) as u64);
    let results = list.buffer("results", Role::Results, u64::from(RING));
    let eval_batches = (data.test.len as u32).div_ceil(options.eval_batch_size);
    let tasks = net.losses().len() as u32;
    let eval_results = list.buffer(
        "evaluation results",
        Role::Results,
        u64::from(eval_batches * (tasks + 1)),
    );
    let train_feed = Feed::new(
        &mut list,
        "train",
        &data.train,
        options,
        limits.shard,
        false,
    )?;
    let eval_feed = Feed::new(&mut list, "test", &data.test, options, limits.shard, true)?;

    let mut l = Lowering {
        net,
        stages: stages(net),
        tuning: &options.tuning,
        list,
        parameters: &arenas.tensors,
        gradients: &arenas.gradients,
    };

    let mut windowed = HashMap::new();
    let train = l.feed(&train_feed, data, options, state, &mut windowed, false);
    let (values, saved) = l.forward(&train.inputs, options.batch_size, Phase::Train);
    let rows = l.losses(&values, &train, options.batch_size, true);
    l.backward(&values, &saved, &rows.dlogits, options.batch_size);
    let forward_backward = 0..l.list.dispatches.len();

    let count = arenas.chunks.len() as u32;
    let chunks = l
        .list
        .integers("optimizer chunks", Role::State, u64::from(count));
    let partials = l
        .list
        .buffer("gradient norm partials", Role::Scratch, u64::from(count));
    let tuning = &options.tuning;
    for (at, arena) in arenas.parameters.iter().enumerate() {
        let Some(trained) = &arena.trained else {
            continue;
        };
        let label = match at {
            0 => rule.name().to_owned(),
            _ => format!("{} {at}", rule.name()),
        };
        let update = optim::Update {
            chunks,
            range: trained.chunks.clone(),
            parameters: arena.parameters,
            gradients: trained.gradients,
            optimizer_state: &trained.optimizer_state,
            state,
            norm_partials: partials,
        };
        rule.push(&mut l.list, tuning, &label, &update);
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
        options.eval_batch_size,
        tasks,
        test.batch,
        state,
        eval_results,
        eval_batches,
    );
    let evaluate = update.end..l.list.dispatches.len();
    let mut list = l.list;
    if let Some(why) = list.failure.take() {
        return Err(ProgramError::Grid { why });
    }

    Ok(Lowered {
        list,
        arenas,
        forward_backward,
        update,
        evaluate,
        windowed,
        state,
        state_words,
        results,
        eval_results,
        eval_batches,
        chunks,
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
