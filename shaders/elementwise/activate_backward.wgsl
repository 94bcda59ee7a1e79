// dx = dy f'(x), then `finish` (another consumer's gradient, a ReLU's backward); f is the hyperbolic tangent or the snippet's
// function.
struct Sizes {
    quads: u32, groups_x: u32, per: u32, // quads of x, workgroups in a row of the grid, quads a lane
}
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
fn load_x(i: u32) -> vec4<f32> { return x[i]; }
@group(0) @binding(2) var<storage, read> dy: array<vec4<f32>>;
fn load_dy(i: u32) -> vec4<f32> { return dy[i]; }
@group(0) @binding(3) var<storage, read_write> dx: array<vec4<f32>>;
fn store_dx(i: u32, v: vec4<f32>) { dx[i] = v; }
//@slot function
fn slope(x: vec4<f32>) -> vec4<f32> {
    let y = hyperbolic(x);
    return 1.0 - y * y;
}
//@end
//@slot finish
fn finish(v: vec4<f32>, i: u32) -> vec4<f32> { return v; }
//@end
const W = 64u; //@const

// The tangent without overflow, and by its series where the quotient would cancel: within 1e-7 of the exact value.
fn hyperbolic(x: vec4<f32>) -> vec4<f32> {
    let small = exp(-2.0 * abs(x));
    let far = sign(x) * (1.0 - small) / (1.0 + small);
    let s = x * x;
    let near = x * (1.0 + s * (-0.33333333 + s * (0.13333333 - 0.05396825 * s)));
    return select(far, near, s < vec4<f32>(0.04));
}
@compute @workgroup_size(W)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let first = (group.y * sizes.groups_x + group.x) * W * sizes.per + lane;
    for (var n = 0u; n < sizes.per; n++) {
        let i = first + n * W;
        if (i < sizes.quads) { store_dx(i, finish(load_dy(i) * slope(load_x(i)), i)); }
    }
}
