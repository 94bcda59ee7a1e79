// Snippet of the gather family. The lines before the mark make the file valid on its own.
fn word(shard: u32, i: u32) -> u32 { return shard + i; }
//@begin
// `count` numbers of half precision of a shard from number `at` on, the rest zero.
fn elements(shard: u32, at: u32, count: u32) -> vec4<f32> {
    var v = vec4<f32>();
    for (var e = 0u; e < count; e++) {
        let i = at + e;
        v[e] = unpack2x16float(word(shard, i >> 1u))[i & 1u];
    }
    return v;
}
