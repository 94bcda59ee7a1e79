// The end of an evaluation batch, in one workgroup: (sum of losses, correct, valid, correct of even number) into its
// row of the results, then the counter of batches moves on, from the last to the first. Sums are added in a fixed order.
struct Sizes {
    rows: u32, batches: u32,   // loss rows, batches of an evaluation
}
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> rows: array<vec4<f32>>;
fn load_rows(i: u32) -> vec4<f32> { return rows[i]; }
@group(0) @binding(2) var<storage, read> batch: array<u32>;
@group(0) @binding(3) var<storage, read_write> state: array<u32>;
@group(0) @binding(4) var<storage, read_write> results: array<vec4<f32>>;
const W = 64u; //@const
const EVALUATION_BATCH = 3u;

var<workgroup> part: array<vec4<f32>, W>;

@compute @workgroup_size(W)
fn main(@builtin(local_invocation_index) lane: u32) {
    var sums = vec4<f32>(); // loss, correct, not finite, correct and of even number
    for (var i = lane; i < sizes.rows; i += W) { sums += load_rows(i); }
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
    let whole = part[0];
    let at = state[EVALUATION_BATCH];
    results[at] = vec4<f32>(whole.x, whole.y, f32(batch[0]), whole.w);
    state[EVALUATION_BATCH] = (at + 1u) % sizes.batches;
}
