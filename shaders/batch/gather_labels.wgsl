// The labels of a batch out of the resident shards, one whole number a sample; 0 in rows that are not filled.
struct Sizes {
    size: u32,                                             // rows of the batch
    bound0: u32, bound1: u32, bound2: u32, bound3: u32,    // first sample of each shard
}
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> batch: array<u32>;
@group(0) @binding(2) var<storage, read> shard0: array<u32>;
@group(0) @binding(3) var<storage, read> shard1: array<u32>;
@group(0) @binding(4) var<storage, read> shard2: array<u32>;
@group(0) @binding(5) var<storage, read> shard3: array<u32>;
@group(0) @binding(6) var<storage, read_write> labels: array<u32>;
fn word(shard: u32, i: u32) -> u32 {
    switch shard {
        case 0u: { return shard0[i]; }
        case 1u: { return shard1[i]; }
        case 2u: { return shard2[i]; }
        default: { return shard3[i]; }
    }
}
//@slot elements
// `count` elements of a shard from element `at` on, the rest zero; here f32.
fn elements(shard: u32, at: u32, count: u32) -> vec4<f32> {
    var v = vec4<f32>();
    for (var e = 0u; e < count; e++) { v[e] = bitcast<f32>(word(shard, at + e)); }
    return v;
}
//@end
const W = 64u; //@const

@compute @workgroup_size(W)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = id.x;
    if (i >= sizes.size) { return; }
    var label = 0u;
    if (i < batch[0]) {
        let sample = batch[4u + i];
        let shard = u32(sample >= sizes.bound1) + u32(sample >= sizes.bound2) + u32(sample >= sizes.bound3);
        let shard_first = select(select(select(sizes.bound0, sizes.bound1, shard >= 1u), sizes.bound2, shard >= 2u), sizes.bound3, shard >= 3u);
        label = u32(elements(shard, sample - shard_first, 1u).x);
    }
    labels[i] = label;
}
