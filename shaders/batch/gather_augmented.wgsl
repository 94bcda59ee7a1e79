// Gathers a batch of samples as batch/gather does, each shifted, mirrored and with a hole by random numbers of seed, epoch and
// sample alone, bit for bit those of `data::Augmentation`. What a shift uncovers is zero, or the nearest element.
struct Sizes {
    quads: u32, groups_x: u32, per: u32,                   // quads of the batch, workgroups in a row of the grid, quads a lane
    rows: u32, height: u32, width: u32, width4: u32,       // of a sample: rows of all channels, of one; width in elements, in quads
    step_sample: u32, step_row: u32, step_quad: u32,       // W quads further on in the batch
    bound0: u32, bound1: u32, bound2: u32, bound3: u32,    // first sample of each shard
    scale: f32, seed: u32,                                 // of elements; key of the random numbers
    crop: u32, cutout: u32, unused0: u32, unused1: u32,    // the longest shift, the side of the hole
    channels: array<vec4<f32>, CHANNELS>,                  // mean and deviation of each channel, or of all
}
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> state: array<u32>;
@group(0) @binding(2) var<storage, read> batch: array<u32>;
@group(0) @binding(3) var<storage, read> shard0: array<u32>;
@group(0) @binding(4) var<storage, read> shard1: array<u32>;
@group(0) @binding(5) var<storage, read> shard2: array<u32>;
@group(0) @binding(6) var<storage, read> shard3: array<u32>;
@group(0) @binding(7) var<storage, read_write> y: array<vec4<f32>>;
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
const FLIP = 0u; //@const
const EDGE = 0u; //@const
const EPOCH = 1u;

// lowbias32.
fn mix32(value: u32) -> u32 {
    var x = value;
    x ^= x >> 16u;
    x *= 0x7feb352du;
    x ^= x >> 15u;
    x *= 0x846ca68bu;
    x ^= x >> 16u;
    return x;
}
fn draw(key: u32, which: u32) -> u32 { return mix32(key + which * 0x9e3779b9u); }

// Four elements of a channel from element `quad` * 4 of row `place` on, that begins with element `start` of a shard.
fn changed(key: u32, shard: u32, start: u32, place: u32, quad: u32, count: u32, moments: vec4<f32>) -> vec4<f32> {
    let width = i32(sizes.width);
    let height = i32(sizes.height);
    let crop = i32(sizes.crop);
    let mirrored = FLIP == 1u && (draw(key, 0u) >> 31u) == 1u;
    let right = i32(draw(key, 1u) % (2u * sizes.crop + 1u)) - crop;
    var down = 0;
    if (height > 1) { down = i32(draw(key, 2u) % (2u * sizes.crop + 1u)) - crop; }
    let line = i32(place) + down;
    let columns = vec4<i32>(i32(quad) * 4) + vec4<i32>(0, 1, 2, 3);
    var source = select(columns, vec4<i32>(width - 1) - columns, vec4<bool>(mirrored)) + vec4<i32>(right);
    var raw = vec4<f32>();
    let row = start + u32(clamp(line, 0, height - 1)) * sizes.width;
    let first = min(source.x, source.w);
    if (count == 4u && first >= 0 && first + 3 < width) {
        // Neighbours, in one direction or the other.
        let four = elements(shard, row + u32(first), 4u);
        raw = select(four, four.wzyx, vec4<bool>(mirrored));
    } else {
        for (var e = 0u; e < 4u; e++) {
            if (e < count) {
                let value = elements(shard, row + u32(clamp(source[e], 0, width - 1)), 1u).x;
                raw[e] = select(0.0, value, EDGE == 1u || (source[e] >= 0 && source[e] < width));
            }
        }
    }
    if (EDGE == 0u && (line < 0 || line >= height)) { raw = vec4<f32>(); }
    let normal = (raw / sizes.scale - moments.x) / moments.y;
    let side = i32(sizes.cutout);
    let left = i32(draw(key, 3u) % sizes.width) - side / 2;
    let top = i32(draw(key, 4u) % sizes.height) - side / 2;
    let covered = i32(place) >= top && i32(place) < top + side;
    let hole = (columns >= vec4<i32>(left)) & (columns < vec4<i32>(left + side)) & vec4<bool>(covered);
    return select(normal, vec4<f32>(), hole);
}

@compute @workgroup_size(W)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let first = (group.y * sizes.groups_x + group.x) * W * sizes.per + lane;
    var quad = first % sizes.width4;
    var row = first / sizes.width4 % sizes.rows;
    var place = first / (sizes.width4 * sizes.rows);
    let valid = batch[0];
    let epoch = mix32(mix32(sizes.seed ^ 0x6175676du) + state[EPOCH]);
    for (var n = 0u; n < sizes.per; n++) {
        let i = first + n * W;
        var v = vec4<f32>();
        if (i < sizes.quads && place < valid) {
            let sample = batch[4u + place];
            let shard = u32(sample >= sizes.bound1) + u32(sample >= sizes.bound2) + u32(sample >= sizes.bound3);
            let shard_first = select(select(select(sizes.bound0, sizes.bound1, shard >= 1u), sizes.bound2, shard >= 2u), sizes.bound3, shard >= 3u);
            let count = min(4u, sizes.width - quad * 4u);
            let channel = row / sizes.height;
            let start = ((sample - shard_first) * sizes.rows + channel * sizes.height) * sizes.width;
            let moments = sizes.channels[select(0u, channel, CHANNELS > 1u)];
            let changes = changed(mix32(epoch + sample), shard, start, row - channel * sizes.height, quad, count, moments);
            v = select(vec4<f32>(), changes, vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(count));
        }
        if (i < sizes.quads) { store_y(i, v); }
        quad += sizes.step_quad;
        row += sizes.step_row;
        place += sizes.step_sample;
        if (quad >= sizes.width4) { quad -= sizes.width4; row += 1u; }
        if (row >= sizes.rows) { row -= sizes.rows; place += 1u; }
    }
}
