// The sum of the squared gradients of each chunk, added in the order of optim/update, before an update that clips them.
struct Sizes {
    first: u32, end: u32, groups_x: u32,   // chunks of these arenas, workgroups in a row of the grid
}
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> chunks: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> grads: array<vec4<f32>>;
fn load_grads(i: u32) -> vec4<f32> { return grads[i]; }
@group(0) @binding(3) var<storage, read_write> norm_partials: array<vec4<f32>>;
fn store_norm_partials(i: u32, v: vec4<f32>) { norm_partials[i] = v; }
const W = 64u; //@const

var<workgroup> part: array<f32, W>;

@compute @workgroup_size(W)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let n = sizes.first + group.y * sizes.groups_x + group.x;
    if (n >= sizes.end) { return; }
    let chunk = chunks[n]; // first quad, quads, group
    var squares = vec4<f32>();
    for (var q = lane; q < chunk.y; q += W) {
        let raw = load_grads(chunk.x + q);
        squares += raw * raw;
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
