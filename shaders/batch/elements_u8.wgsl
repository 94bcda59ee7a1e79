// Snippet of the gather family. The lines before the mark make the file valid on its own.
fn word(shard: u32, i: u32) -> u32 { return shard + i; }
//@begin
// `count` bytes of a shard from byte `at` on, the rest whatever follows: one word, and the next where they reach into it.
fn elements(shard: u32, at: u32, count: u32) -> vec4<f32> {
    let skip = at & 3u;
    var bits = word(shard, at >> 2u) >> (skip * 8u);
    if (skip + count > 4u) { bits |= word(shard, (at >> 2u) + 1u) << (32u - skip * 8u); }
    return vec4<f32>((vec4<u32>(bits) >> vec4<u32>(0u, 8u, 16u, 24u)) & vec4<u32>(255u));
}
