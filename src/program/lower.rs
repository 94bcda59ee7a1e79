//! Lowers a graph to lists of symbolic dispatches: a batch, forward, the losses, backward, the update; and evaluation.

use std::collections::HashMap;
use std::ops::Range;

use super::arenas::{Arenas, Kept};
use super::data::{ShardedSplit, rings};
use super::fit::{ADDRESSABLE, check};
use super::fuse::stages;
use super::losses::evaluation_blocks;
use super::lowering::Lowering;
use super::step_end::{RING, StepEnd};
use super::{ProgramError, ProgramOptions};
use crate::data::Dataset;
use crate::kernels::{Dispatch, List, Precision, Role, Tensor, batch};
use crate::model::{Network, Phase};

/// A lowered network, still without memory.
#[derive(Debug)]
pub(super) struct Lowered {
    pub list: List,
    pub arenas: Arenas,
    /// Ranges of `list.dispatches`.
    pub forward_backward: Range<usize>,
    /// Follows forward and backward of every micro-batch but the last of a step; empty without accumulation.
    pub accumulate: Range<usize>,
    pub update: Range<usize>,
    pub evaluate: Range<usize>,
    /// Ends of the gather, of the forward pass and of the losses within `forward_backward`.
    pub phase_ends: [usize; 3],
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
    let mut list = List {
        precision: options.precision,
        ..List::default()
    };
    let rule = &options.update_rule;
    let kept = Kept {
        optimizer_state: rule.form().state,
        accumulates: options.accumulate > 1,
        halves: options.precision == Precision::F16,
    };
    let arenas = Arenas::new(net, &mut list, kept, limits.arena)?;
    let groups: Vec<Vec<u32>> = options.groups.iter().map(|g| rule.group_words(g)).collect();
    let table = crate::optim::rows(rule.as_ref(), &options.groups, &options.schedule);
    let (mut state_words, schedule) = batch::state::words(&groups, &table);
    if options.precision == Precision::F16 {
        state_words[batch::state::LOSS_SCALE as usize] = options.loss_scale.to_bits();
    }
    let state = list.integers("state", Role::State, state_words.len().div_ceil(4) as u64);
    let results = list.buffer("results", Role::Results, u64::from(RING));
    let eval_batches = (data.test.len as u32).div_ceil(options.eval_batch_size);
    let blocks = evaluation_blocks(net);
    let eval_results = list.buffer(
        "evaluation results",
        Role::Results,
        u64::from(eval_batches * (blocks + 1)),
    );
    let [train_ring, test_ring] = rings(options.data_window, &data.train, &data.test);
    let train_shards = ShardedSplit::new(
        &mut list,
        "train",
        &data.train,
        options,
        limits.shard,
        train_ring,
        false,
    )?;
    let eval_shards = ShardedSplit::new(
        &mut list,
        "test",
        &data.test,
        options,
        limits.shard,
        test_ring,
        true,
    )?;

    let mut l = Lowering {
        net,
        stages: stages(net),
        tuning: &options.tuning,
        list,
        state,
        seed: options.seed,
        parameters: &arenas.read,
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
    let gathered = l.list.dispatches.len();
    l.halve_weights(&arenas);
    let (values, saved) = l.forward(&train.inputs, options.batch_size, Phase::Train);
    let forward = l.list.dispatches.len();
    let rows = l.losses(&values, &train, options.batch_size, true);
    let phase_ends = [gathered, forward, l.list.dispatches.len()];
    l.backward(&values, &saved, &rows.doutputs, options.batch_size);
    let forward_backward = 0..l.list.dispatches.len();

    let windows = &train_shards.windows;
    let per_window = match windows.device_turns_epochs(options.order) {
        true => windows.steps_per_epoch(options.step_samples()) * options.accumulate,
        false => 0,
    };
    let step = StepEnd {
        arenas: &arenas,
        options,
        chunks: l
            .list
            .integers("optimizer chunks", Role::State, arenas.chunks.len() as u64),
        state,
        schedule,
        rows: (rows.rows, rows.count),
        results,
        per_window,
    };
    let chunks = step.chunks;
    step.accumulate(&mut l.list);
    let accumulate = forward_backward.end..l.list.dispatches.len();
    step.update(&mut l.list);
    let update = accumulate.end..l.list.dispatches.len();

    let test = l.gather(
        &eval_shards,
        data,
        options,
        state,
        &mut window_variants,
        true,
    );
    l.halve_weights(&arenas);
    let (values, _) = l.forward(&test.inputs, options.eval_batch_size, Phase::Evaluate);
    let rows = l.losses(&values, &test, options.eval_batch_size, false);
    batch::finish_evaluation(
        &mut l.list,
        &options.tuning,
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
        accumulate,
        update,
        evaluate,
        phase_ends,
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
