// Adds the gradients of a micro-batch to those of the micro-batches before it in the step; the first one begins the sum.
struct Sizes {
    quads: u32, groups_x: u32, per: u32,   // quads of grads, workgroups in a row of the grid, quads a lane
    micro_batches: u32,                    // of a step
}
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> state: array<u32>;
@group(0) @binding(2) var<storage, read> grads: array<vec4<f32>>;
fn load_grads(i: u32) -> vec4<f32> { return grads[i]; }
@group(0) @binding(3) var<storage, read_write> sums: array<vec4<f32>>;
fn load_sums(i: u32) -> vec4<f32> { return sums[i]; }
fn store_sums(i: u32, v: vec4<f32>) { sums[i] = v; }
const W = 64u; //@const
const MICRO_BATCH = 4u;

@compute @workgroup_size(W)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let begins = state[MICRO_BATCH] % sizes.micro_batches == 0u;
    let first = (group.y * sizes.groups_x + group.x) * W * sizes.per + lane;
    for (var n = 0u; n < sizes.per; n++) {
        let i = first + n * W;
        if (i >= sizes.quads) { return; }
        let grad = load_grads(i);
        store_sums(i, select(load_sums(i) + grad, grad, begins));
    }
}
