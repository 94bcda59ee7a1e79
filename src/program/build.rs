//! From a plan to prebuilt commands: memory allocated, data uploaded, pipelines compiled, operands bound.

use std::collections::HashMap;
use std::ops::Range;

use super::ProgramError;
use super::data::{Feed, ShardedColumn};
use super::lower::Lowered;
use super::plan::Plan;
use crate::data::{Column, Dataset, Split};
use crate::device::{BindingKind, Bound, Command, Gpu, Memory, PipelineCache, Step};
use crate::kernels::{Access, Composed, Dispatch, Storage, Tensor};

/// Slots of the size table start at multiples of this many words: 256 bytes, which every device aligns to.
const SLOT_WORDS: usize = 64;

/// A dispatch with its filled shader and size table.
#[derive(Debug)]
pub(super) struct Filled {
    pub composed: Composed,
    pub words: Vec<u32>,
}

#[derive(Debug)]
pub(super) struct Built {
    pub memory: Vec<Memory>,
    pub steps: Vec<Step>,
    pub filled: Vec<Filled>,
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
    upload(gpu, &memory, plan, &lowered.train_feed, &data.train)?;
    upload(gpu, &memory, plan, &lowered.eval_feed, &data.test)?;
    if let Some(place) = plan.places.get(&lowered.chunks) {
        gpu.write(
            &memory[place.slot],
            0,
            bytemuck::cast_slice(lowered.arenas.chunks.as_flattened()),
        );
    }

    // Every dispatch in every form: the list's own first, then the other windows'.
    let mut words = vec![];
    let mut fill = |dispatch: &Dispatch| -> Result<(Filled, usize), ProgramError> {
        let filled = filled(dispatch, plan)?;
        let at = words.len();
        words.extend_from_slice(&filled.words);
        words.resize(words.len().next_multiple_of(SLOT_WORDS), 0);
        Ok((filled, at))
    };
    let mut list = vec![];
    let mut forms: HashMap<usize, Vec<(Filled, usize)>> = HashMap::new();
    for (at, dispatch) in lowered.list.dispatches.iter().enumerate() {
        list.push(fill(dispatch)?);
        for form in lowered.windowed.get(&at).into_iter().flatten() {
            forms.entry(at).or_default().push(fill(form)?);
        }
    }
    let sizes = gpu.uniform("sizes", &words);

    let mut command =
        |dispatch: &Dispatch, filled: &Filled, at: usize| -> Result<Command, ProgramError> {
            let mut kinds = vec![BindingKind::Uniform];
            let mut bound = vec![Bound::Uniform(
                &sizes,
                at as u64 * 4,
                (filled.words.len() as u64 * 4).next_multiple_of(16),
            )];
            for operand in &filled.composed.operands {
                let tensor = operand_tensor(dispatch, &operand.name)?;
                let place = &plan.places[&tensor];
                kinds.push(match (operand.storage, operand.access) {
                    (Storage::Buffer, Access::Read) => BindingKind::StorageRead,
                    (Storage::Buffer, _) => BindingKind::StorageReadWrite,
                    (Storage::Image, Access::Read) => BindingKind::ImageRead,
                    (Storage::Image, Access::Write) => BindingKind::ImageWrite,
                    (Storage::Image, Access::Update) => BindingKind::ImageReadWrite,
                });
                bound.push(Bound::Memory(
                    &memory[place.slot],
                    place.offset(),
                    place.bytes(),
                ));
            }
            let pipeline = cache.get(&dispatch.label, &filled.composed.wgsl, &kinds)?;
            Ok(gpu.command(&dispatch.label, pipeline, &bound, dispatch.grid))
        };
    let mut steps = vec![];
    for (at, dispatch) in lowered.list.dispatches.iter().enumerate() {
        steps.push(match (forms.get(&at), lowered.windowed.get(&at)) {
            (Some(filled), Some(dispatches)) => {
                let commands = dispatches
                    .iter()
                    .zip(filled)
                    .map(|(d, (f, at))| command(d, f, *at));
                Step::Windowed(commands.collect::<Result<_, _>>()?)
            }
            _ => Step::Fixed(command(dispatch, &list[at].0, list[at].1)?),
        });
    }
    gpu.check()?;
    Ok(Built {
        memory,
        steps,
        filled: list.into_iter().map(|(f, _)| f).collect(),
    })
}

/// Composes a dispatch for the places of its operands; an image's first quad is appended to the size table.
fn filled(dispatch: &Dispatch, plan: &Plan) -> Result<Filled, ProgramError> {
    let place = |name: &str| {
        dispatch
            .operands
            .iter()
            .find(|(n, _)| *n == name)
            .and_then(|(_, t)| plan.places.get(t))
    };
    let composed = dispatch
        .compose(|name| {
            if place(name).is_some_and(|p| p.image) {
                Storage::Image
            } else {
                Storage::Buffer
            }
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
    Ok(Filled { composed, words })
}

fn operand_tensor(dispatch: &Dispatch, name: &str) -> Result<Tensor, ProgramError> {
    let found = dispatch.operands.iter().find(|(n, _)| *n == name);
    found.map(|(_, t)| *t).ok_or_else(|| ProgramError::Compose {
        why: format!("{} binds no {name}", dispatch.label),
    })
}

fn upload(
    gpu: &Gpu,
    memory: &[Memory],
    plan: &Plan,
    feed: &Feed,
    split: &Split,
) -> Result<(), ProgramError> {
    let column = |sharded: &ShardedColumn, column: &Column| -> Result<(), ProgramError> {
        for (tensor, shard) in &sharded.shards {
            if let Some(place) = plan.places.get(tensor) {
                gpu.write(&memory[place.slot], 0, &column.shard_bytes(shard)?);
            }
        }
        Ok(())
    };
    for (sharded, of) in feed
        .inputs
        .iter()
        .zip(&split.inputs)
        .chain(feed.targets.iter().zip(&split.targets))
    {
        column(sharded, of)?;
    }
    Ok(())
}

/// A part of the steps.
pub(super) fn part(steps: &[Step], range: &Range<usize>) -> Vec<Step> {
    steps[range.clone()].to_vec()
}
