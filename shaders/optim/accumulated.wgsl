// The mean of the gradients of all micro-batches of a step, in place of those of the last one.
struct Sizes {
    quads: u32, groups_x: u32, per: u32,   // quads of grads, workgroups in a row of the grid, quads a lane
    scale: u32,                            // the bits of 1 / micro-batches as an f32
}
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> sums: array<vec4<f32>>;
fn load_sums(i: u32) -> vec4<f32> { return sums[i]; }
@group(0) @binding(2) var<storage, read_write> grads: array<vec4<f32>>;
fn load_grads(i: u32) -> vec4<f32> { return grads[i]; }
fn store_grads(i: u32, v: vec4<f32>) { grads[i] = v; }
const W = 64u; //@const

@compute @workgroup_size(W)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let scale = bitcast<f32>(sizes.scale);
    let first = (group.y * sizes.groups_x + group.x) * W * sizes.per + lane;
    for (var n = 0u; n < sizes.per; n++) {
        let i = first + n * W;
        if (i >= sizes.quads) { return; }
        store_grads(i, scale * (load_sums(i) + load_grads(i)));
    }
}
