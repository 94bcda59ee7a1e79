//! Kernels for software devices (Mesa's llvmpipe, SwiftShader), where an image reads several times faster than a buffer.
//!
//! Operands live in rgba32float images; a lane reads a value once and the subgroup shares it by shuffles. The subgroup must
//! have exactly [`Tuning::texel`](super::Tuning) lanes: 4, 8 or 16. `gemm` and `conv` hand over to this module in one line
//! each, so that their kernels can be read without it.

pub(super) mod conv;
pub(super) mod gemm;

/// Subgroups in a workgroup, at most `most`: the number that covers `quads`, one per lane, with the fewest idle subgroups.
fn subgroups(lanes: u32, quads: u32, most: u32) -> u32 {
    let all = quads.div_ceil(lanes);
    (1..=most)
        .min_by_key(|&n| (all.next_multiple_of(n), most - n))
        .unwrap_or(1)
}
