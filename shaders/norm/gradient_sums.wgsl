// First stage of the backward of batch normalisation: sums of dy and of dy times the normalised x, for one channel over a
// chunk of images. Lanes step through images, rows and quads without dividing; their sums meet in a tree of fixed order.
struct Sizes {
    images: u32, chunk: u32, channels: u32,           // images in all and a workgroup; channels
    height: u32, width: u32, width4: u32,             // of a plane; width4 in quads
    step_image: u32, step_row: u32, step_quad: u32,   // W quads further on in a channel
    chunks: u32,                                      // workgroups a channel
}
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
fn load_x(i: u32) -> vec4<f32> { return x[i]; }
@group(0) @binding(2) var<storage, read> dy: array<vec4<f32>>;
fn load_dy(i: u32) -> vec4<f32> { return dy[i]; }
@group(0) @binding(3) var<storage, read> coefficients: array<vec4<f32>>;
fn load_coefficients(i: u32) -> vec4<f32> { return coefficients[i]; }
@group(0) @binding(4) var<storage, read_write> partials: array<vec4<f32>>;
fn store_partials(i: u32, v: vec4<f32>) { partials[i] = v; }
const W = 64u; //@const

var<workgroup> part: array<vec2<f32>, W>;

@compute @workgroup_size(W)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let channel = group.x;
    let own = load_coefficients(channel);
    let end = min((group.y + 1u) * sizes.chunk, sizes.images);
    var quad = lane % sizes.width4;
    var row = lane / sizes.width4 % sizes.height;
    var image = group.y * sizes.chunk + lane / (sizes.width4 * sizes.height);
    var plain = vec4<f32>();
    var weighted = vec4<f32>();
    while (image < end) {
        let at = ((image * sizes.channels + channel) * sizes.height + row) * sizes.width4 + quad;
        // dy is zero in the padding, so the padding adds nothing to either sum.
        let gradient = load_dy(at);
        plain += gradient;
        weighted += gradient * ((load_x(at) - own.x) * own.w);
        quad += sizes.step_quad;
        row += sizes.step_row;
        image += sizes.step_image;
        if (quad >= sizes.width4) { quad -= sizes.width4; row += 1u; }
        if (row >= sizes.height) { row -= sizes.height; image += 1u; }
    }
    part[lane] = vec2<f32>(plain.x + plain.y + plain.z + plain.w, weighted.x + weighted.y + weighted.z + weighted.w);
    workgroupBarrier();
    var n = W;
    while (n > 1u) {
        let half = (n + 1u) / 2u;
        if (lane + half < n) { part[lane] += part[lane + half]; }
        workgroupBarrier();
        n = half;
    }
    if (lane == 0u) { store_partials(channel * sizes.chunks + group.y, vec4<f32>(part[0], 0.0, 0.0)); }
}
