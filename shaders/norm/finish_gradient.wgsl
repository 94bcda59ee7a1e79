// Second stage of the backward of batch normalisation: adds a channel's chunks in their order. A lane takes four channels,
// writes their dgamma and dbeta, and of each (mean, a, b, c) with dx = a dy + b (x - mean) + c.
struct Sizes {
    channels: u32, chunks: u32,
    count: f32,   // elements a channel
}
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> partials: array<vec4<f32>>;
fn load_partials_if(i: u32, inside: bool) -> vec4<f32> { return select(vec4<f32>(), partials[select(0u, i, inside)], inside); }
@group(0) @binding(2) var<storage, read> coefficients: array<vec4<f32>>;
fn load_coefficients(i: u32) -> vec4<f32> { return coefficients[i]; }
@group(0) @binding(3) var<storage, read_write> dgamma: array<vec4<f32>>;
fn store_dgamma(i: u32, v: vec4<f32>) { dgamma[i] = v; }
@group(0) @binding(4) var<storage, read_write> dbeta: array<vec4<f32>>;
fn store_dbeta(i: u32, v: vec4<f32>) { dbeta[i] = v; }
@group(0) @binding(5) var<storage, read_write> factors: array<vec4<f32>>;
fn store_factors(i: u32, v: vec4<f32>) { factors[i] = v; }
const W = 64u; //@const

@compute @workgroup_size(W)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = id.x;
    if (i * 4u >= sizes.channels) { return; }
    var plain = vec4<f32>();
    var weighted = vec4<f32>();
    for (var e = 0u; e < 4u; e++) {
        let channel = i * 4u + e;
        let inside = channel < sizes.channels;
        var sum = vec4<f32>();
        for (var c = 0u; c < sizes.chunks; c++) { sum += load_partials_if(channel * sizes.chunks + c, inside); }
        plain[e] = sum.x;
        weighted[e] = sum.y;
        if (inside) {
            let own = load_coefficients(channel);
            store_factors(channel, vec4<f32>(own.x, own.y, -own.y * own.w * (sum.y / sizes.count), -own.y * (sum.x / sizes.count)));
        }
    }
    store_dgamma(i, weighted);
    store_dbeta(i, plain);
}
