// One step of an update rule. A workgroup takes a chunk of the arenas, all of one parameter group, and writes the sum of
// its squared gradients, added in a fixed order.
struct Sizes {
    first: u32, end: u32, groups_x: u32,      // chunks of these arenas, workgroups in a row of the grid
    schedule: u32, rows: u32, groups: u32,    // first word of the schedule, its rows, parameter groups of a row
}
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> chunks: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> state: array<u32>;
@group(0) @binding(3) var<storage, read> grads: array<vec4<f32>>;
fn load_grads(i: u32) -> vec4<f32> { return grads[i]; }
@group(0) @binding(4) var<storage, read_write> params: array<vec4<f32>>;
fn load_params(i: u32) -> vec4<f32> { return params[i]; }
fn store_params(i: u32, v: vec4<f32>) { params[i] = v; }
@group(0) @binding(5) var<storage, read_write> norm_partials: array<vec4<f32>>;
fn store_norm_partials(i: u32, v: vec4<f32>) { norm_partials[i] = v; }
const W = 64u; //@const
const GROUPS = 16u; //@const
const GROUP_WORDS = 4u; //@const
//@slot step
// A rate that never changes: (learning rate, 1, 1, -1: the momentum is that of the group whose words begin at `at`).
fn step_row(at: u32, group: u32) -> vec4<f32> { return vec4<f32>(bitcast<f32>(state[at]), 1.0, 1.0, -1.0); }
//@end
//@slot clip
// Whether this step changes nothing, the gradients without the loss's scale, and as the rule takes them.
fn skipped() -> bool { return false; }
fn unscaled(grad: vec4<f32>) -> vec4<f32> { return grad; }
fn clipped(grad: vec4<f32>) -> vec4<f32> { return grad; }
//@end
//@slot rule
// Gradient descent with weight decay. The words of a group: learning rate, unused, weight decay.
struct Rule { lr: f32, decay: f32 }
fn rule(at: u32, row: vec4<f32>) -> Rule { return Rule(row.x, bitcast<f32>(state[at + 2u])); }
fn updated(r: Rule, i: u32, param: vec4<f32>, raw: vec4<f32>) -> vec4<f32> {
    let grad = raw + r.decay * param;
    return param - r.lr * grad;
}
//@end

var<workgroup> part: array<f32, W>;

@compute @workgroup_size(W)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let n = sizes.first + group.y * sizes.groups_x + group.x;
    if (n >= sizes.end) { return; }
    if (skipped()) {
        // Marks the step: no norm is negative.
        if (lane == 0u) { store_norm_partials(n, vec4<f32>(-1.0, 0.0, 0.0, 0.0)); }
        return;
    }
    let chunk = chunks[n]; // first quad, quads, group
    let at = GROUPS + GROUP_WORDS * chunk.z;
    let r = rule(at, step_row(at, chunk.z));
    var squares = vec4<f32>();
    for (var q = lane; q < chunk.y; q += W) {
        let i = chunk.x + q;
        let raw = unscaled(load_grads(i));
        squares += raw * raw;
        store_params(i, updated(r, i, load_params(i), clipped(raw)));
    }
    part[lane] = squares.x + squares.y + squares.z + squares.w;
    workgroupBarrier();
    var left = W;
    while (left > 1u) {
        let half = (left + 1u) / 2u;
        if (lane + half < left) { part[lane] += part[lane + half]; }
        workgroupBarrier();
        left = half;
    }
    if (lane == 0u) { store_norm_partials(n, vec4<f32>(part[0], 0.0, 0.0, 0.0)); }
}
