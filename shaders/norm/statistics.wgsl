// First stage of batch normalisation: mean and sum of squared deviations (M2) of one channel over a chunk of images.
// Lanes step through images, rows and quads without dividing; their sums meet in a tree of fixed order.
struct Sizes {
    images: u32, chunk: u32, channels: u32,           // images in all and a workgroup; channels
    height: u32, width: u32, width4: u32,             // of a plane; width4 in quads
    step_image: u32, step_row: u32, step_quad: u32,   // W quads further on in a channel
    chunks: u32,                                      // workgroups a channel
}
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
fn load_x(i: u32) -> vec4<f32> { return x[i]; }
@group(0) @binding(2) var<storage, read_write> partials: array<vec4<f32>>;
fn store_partials(i: u32, v: vec4<f32>) { partials[i] = v; }
const W = 64u; //@const

var<workgroup> part: array<f32, W>;

// The sum of every lane's value, in every lane.
fn total(lane: u32, value: f32) -> f32 {
    part[lane] = value;
    workgroupBarrier();
    var n = W;
    while (n > 1u) {
        let half = (n + 1u) / 2u;
        if (lane + half < n) { part[lane] += part[lane + half]; }
        workgroupBarrier();
        n = half;
    }
    let sum = part[0];
    workgroupBarrier();
    return sum;
}

// Adds up the channel, or its squared deviations from the mean, over this lane's quads.
fn gather(channel: u32, first: u32, end: u32, lane: u32, mean: f32, squared: bool) -> f32 {
    var quad = lane % sizes.width4;
    var row = lane / sizes.width4 % sizes.height;
    var image = first + lane / (sizes.width4 * sizes.height);
    var sum = vec4<f32>();
    while (image < end) {
        let v = load_x(((image * sizes.channels + channel) * sizes.height + row) * sizes.width4 + quad);
        let exists = vec4<u32>(quad * 4u) + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(sizes.width);
        let deviation = select(vec4<f32>(), v - mean, exists);
        sum += select(deviation, deviation * deviation, squared);
        quad += sizes.step_quad;
        row += sizes.step_row;
        image += sizes.step_image;
        if (quad >= sizes.width4) { quad -= sizes.width4; row += 1u; }
        if (row >= sizes.height) { row -= sizes.height; image += 1u; }
    }
    return sum.x + sum.y + sum.z + sum.w;
}

@compute @workgroup_size(W)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let first = group.y * sizes.chunk;
    let end = min(first + sizes.chunk, sizes.images);
    let count = f32((end - first) * sizes.height * sizes.width);
    let mean = total(lane, gather(group.x, first, end, lane, 0.0, false)) / count;
    let m2 = total(lane, gather(group.x, first, end, lane, mean, true));
    if (lane == 0u) { store_partials(group.x * sizes.chunks + group.y, vec4<f32>(mean, m2, count, 0.0)); }
}
