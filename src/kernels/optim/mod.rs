//! Update rules over whole arenas of parameters, in chunks. `optim/update` is the shader that all rules share; a rule
//! fills its slot.

mod sgd;

use std::ops::Range;

pub use sgd::{SgdGroup, sgd};

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
    /// The counters and the groups' hyperparameters ([`state`]).
    pub state: Tensor,
    /// Of each chunk, `.x` becomes the sum of its squared gradients, which is not finite when a gradient is not.
    pub norm_partials: Tensor,
}

/// What a rule adds to the shared shader.
struct Rule<'a> {
    /// Fills the slot `rule`; `None`: the shader's own, plain gradient descent.
    snippet: Option<&'static str>,
    /// Names of the optimizer state in the snippet.
    state: &'a [&'static str],
    /// Words of a group's hyperparameters.
    group_words: u32,
}

fn push(list: &mut List, tuning: &Tuning, label: &str, update: &Update<'_>, rule: &Rule<'_>) {
    let tuning = &tuning.for_reductions();
    let mut d = Dispatch::new(label, "optim/update");
    d.slots = rule
        .snippet
        .map(|name| ("rule", name))
        .into_iter()
        .collect();
    d.constants = vec![
        ("W", tuning.lanes),
        ("GROUPS", state::GROUPS),
        ("GROUP_WORDS", rule.group_words),
    ];
    d.operands = vec![
        ("chunks", update.chunks),
        ("state", update.state),
        ("grads", update.gradients),
        ("params", update.parameters),
        ("norm_partials", update.norm_partials),
    ];
    let state = rule.state.iter().copied();
    d.operands
        .extend(state.zip(update.optimizer_state.iter().copied()));
    let count = update.range.end - update.range.start;
    d.grid = fold(u64::from(count));
    d.sizes = vec![update.range.start, update.range.end, d.grid[0]];
    // A chunk's length is data; all chunks together are the arena.
    d.passes = Some(list.info(update.gradients).quads);
    d.once = true;
    list.push(d);
}
