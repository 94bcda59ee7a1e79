//! Update rules, over whole arenas in chunks; several arenas share a table of them.

use std::ops::Range;

use super::batch::state;
use super::elementwise::{fold, rounds};
use super::{Dispatch, List, Tensor, Tuning};

/// Most quads of a chunk.
pub const CHUNK_QUADS: u64 = 1024;

/// Divides ranges of the arenas, each (first quad, quads, parameter group), into chunks of at most [`CHUNK_QUADS`]: what
/// `sgd` reads as `chunks`, four words a chunk. Quads beyond the 32-bit range cannot be bound, so they cannot occur.
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

/// Appends a step of stochastic gradient descent as PyTorch's `SGD` (decay, momentum without dampening, Nesterov), each
/// group with its settings in `state` ([`state`]).
///
/// `chunks` holds (first quad, quads, group, 0) as u32 ([`chunks`]), of which those in `range` are of these arenas; `params`,
/// `grads` and `momenta` have one layout, `params` and `momenta` updated in place. `norm_partials[chunk].x` becomes the chunk's sum of
/// squared gradients, which is not finite when a gradient is not.
#[allow(
    clippy::too_many_arguments,
    reason = "every argument is a size or an operand"
)]
pub fn sgd(
    list: &mut List,
    tuning: &Tuning,
    label: &str,
    chunks: Tensor,
    range: Range<u32>,
    params: Tensor,
    grads: Tensor,
    momenta: Tensor,
    state: Tensor,
    norm_partials: Tensor,
) {
    let tuning = &tuning.for_reductions();
    let mut d = Dispatch::new(label, "optim/sgd");
    d.constants = vec![
        ("W", tuning.lanes),
        ("GROUPS", state::GROUPS),
        ("GROUP_WORDS", state::GROUP_WORDS),
    ];
    d.operands = vec![
        ("chunks", chunks),
        ("state", state),
        ("grads", grads),
        ("params", params),
        ("momenta", momenta),
        ("norm_partials", norm_partials),
    ];
    let count = range.end - range.start;
    d.grid = fold(u64::from(count));
    d.sizes = vec![range.start, range.end, d.grid[0]];
    // Squared and added; decay, momentum and Nesterov two operations each, the step two; and the trees. A chunk's length
    // is data; all together are at most the arena.
    let trees = u64::from(count) * u64::from(tuning.lanes) * (3 + rounds(tuning.lanes));
    d.flops = 40 * list.info(grads).quads + trees;
    d.once = true;
    list.push(d);
}
