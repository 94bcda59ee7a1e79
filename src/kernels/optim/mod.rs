//! Update rules over whole arenas of parameters, in chunks. `optim/update` is the shader that all rules share; a rule
//! fills its slot.

mod accumulate;
mod clip;
mod rules;

use std::ops::Range;

pub use accumulate::{accumulate, accumulated};
pub use clip::{NormUse, clip_factor, gradient_norm};
pub use rules::*;

use super::batch::state;
use super::elementwise::fold;
use super::{Dispatch, List, Tensor, Tuning};

/// Most quads of a chunk.
pub const CHUNK_QUADS: u64 = 1024;

/// Divides ranges of an arena, each (first quad, quads, parameter group), into chunks of at most [`CHUNK_QUADS`]: what
/// an update reads as `chunks`, four words a chunk. Quads beyond the 32-bit range cannot be bound, so they cannot occur.
pub fn chunks(ranges: &[(u64, u64, u32)]) -> Vec<[u32; 4]> {
    let mut chunks = vec![];
    for &(first, quads, group) in ranges {
        let end = first + quads;
        let mut at = first;
        while at < end {
            let length = (end - at).min(CHUNK_QUADS);
            chunks.push([at as u32, length as u32, group, 0]);
            at += length;
        }
    }
    chunks
}

/// The operands of an update of one arena.
#[derive(Clone, Debug)]
pub struct Update<'a> {
    /// (first quad, quads, group, 0) as u32 ([`chunks`]), those of all arenas.
    pub chunks: Tensor,
    /// Which of the chunks belong to this arena.
    pub range: Range<u32>,
    /// Updated in place.
    pub parameters: Tensor,
    /// In the parameters' layout.
    pub gradients: Tensor,
    /// In the parameters' layout, updated in place; as many as the rule has.
    pub optimizer_state: &'a [Tensor],
    /// The counters, the groups' hyperparameters and the schedule ([`state`]).
    pub state: Tensor,
    /// The schedule in the state; `None`: the learning rates of the groups never change.
    pub schedule: Option<state::Schedule>,
    /// What [`clip_factor`] did with the norm, if anything.
    pub norm_use: Option<NormUse>,
    /// Of each chunk, `.x` becomes the sum of its squared gradients, which is not finite when a gradient is not.
    pub norm_partials: Tensor,
}

/// What a rule adds to the shared shader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    /// Label of its dispatches.
    pub name: &'static str,
    /// Fills the slot `rule`; `None`: the shader's own, plain gradient descent.
    pub snippet: Option<&'static str>,
    /// Names of the tensors that it keeps from step to step, as in the snippet, each with one value per trained
    /// parameter, zero at first.
    pub state: &'static [&'static str],
    /// Words of a group's hyperparameters, the learning rate first.
    pub group_words: u32,
}

/// Appends a step of the rule of `form`, one dispatch.
pub fn update(list: &mut List, tuning: &Tuning, label: &str, update: &Update<'_>, form: &Form) {
    let tuning = &tuning.for_reductions();
    let mut d = Dispatch::new(label, "optim/update");
    d.slots.extend(form.snippet.map(|name| ("rule", name)));
    d.slots
        .extend(update.schedule.map(|_| ("step", "optim/step_scheduled")));
    d.slots.extend(update.norm_use.map(|norm| {
        let scaled = norm.growth_interval.is_some();
        (
            "clip",
            match scaled {
                true => "optim/unscale",
                false => "optim/clip_by_norm",
            },
        )
    }));
    d.constants = vec![
        ("W", tuning.lanes),
        ("GROUPS", state::GROUPS),
        ("GROUP_WORDS", form.group_words),
    ];
    d.operands = vec![
        ("chunks", update.chunks),
        ("state", update.state),
        ("grads", update.gradients),
        ("params", update.parameters),
        ("norm_partials", update.norm_partials),
    ];
    let state = form.state.iter().copied();
    d.operands
        .extend(state.zip(update.optimizer_state.iter().copied()));
    let state::Schedule {
        first_word,
        rows,
        groups,
    } = update.schedule.unwrap_or_default();
    chunked(&mut d, &update.range);
    d.sizes.extend([first_word, rows, groups]);
    d.passes = Some(list.info(update.gradients).quads);
    d.once = true;
    list.push(d);
}

/// A workgroup for each chunk of `range`: the grid and the first three sizes.
fn chunked(d: &mut Dispatch, range: &Range<u32>) {
    let count = range.end - range.start;
    d.grid = fold(u64::from(count));
    d.sizes = vec![range.start, range.end, d.grid[0]];
}
