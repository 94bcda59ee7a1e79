// The gradient of the input of a layer normalisation, a row a workgroup: with g = dy gamma and the normalised x,
// dx = invstd (g - mean(g) - x mean(g x)), then `finish` (another consumer's gradient, a ReLU's backward).
struct Sizes {
    rows: u32, groups_x: u32,                 // rows, and workgroups in a row of the grid
    quads: u32, width: u32, width4: u32,      // quads of a row; its lines: elements, and quads
    elements: f32,                            // elements of a row
}
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
fn load_x(i: u32) -> vec4<f32> { return x[i]; }
@group(0) @binding(2) var<storage, read> dy: array<vec4<f32>>;
fn load_dy(i: u32) -> vec4<f32> { return dy[i]; }
@group(0) @binding(3) var<storage, read> gamma: array<vec4<f32>>;
fn load_gamma(i: u32) -> vec4<f32> { return gamma[i]; }
@group(0) @binding(4) var<storage, read> moments: array<vec4<f32>>;
fn load_moments(i: u32) -> vec4<f32> { return moments[i]; }
@group(0) @binding(5) var<storage, read_write> dx: array<vec4<f32>>;
fn store_dx(i: u32, v: vec4<f32>) { dx[i] = v; }
//@slot finish
fn finish(v: vec4<f32>, i: u32) -> vec4<f32> { return v; }
//@end
const W = 64u; //@const

var<workgroup> part: array<vec2<f32>, W>;

// The sum of every lane's value, in every lane, in a fixed order.
fn total(lane: u32, value: vec2<f32>) -> vec2<f32> {
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
    let own = load_moments(row);
    // dy is zero in the padding, so the padding adds nothing to either sum.
    var plain = vec4<f32>();
    var weighted = vec4<f32>();
    for (var q = lane; q < sizes.quads; q += W) {
        let g = load_dy(base + q) * load_gamma(q);
        plain += g;
        weighted += g * ((load_x(base + q) - own.x) * own.y);
    }
    let means = total(lane, vec2<f32>(add(plain), add(weighted))) / sizes.elements;
    for (var q = lane; q < sizes.quads; q += W) {
        let normal = (load_x(base + q) - own.x) * own.y;
        let v = own.y * (load_dy(base + q) * load_gamma(q) - means.x - normal * means.y);
        store_dx(base + q, finish(select(vec4<f32>(), v, exists(q)), base + q));
    }
}
