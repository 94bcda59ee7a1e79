// Gathers a batch of samples from the resident shards, normalised per channel and with padded rows: (value / scale - mean)
// / deviation. A lane steps through samples, rows and quads without dividing; rows of the batch that are not filled are zero.
struct Sizes {
    quads: u32, groups_x: u32, per: u32,                   // quads of the batch, workgroups in a row of the grid, quads a lane
    rows: u32, height: u32, width: u32, width4: u32,       // of a sample: rows of all channels, of one; width in elements, in quads
    step_sample: u32, step_row: u32, step_quad: u32,       // W quads further on in the batch
    bound0: u32, bound1: u32, bound2: u32, bound3: u32,    // first sample of each shard
    scale: f32, unused: u32,
    channels: array<vec4<f32>, CHANNELS>,                  // mean and deviation of each channel, or of all
}
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> batch: array<u32>;
@group(0) @binding(2) var<storage, read> shard0: array<u32>;
@group(0) @binding(3) var<storage, read> shard1: array<u32>;
@group(0) @binding(4) var<storage, read> shard2: array<u32>;
@group(0) @binding(5) var<storage, read> shard3: array<u32>;
@group(0) @binding(6) var<storage, read_write> y: array<vec4<f32>>;
fn store_y(i: u32, v: vec4<f32>) { y[i] = v; }
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
const CHANNELS = 1u; //@const

@compute @workgroup_size(W)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let first = (group.y * sizes.groups_x + group.x) * W * sizes.per + lane;
    var quad = first % sizes.width4;
    var row = first / sizes.width4 % sizes.rows;
    var place = first / (sizes.width4 * sizes.rows);
    let valid = batch[0];
    for (var n = 0u; n < sizes.per; n++) {
        let i = first + n * W;
        var v = vec4<f32>();
        if (i < sizes.quads && place < valid) {
            let sample = batch[4u + place];
            let shard = u32(sample >= sizes.bound1) + u32(sample >= sizes.bound2) + u32(sample >= sizes.bound3);
            let shard_first = select(select(select(sizes.bound0, sizes.bound1, shard >= 1u), sizes.bound2, shard >= 2u), sizes.bound3, shard >= 3u);
            let count = min(4u, sizes.width - quad * 4u);
            let at = ((sample - shard_first) * sizes.rows + row) * sizes.width + quad * 4u;
            var channel = 0u;
            if (CHANNELS > 1u) { channel = row / sizes.height; }
            let moments = sizes.channels[channel];
            let normal = (elements(shard, at, count) / sizes.scale - moments.x) / moments.y;
            v = select(vec4<f32>(), normal, vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(count));
        }
        if (i < sizes.quads) { store_y(i, v); }
        quad += sizes.step_quad;
        row += sizes.step_row;
        place += sizes.step_sample;
        if (quad >= sizes.width4) { quad -= sizes.width4; row += 1u; }
        if (row >= sizes.rows) { row -= sizes.rows; place += 1u; }
    }
}
