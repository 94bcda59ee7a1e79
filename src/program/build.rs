//! Builds the commands of a plan: allocates memory, uploads the data, compiles pipelines and binds operands.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use super::ProgramError;
use super::binding::binding_kind;
use super::data::{ShardedColumn, ShardedSplit};
use super::lower::Lowered;
use super::plan::Plan;
use crate::data::{Column, Dataset, Split};
use crate::device::{BindingKind, Bound, Command, Gpu, Memory, PipelineCache, Step};
use crate::kernels::count::{CountError, Counted, Counter, Inputs};
use crate::kernels::{Composed, Dispatch, Storage, Stored, Tensor};

/// Slots of the size table start at multiples of this many words: 256 bytes, an alignment that suits every device.
const SLOT_WORDS: usize = 64;

/// A composed dispatch with the words of its size table.
#[derive(Debug)]
pub(super) struct ComposedDispatch {
    pub composed: Composed,
    pub words: Vec<u32>,
    /// Counts its FLOPs.
    pub counter: Arc<Counter>,
}

#[derive(Debug)]
pub(super) struct Built {
    pub memory: Vec<Memory>,
    pub steps: Vec<Step>,
    pub filled: Vec<ComposedDispatch>,
}

pub(super) fn build(
    gpu: &Gpu,
    cache: &mut PipelineCache,
    lowered: &Lowered,
    plan: &Plan,
    data: &Dataset,
) -> Result<Built, ProgramError> {
    let memory: Vec<Memory> = plan
        .slots
        .iter()
        .map(|slot| gpu.allocate(&slot.label, slot.bytes, slot.image))
        .collect();
    upload(gpu, &memory, plan, &lowered.train_shards, &data.train)?;
    upload(gpu, &memory, plan, &lowered.eval_shards, &data.test)?;
    if let Some(place) = plan.places.get(&lowered.chunks) {
        gpu.write(
            &memory[place.slot],
            0,
            bytemuck::cast_slice(lowered.arenas.chunks.as_flattened()),
        );
    }

    for (tensor, words) in &lowered.list.constants {
        if let Some(place) = plan.places.get(tensor) {
            gpu.write(
                &memory[place.slot],
                place.offset(),
                bytemuck::cast_slice(words),
            );
        }
    }

    // Every dispatch, then its variants for the shard windows.
    let mut words = vec![];
    let mut fill = |dispatch: &Dispatch| -> Result<(ComposedDispatch, usize), ProgramError> {
        let filled = filled(dispatch, plan)?;
        let at = words.len();
        words.extend_from_slice(&filled.words);
        words.resize(words.len().next_multiple_of(SLOT_WORDS), 0);
        Ok((filled, at))
    };
    let mut list = vec![];
    let mut variants: HashMap<usize, Vec<(ComposedDispatch, usize)>> = HashMap::new();
    for (at, dispatch) in lowered.list.dispatches.iter().enumerate() {
        list.push(fill(dispatch)?);
        for variant in lowered.window_variants.get(&at).into_iter().flatten() {
            variants.entry(at).or_default().push(fill(variant)?);
        }
    }
    let sizes = gpu.uniform("sizes", &words);

    let mut command = |dispatch: &Dispatch,
                       filled: &ComposedDispatch,
                       at: usize|
     -> Result<Command, ProgramError> {
        let mut kinds = vec![BindingKind::Uniform];
        let mut bound = vec![Bound {
            memory: &sizes,
            offset: at as u64 * 4,
            bytes: (filled.words.len() as u64 * 4).next_multiple_of(16),
        }];
        for operand in &filled.composed.operands {
            let tensor = operand_tensor(dispatch, &operand.name)?;
            let place = &plan.places[&tensor];
            kinds.push(binding_kind(operand));
            bound.push(Bound {
                memory: &memory[place.slot],
                offset: place.offset(),
                bytes: place.bytes(),
            });
        }
        let pipeline = cache.get(&dispatch.label, &filled.composed.wgsl, &kinds)?;
        Ok(gpu.command(&dispatch.label, pipeline, &bound, dispatch.grid))
    };
    let mut steps = vec![];
    for (at, dispatch) in lowered.list.dispatches.iter().enumerate() {
        steps.push(
            match (variants.get(&at), lowered.window_variants.get(&at)) {
                (Some(filled), Some(dispatches)) => {
                    let commands = dispatches
                        .iter()
                        .zip(filled)
                        .map(|(d, (f, at))| command(d, f, *at));
                    Step::Windowed(commands.collect::<Result<_, _>>()?)
                }
                _ => Step::Fixed(command(dispatch, &list[at].0, list[at].1)?),
            },
        );
    }
    gpu.check()?;
    Ok(Built {
        memory,
        steps,
        filled: list.into_iter().map(|(filled, _)| filled).collect(),
    })
}

impl ComposedDispatch {
    /// The work of `dispatch`, counted from its code: long products take some milliseconds, so this waits until a summary is
    /// wanted.
    pub fn work(&self, dispatch: &Dispatch) -> Result<Counted, CountError> {
        // Where images begin decides nothing, so layers of one shape are counted once.
        let mut words = dispatch.sizes.clone();
        words.resize(self.words.len(), 0);
        self.counter.count(&Inputs {
            others: &[],
            sizes: &words,
            workgroups: dispatch.grid,
            passes: dispatch.passes,
        })
    }
}

/// Composes a dispatch for the places of its operands; the first quad of each image is appended to the size table.
fn filled(dispatch: &Dispatch, plan: &Plan) -> Result<ComposedDispatch, ProgramError> {
    let place = |name: &str| {
        dispatch
            .operands
            .iter()
            .find(|(n, _)| *n == name)
            .and_then(|(_, t)| plan.places.get(t))
    };
    let composed = dispatch
        .compose(|name| match place(name) {
            Some(place) => Stored {
                storage: match place.image {
                    true => Storage::Image,
                    false => Storage::Buffer,
                },
                dtype: place.dtype,
            },
            None => Storage::Buffer.into(),
        })
        .map_err(|why| ProgramError::Compose {
            why: format!("{} ({why})", dispatch.label),
        })?;
    let mut words = dispatch.sizes.clone();
    for operand in composed
        .operands
        .iter()
        .filter(|o| o.storage == Storage::Image)
    {
        words.push(place(&operand.name).map_or(0, |p| p.first_quad as u32));
    }
    let counter = Counter::of(&composed.wgsl).map_err(|why| ProgramError::Compose {
        why: format!("{} ({why})", dispatch.label),
    })?;
    Ok(ComposedDispatch {
        composed,
        words,
        counter,
    })
}

fn operand_tensor(dispatch: &Dispatch, name: &str) -> Result<Tensor, ProgramError> {
    let found = dispatch.operands.iter().find(|(n, _)| *n == name);
    found.map(|(_, t)| *t).ok_or_else(|| ProgramError::Compose {
        why: format!("{} does not bind {name}", dispatch.label),
    })
}

fn upload(
    gpu: &Gpu,
    memory: &[Memory],
    plan: &Plan,
    shards: &ShardedSplit,
    split: &Split,
) -> Result<(), ProgramError> {
    if shards.streamed {
        return Ok(());
    }
    let column = |sharded: &ShardedColumn, column: &Column| -> Result<(), ProgramError> {
        for (tensor, shard) in sharded.tensors.iter().zip(&sharded.shards) {
            if let Some(place) = plan.places.get(tensor) {
                gpu.write(&memory[place.slot], 0, &column.shard_bytes(shard)?);
                column.bytes.release(shard.bytes.clone());
            }
        }
        Ok(())
    };
    for (sharded, of) in shards
        .inputs
        .iter()
        .zip(&split.inputs)
        .chain(shards.targets.iter().zip(&split.targets))
    {
        column(sharded, of)?;
    }
    Ok(())
}

pub(super) fn part(steps: &[Step], range: &Range<usize>) -> Vec<Step> {
    steps[range.clone()].to_vec()
}
