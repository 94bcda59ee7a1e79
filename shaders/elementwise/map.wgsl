// y = finish(x), quad by quad; the snippets of `finish` are ReLU, its backward, and addition.
struct Sizes {
    quads: u32, groups_x: u32, per: u32, // quads of x, workgroups in a row of the grid, quads a lane
}
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
fn load_x(i: u32) -> vec4<f32> { return x[i]; }
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;
fn store_y(i: u32, v: vec4<f32>) { y[i] = v; }
//@slot finish
fn finish(v: vec4<f32>, i: u32) -> vec4<f32> { return v; }
//@end
const W = 64u; //@const

@compute @workgroup_size(W)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let first = (group.y * sizes.groups_x + group.x) * W * sizes.per + lane;
    for (var n = 0u; n < sizes.per; n++) {
        let i = first + n * W;
        if (i < sizes.quads) { store_y(i, finish(load_x(i), i)); }
    }
}
