// The end of a micro-batch before the last one of a step, in one workgroup: its sums of losses, correct rows and rows that
// are not finite are added to those in the state in a fixed order, then the counters of micro-batches move on.
struct Sizes {
    rows: u32,   // loss rows
}
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> rows: array<vec4<f32>>;
fn load_rows(i: u32) -> vec4<f32> { return rows[i]; }
@group(0) @binding(2) var<storage, read_write> state: array<u32>;
const W = 64u; //@const
const WINDOW_STEP = 2u;
const MICRO_BATCH = 4u;
const SUMS = 6u;

var<workgroup> part: array<vec3<f32>, W>;

@compute @workgroup_size(W)
fn main(@builtin(local_invocation_index) lane: u32) {
    var sums = vec3<f32>(); // loss, correct, rows that are not finite
    for (var i = lane; i < sizes.rows; i += W) { sums += load_rows(i).xyz; }
    part[lane] = sums;
    workgroupBarrier();
    var left = W;
    while (left > 1u) {
        let half = (left + 1u) / 2u;
        if (lane + half < left) { part[lane] += part[lane + half]; }
        workgroupBarrier();
        left = half;
    }
    if (lane != 0u) { return; }
    let earlier = bitcast<vec3<f32>>(vec3<u32>(state[SUMS], state[SUMS + 1u], state[SUMS + 2u]));
    let all = bitcast<vec3<u32>>(earlier + part[0]);
    state[SUMS] = all.x;
    state[SUMS + 1u] = all.y;
    state[SUMS + 2u] = all.z;
    state[WINDOW_STEP] += 1u;
    state[MICRO_BATCH] += 1u;
}
