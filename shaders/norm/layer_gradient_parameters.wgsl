// The gradients of scale and shift of a layer normalisation: a lane sums a quad over the rows of its layer (grid y), in their
// order.
struct Sizes {
    rows: u32, layer: u32, quads: u32,   // rows in all and a layer; quads of a row
}
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
fn load_x(i: u32) -> vec4<f32> { return x[i]; }
@group(0) @binding(2) var<storage, read> dy: array<vec4<f32>>;
fn load_dy(i: u32) -> vec4<f32> { return dy[i]; }
@group(0) @binding(3) var<storage, read> moments: array<vec4<f32>>;
fn load_moments(i: u32) -> vec4<f32> { return moments[i]; }
@group(0) @binding(4) var<storage, read_write> dgamma: array<vec4<f32>>;
fn store_dgamma(i: u32, v: vec4<f32>) { dgamma[i] = v; }
@group(0) @binding(5) var<storage, read_write> dbeta: array<vec4<f32>>;
fn store_dbeta(i: u32, v: vec4<f32>) { dbeta[i] = v; }
const W = 64u; //@const

@compute @workgroup_size(W)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let q = group.x * W + lane;
    if (q >= sizes.quads) { return; }
    let first = group.y * sizes.layer;
    let end = min(first + sizes.layer, sizes.rows);
    var weighted = vec4<f32>();
    var plain = vec4<f32>();
    for (var row = first; row < end; row++) {
        let own = load_moments(row);
        let gradient = load_dy(row * sizes.quads + q);
        weighted += gradient * ((load_x(row * sizes.quads + q) - own.x) * own.y);
        plain += gradient;
    }
    store_dgamma(group.y * sizes.quads + q, weighted);
    store_dbeta(group.y * sizes.quads + q, plain);
}
