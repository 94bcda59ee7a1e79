// One step of stochastic gradient descent as PyTorch's: decay, momentum without dampening, Nesterov. A workgroup takes a
// chunk of the arenas, all of one parameter group, and writes the sum of its squared gradients, added in a fixed order.
struct Sizes {
    first: u32, end: u32, groups_x: u32,   // chunks of these arenas, workgroups in a row of the grid
}
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> chunks: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> state: array<u32>;
@group(0) @binding(3) var<storage, read> grads: array<vec4<f32>>;
fn load_grads(i: u32) -> vec4<f32> { return grads[i]; }
@group(0) @binding(4) var<storage, read_write> params: array<vec4<f32>>;
fn load_params(i: u32) -> vec4<f32> { return params[i]; }
fn store_params(i: u32, v: vec4<f32>) { params[i] = v; }
@group(0) @binding(5) var<storage, read_write> momenta: array<vec4<f32>>;
fn load_momenta(i: u32) -> vec4<f32> { return momenta[i]; }
fn store_momenta(i: u32, v: vec4<f32>) { momenta[i] = v; }
@group(0) @binding(6) var<storage, read_write> norm_partials: array<vec4<f32>>;
fn store_norm_partials(i: u32, v: vec4<f32>) { norm_partials[i] = v; }
const W = 64u; //@const
const GROUPS = 8u; //@const
const GROUP_WORDS = 4u; //@const

var<workgroup> part: array<f32, W>;

@compute @workgroup_size(W)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let n = sizes.first + group.y * sizes.groups_x + group.x;
    if (n >= sizes.end) { return; }
    let chunk = chunks[n]; // first quad, quads, group
    let settings = GROUPS + GROUP_WORDS * chunk.z;
    let lr = bitcast<f32>(state[settings]);
    let momentum = bitcast<f32>(state[settings + 1u]);
    let decay = bitcast<f32>(state[settings + 2u]);
    let nesterov = state[settings + 3u] != 0u;
    var squares = vec4<f32>();
    for (var q = lane; q < chunk.y; q += W) {
        let i = chunk.x + q;
        let raw = load_grads(i);
        squares += raw * raw;
        let param = load_params(i);
        let grad = raw + decay * param;
        let buffer = momentum * load_momenta(i) + grad;
        store_momenta(i, buffer);
        store_params(i, param - lr * select(buffer, grad + momentum * buffer, nesterov));
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
