// Snippet of optim/update; what stands above the mark makes the file valid on its own.
struct Sizes { first: u32, end: u32, groups_x: u32, schedule: u32, rows: u32, groups: u32 }
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(2) var<storage, read> state: array<u32>;
//@begin
// The row of this step in the schedule, one for each group: learning rate, two factors of the rule, momentum. The last
// row holds for all steps after it. A skipped step takes none.
const STEP = 0u;
const SKIPPED = 12u;
fn step_row(at: u32, group: u32) -> vec4<f32> {
    let word = sizes.schedule + 4u * (min(state[STEP] - state[SKIPPED], sizes.rows - 1u) * sizes.groups + group);
    return bitcast<vec4<f32>>(vec4<u32>(state[word], state[word + 1u], state[word + 2u], state[word + 3u]));
}
