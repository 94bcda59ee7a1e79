// Ends an evaluation batch, in one workgroup: for each task, (sum of losses, correct, sum of losses of the samples with
// an even index, correct of those) go into its row of the results, the number of samples into one more; then the batch
// counter advances and wraps. Sums are added in a fixed order.
struct Sizes {
    rows: u32, tasks: u32, batches: u32,   // loss rows of a task, tasks, batches of an evaluation
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
    let at = state[EVALUATION_BATCH];
    for (var task = 0u; task < sizes.tasks; task++) {
        var sums = vec4<f32>();
        for (var i = lane; i < sizes.rows; i += W) {
            let row = load_rows(task * sizes.rows + i); // loss, correct, not finite, correct and even
            let even = (batch[4u + i] & 1u) == 0u;
            sums += vec4<f32>(row.x, row.y, select(0.0, row.x, even), row.w);
        }
        part[lane] = sums;
        workgroupBarrier();
        var left = W;
        while (left > 1u) {
            let half = (left + 1u) / 2u;
            if (lane + half < left) { part[lane] += part[lane + half]; }
            workgroupBarrier();
            left = half;
        }
        if (lane == 0u) { results[at * (sizes.tasks + 1u) + task] = part[0]; }
        workgroupBarrier();
    }
    if (lane != 0u) { return; }
    results[at * (sizes.tasks + 1u) + sizes.tasks] = vec4<f32>(f32(batch[0]), 0.0, 0.0, 0.0);
    state[EVALUATION_BATCH] = (at + 1u) % sizes.batches;
}
