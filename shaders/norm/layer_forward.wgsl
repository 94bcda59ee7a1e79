// Layer normalisation: a workgroup takes one row, whose mean and variance it computes in two passes. Writes y and (mean,
// invstd) of the row. A row consists of lines whose last quad may have padding.
struct Sizes {
    rows: u32, groups_x: u32,                 // rows, and workgroups in a row of the grid
    quads: u32, width: u32, width4: u32,      // quads of a row; its lines: elements, and quads
    elements: f32, eps: f32,                  // elements of a row; added to the variance
}
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
fn load_x(i: u32) -> vec4<f32> { return x[i]; }
@group(0) @binding(2) var<storage, read> gamma: array<vec4<f32>>;
fn load_gamma(i: u32) -> vec4<f32> { return gamma[i]; }
@group(0) @binding(3) var<storage, read> beta: array<vec4<f32>>;
fn load_beta(i: u32) -> vec4<f32> { return beta[i]; }
@group(0) @binding(4) var<storage, read_write> y: array<vec4<f32>>;
fn store_y(i: u32, v: vec4<f32>) { y[i] = v; }
@group(0) @binding(5) var<storage, read_write> moments: array<vec4<f32>>;
fn store_moments(i: u32, v: vec4<f32>) { moments[i] = v; }
//@slot finish
fn finish(v: vec4<f32>, i: u32) -> vec4<f32> { return v; }
//@end
const W = 64u; //@const

var<workgroup> part: array<f32, W>;

// The sum of every lane's value, in every lane, in a fixed order.
fn total(lane: u32, value: f32) -> f32 {
    part[lane] = value;
    workgroupBarrier();
    var n = W;
    while (n > 1u) {
        let half = (n + 1u) / 2u;
        if (lane + half < n) { part[lane] += part[lane + half]; }
        workgroupBarrier();
        n = half;
    }
    let sum = part[0];
    workgroupBarrier();
    return sum;
}
fn add(v: vec4<f32>) -> f32 { return v.x + v.y + v.z + v.w; }
fn exists(q: u32) -> vec4<bool> { return vec4<u32>(q % sizes.width4 * 4u) + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(sizes.width); }

@compute @workgroup_size(W)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let row = group.y * sizes.groups_x + group.x;
    if (row >= sizes.rows) { return; }
    let base = row * sizes.quads;
    // The padding is zero and adds nothing.
    var sum = vec4<f32>();
    for (var q = lane; q < sizes.quads; q += W) { sum += load_x(base + q); }
    let mean = total(lane, add(sum)) / sizes.elements;
    var squares = vec4<f32>();
    for (var q = lane; q < sizes.quads; q += W) {
        let deviation = select(vec4<f32>(), load_x(base + q) - mean, exists(q));
        squares += deviation * deviation;
    }
    let invstd = 1.0 / sqrt(total(lane, add(squares)) / sizes.elements + sizes.eps);
    for (var q = lane; q < sizes.quads; q += W) {
        let v = (load_x(base + q) - mean) * invstd * load_gamma(q) + load_beta(q);
        store_y(base + q, finish(select(vec4<f32>(), v, exists(q)), base + q));
    }
    if (lane == 0u) { store_moments(row, vec4<f32>(mean, invstd, 0.0, 0.0)); }
}
