// Second stage of batch normalisation: merges a channel's chunks by Chan's formula, in their order. A lane takes four
// channels, writes (mean, gamma * invstd, beta, invstd) of each, and moves the running statistics.
struct Sizes {
    channels: u32, chunks: u32,
    eps: f32, momentum: f32,
}
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> partials: array<vec4<f32>>;
fn load_partials_if(i: u32, inside: bool) -> vec4<f32> { return select(vec4<f32>(), partials[select(0u, i, inside)], inside); }
@group(0) @binding(2) var<storage, read> gamma: array<vec4<f32>>;
fn load_gamma(i: u32) -> vec4<f32> { return gamma[i]; }
@group(0) @binding(3) var<storage, read> beta: array<vec4<f32>>;
fn load_beta(i: u32) -> vec4<f32> { return beta[i]; }
@group(0) @binding(4) var<storage, read_write> running_mean: array<vec4<f32>>;
fn load_running_mean(i: u32) -> vec4<f32> { return running_mean[i]; }
fn store_running_mean(i: u32, v: vec4<f32>) { running_mean[i] = v; }
@group(0) @binding(5) var<storage, read_write> running_var: array<vec4<f32>>;
fn load_running_var(i: u32) -> vec4<f32> { return running_var[i]; }
fn store_running_var(i: u32, v: vec4<f32>) { running_var[i] = v; }
@group(0) @binding(6) var<storage, read_write> coefficients: array<vec4<f32>>;
fn store_coefficients(i: u32, v: vec4<f32>) { coefficients[i] = v; }
const W = 64u; //@const

// (mean, M2, count) of both halves.
fn merge(a: vec4<f32>, b: vec4<f32>) -> vec4<f32> {
    let count = a.z + b.z;
    let delta = b.x - a.x;
    return vec4<f32>(a.x + delta * (b.z / count), a.y + b.y + delta * delta * (a.z * (b.z / count)), count, 0.0);
}

@compute @workgroup_size(W)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = id.x;
    if (i * 4u >= sizes.channels) { return; }
    var mean = vec4<f32>();
    var biased = vec4<f32>();
    var unbiased = vec4<f32>();
    var exists = vec4<bool>();
    for (var e = 0u; e < 4u; e++) {
        let channel = i * 4u + e;
        let inside = channel < sizes.channels;
        var whole = load_partials_if(channel * sizes.chunks, inside);
        for (var c = 1u; c < sizes.chunks; c++) { whole = merge(whole, load_partials_if(channel * sizes.chunks + c, inside)); }
        mean[e] = whole.x;
        biased[e] = whole.y / max(whole.z, 1.0);
        // One element has no unbiased variance; the running one then takes 0.
        unbiased[e] = whole.y / max(whole.z - 1.0, 1.0);
        exists[e] = inside;
    }
    let none = vec4<f32>();
    mean = select(none, mean, exists);
    let invstd = 1.0 / sqrt(biased + sizes.eps);
    let scale = load_gamma(i) * invstd;
    let shift = load_beta(i);
    for (var e = 0u; e < 4u; e++) {
        if (exists[e]) { store_coefficients(i * 4u + e, vec4<f32>(mean[e], scale[e], shift[e], invstd[e])); }
    }
    let keep = 1.0 - sizes.momentum;
    store_running_mean(i, select(none, keep * load_running_mean(i) + sizes.momentum * mean, exists));
    store_running_var(i, select(none, keep * load_running_var(i) + sizes.momentum * unbiased, exists));
}
