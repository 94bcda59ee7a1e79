// dx = a dy + b (x - mean) + c, then `finish` (another consumer's gradient, a ReLU's backward). A workgroup takes one
// channel of a chunk of images; its lanes step through images, rows and quads without dividing.
struct Sizes {
    images: u32, chunk: u32, channels: u32,           // images in all and a workgroup; channels
    height: u32, width: u32, width4: u32,             // of a plane; width4 in quads
    step_image: u32, step_row: u32, step_quad: u32,   // W quads further on in a channel
}
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
fn load_x(i: u32) -> vec4<f32> { return x[i]; }
@group(0) @binding(2) var<storage, read> dy: array<vec4<f32>>;
fn load_dy(i: u32) -> vec4<f32> { return dy[i]; }
@group(0) @binding(3) var<storage, read> factors: array<vec4<f32>>;
fn load_factors(i: u32) -> vec4<f32> { return factors[i]; }
@group(0) @binding(4) var<storage, read_write> dx: array<vec4<f32>>;
fn store_dx(i: u32, v: vec4<f32>) { dx[i] = v; }
//@slot finish
fn finish(v: vec4<f32>, i: u32) -> vec4<f32> { return v; }
//@end
const W = 64u; //@const

@compute @workgroup_size(W)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let channel = group.x;
    let own = load_factors(channel);
    let end = min((group.y + 1u) * sizes.chunk, sizes.images);
    var quad = lane % sizes.width4;
    var row = lane / sizes.width4 % sizes.height;
    var image = group.y * sizes.chunk + lane / (sizes.width4 * sizes.height);
    while (image < end) {
        let at = ((image * sizes.channels + channel) * sizes.height + row) * sizes.width4 + quad;
        let v = load_dy(at) * own.y + (load_x(at) - own.x) * own.z + own.w;
        let exists = vec4<u32>(quad * 4u) + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(sizes.width);
        store_dx(at, finish(select(vec4<f32>(), v, exists), at));
        quad += sizes.step_quad;
        row += sizes.step_row;
        image += sizes.step_image;
        if (quad >= sizes.width4) { quad -= sizes.width4; row += 1u; }
        if (row >= sizes.height) { row -= sizes.height; image += 1u; }
    }
}
