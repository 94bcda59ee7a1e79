// Dropout, forward and backward: an element passes, divided by the share that passes, where a random number of (key,
// micro-batch, place of the element) is at least the threshold. The mask is the same on every device and is not stored.
struct Sizes {
    quads: u32, groups_x: u32, per: u32,          // quads of x, workgroups in a row of the grid, quads a lane
    key: u32, threshold: u32, scale: f32,         // of the layer; rate times 2^32; one over the share that passes
}
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> state: array<u32>;
@group(0) @binding(2) var<storage, read> x: array<vec4<f32>>;
fn load_x(i: u32) -> vec4<f32> { return x[i]; }
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;
fn store_y(i: u32, v: vec4<f32>) { y[i] = v; }
//@slot finish
fn finish(v: vec4<f32>, i: u32) -> vec4<f32> { return v; }
//@end
const W = 64u; //@const
const MICRO_BATCH = 4u;

// lowbias32.
fn mix32(value: vec4<u32>) -> vec4<u32> {
    var x = value;
    x ^= x >> vec4<u32>(16u);
    x *= vec4<u32>(0x7feb352du);
    x ^= x >> vec4<u32>(15u);
    x *= vec4<u32>(0x846ca68bu);
    x ^= x >> vec4<u32>(16u);
    return x;
}

@compute @workgroup_size(W)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let first = (group.y * sizes.groups_x + group.x) * W * sizes.per + lane;
    let batch = mix32(vec4<u32>(sizes.key) ^ mix32(vec4<u32>(state[MICRO_BATCH] + 1u)));
    for (var n = 0u; n < sizes.per; n++) {
        let i = first + n * W;
        if (i < sizes.quads) {
            let random = mix32(batch + mix32(vec4<u32>(i * 4u) + vec4<u32>(0u, 1u, 2u, 3u)));
            let passes = random >= vec4<u32>(sizes.threshold);
            store_y(i, finish(select(vec4<f32>(), load_x(i) * sizes.scale, passes), i));
        }
    }
}
