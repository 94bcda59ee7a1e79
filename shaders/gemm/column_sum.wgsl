// c = the sum of the rows of x, a thread a quad of columns. A layer of workgroups (grid y) sums its rows into its own row
// of c.
struct Sizes {
    rows: u32, n4: u32,      // rows of x; quads of a row
    layer: u32, plane: u32,  // rows that a layer sums; quads of a row of c
}
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
fn load_x(i: u32) -> vec4<f32> { return x[i]; }
@group(0) @binding(2) var<storage, read_write> c: array<vec4<f32>>;
fn store_c(i: u32, v: vec4<f32>) { c[i] = v; }
const W = 64u; //@const

@compute @workgroup_size(W)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let j4 = group.x * W + lane;
    if (j4 >= sizes.n4) { return; }
    let first = group.y * sizes.layer;
    let end = min(first + sizes.layer, sizes.rows);
    var sum = vec4<f32>();
    for (var i = first; i < end; i++) { sum += load_x(i * sizes.n4 + j4); }
    store_c(group.y * sizes.plane + j4, sum);
}
