// The factor that keeps the norm of all gradients at most at a limit, into the state, in one workgroup: PyTorch's
// clip_grad_norm_. Sums are added in a fixed order.
struct Sizes {
    chunks: u32, limit: u32,   // chunks of the optimizer, the largest norm as the bits of an f32
}
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> norm_partials: array<vec4<f32>>;
fn load_norm_partials(i: u32) -> vec4<f32> { return norm_partials[i]; }
@group(0) @binding(2) var<storage, read_write> state: array<u32>;
const W = 64u; //@const
const CLIP = 5u;
//@slot factor
fn take(norm: f32) {
    let factor = bitcast<f32>(sizes.limit) / (norm + 1e-6);
    // A NaN stays one.
    state[CLIP] = bitcast<u32>(select(factor, 1.0, factor > 1.0));
}
//@end

var<workgroup> part: array<f32, W>;

@compute @workgroup_size(W)
fn main(@builtin(local_invocation_index) lane: u32) {
    var sum = 0.0;
    for (var i = lane; i < sizes.chunks; i += W) { sum += load_norm_partials(i).x; }
    part[lane] = sum;
    workgroupBarrier();
    var left = W;
    while (left > 1u) {
        let half = (left + 1u) / 2u;
        if (lane + half < left) { part[lane] += part[lane + half]; }
        workgroupBarrier();
        left = half;
    }
    if (lane != 0u) { return; }
    take(sqrt(part[0]));
}
