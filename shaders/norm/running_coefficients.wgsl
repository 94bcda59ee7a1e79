// Batch normalisation in evaluation: (mean, gamma * invstd, beta, invstd) of every channel from the running statistics; for
// its gradient (0, gamma * invstd, 0, invstd). A lane takes four channels.
struct Sizes {
    channels: u32,
    eps: f32,
}
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> gamma: array<vec4<f32>>;
fn load_gamma(i: u32) -> vec4<f32> { return gamma[i]; }
@group(0) @binding(2) var<storage, read> beta: array<vec4<f32>>;
fn load_beta(i: u32) -> vec4<f32> { return beta[i]; }
@group(0) @binding(3) var<storage, read> running_mean: array<vec4<f32>>;
fn load_running_mean(i: u32) -> vec4<f32> { return running_mean[i]; }
@group(0) @binding(4) var<storage, read> running_var: array<vec4<f32>>;
fn load_running_var(i: u32) -> vec4<f32> { return running_var[i]; }
@group(0) @binding(5) var<storage, read_write> coefficients: array<vec4<f32>>;
fn store_coefficients(i: u32, v: vec4<f32>) { coefficients[i] = v; }
const W = 64u; //@const
const GRADIENT = 0u; //@const

@compute @workgroup_size(W)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = id.x;
    if (i * 4u >= sizes.channels) { return; }
    let none = vec4<f32>();
    let mean = select(load_running_mean(i), none, GRADIENT == 1u);
    let invstd = 1.0 / sqrt(load_running_var(i) + sizes.eps);
    let scale = load_gamma(i) * invstd;
    let shift = select(load_beta(i), none, GRADIENT == 1u);
    for (var e = 0u; e < 4u; e++) {
        if (i * 4u + e < sizes.channels) { store_coefficients(i * 4u + e, vec4<f32>(mean[e], scale[e], shift[e], invstd[e])); }
    }
}
