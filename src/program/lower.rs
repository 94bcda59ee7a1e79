//! Lowers a graph to lists of symbolic dispatches: a batch, forward, the losses, backward, the update; and evaluation.

use std::collections::HashMap;
use std::ops::Range;

use super::arenas::Arenas;
use super::data::ShardedSplit;
use super::fit::{ADDRESSABLE, check};
use super::fuse::{Stage, stages};
use super::losses::evaluation_blocks;
use super::{ProgramError, ProgramOptions};
use crate::data::Dataset;
use crate::kernels::{Dispatch, List, Role, Tensor, Tuning, batch, optim};
use crate::model::{Network, Phase, Value};

/// Rows of the ring of step results.
pub(super) const RING: u32 = 256;

/// A lowered network, still without memory.
#[derive(Debug)]
pub(super) struct Lowered {
    pub list: List,
    pub arenas: Arenas,
    /// Ranges of `list.dispatches`.
    pub forward_backward: Range<usize>,
    pub update: Range<usize>,
    pub evaluate: Range<usize>,
    /// Variants of a dispatch by shard window, the first being the one in the list.
    pub window_variants: HashMap<usize, Vec<Dispatch>>,
    pub state: Tensor,
    /// Its words before the first step.
    pub state_words: Vec<u32>,
    pub results: Tensor,
    pub eval_results: Tensor,
    pub eval_batches: u32,
    /// The table of chunks that updates read.
    pub chunks: Tensor,
    pub train_shards: ShardedSplit,
    pub eval_shards: ShardedSplit,
}

/// A network being lowered.
pub(super) struct Lowering<'a> {
    pub net: &'a Network,
    pub stages: Vec<Stage>,
    pub tuning: &'a Tuning,
    pub list: List,
    /// The counters on the device.
    pub state: Tensor,
    /// Seed of the run.
    pub seed: u32,
    pub parameters: &'a [Tensor],
    pub gradients: &'a [Option<Tensor>],
}

/// Most bytes of a shard of the data set and of an arena.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub shard: u64,
    pub arena: u64,
}

impl Limits {
    /// The limits in `options`, on a device that binds at most `data` bytes of the data set and `arena` bytes of an arena.
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

/// The dispatches of a program before the memory plan: those of forward and backward, of the update and of evaluation, then
/// the variants for other shard windows. The limits in `options` replace those of a device.
///
/// # Errors
/// The network does not fit the data, or a kernel is larger than any device runs.
pub fn dispatches(
    network: &Network,
    data: &Dataset,
    options: &ProgramOptions,
) -> Result<List, ProgramError> {
    let limits = Limits::new(options, u64::MAX, u64::MAX);
    let lowered = lower(network, data, options, limits)?;
    let mut list = lowered.list;
    let mut variants: Vec<_> = lowered.window_variants.into_iter().collect();
    variants.sort_by_key(|(at, _)| *at);
    let others = variants
        .into_iter()
        .flat_map(|(_, variants)| variants.into_iter().skip(1));
    list.dispatches.extend(others);
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
    let blocks = evaluation_blocks(net);
    let eval_results = list.buffer(
        "evaluation results",
        Role::Results,
        u64::from(eval_batches * (blocks + 1)),
    );
    let train_shards = ShardedSplit::new(
        &mut list,
        "train",
        &data.train,
        options,
        limits.shard,
        false,
    )?;
    let eval_shards =
        ShardedSplit::new(&mut list, "test", &data.test, options, limits.shard, true)?;

    let mut l = Lowering {
        net,
        stages: stages(net),
        tuning: &options.tuning,
        list,
        state,
        seed: options.seed,
        parameters: &arenas.tensors,
        gradients: &arenas.gradients,
    };

    let mut window_variants = HashMap::new();
    let train = l.gather(
        &train_shards,
        data,
        options,
        state,
        &mut window_variants,
        false,
    );
    let (values, saved) = l.forward(&train.inputs, options.batch_size, Phase::Train);
    let rows = l.losses(&values, &train, options.batch_size, true);
    l.backward(&values, &saved, &rows.doutputs, options.batch_size);
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
    let windows = &train_shards.windows;
    let steps_per_window = match windows.device_turns_epochs(options.order) {
        true => windows.steps_per_epoch(options.batch_size),
        false => 0,
    };
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
        steps_per_window,
        options.batch_size,
    );
    let update = forward_backward.end..l.list.dispatches.len();

    let test = l.gather(
        &eval_shards,
        data,
        options,
        state,
        &mut window_variants,
        true,
    );
    let (values, _) = l.forward(&test.inputs, options.eval_batch_size, Phase::Evaluate);
    let rows = l.losses(&values, &test, options.eval_batch_size, false);
    batch::finish_evaluation(
        &mut l.list,
        tuning,
        "finish evaluation",
        rows.rows,
        options.eval_batch_size,
        blocks,
        test.samples,
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
        window_variants,
        state,
        state_words,
        results,
        eval_results,
        eval_batches,
        chunks,
        train_shards,
        eval_shards,
    })
}

/// A batch on the device.
pub(super) struct Batch {
    /// The number of samples, then which they are.
    pub samples: Tensor,
    pub inputs: Vec<Tensor>,
    /// By target column: u32 labels, or f32 rows where a sample has several values. Only those that a loss reads are
    /// filled.
    pub targets: Vec<Tensor>,
}

/// The tensor that holds each value.
pub(super) type ValueTensors = HashMap<Value, Tensor>;
