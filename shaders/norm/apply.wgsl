// y = (x - mean) * scale + shift, then `finish` (an addend, ReLU). A workgroup takes one channel of a chunk of images; its
// lanes step through images, rows and quads without dividing.
struct Sizes {
    images: u32, chunk: u32, channels: u32,           // images in all and a workgroup; channels
    height: u32, width: u32, width4: u32,             // of a plane; width4 in quads
    step_image: u32, step_row: u32, step_quad: u32,   // W quads further on in a channel
}
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
fn load_x(i: u32) -> vec4<f32> { return x[i]; }
@group(0) @binding(2) var<storage, read> coefficients: array<vec4<f32>>;
fn load_coefficients(i: u32) -> vec4<f32> { return coefficients[i]; }
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;
fn store_y(i: u32, v: vec4<f32>) { y[i] = v; }
//@slot finish
fn finish(v: vec4<f32>, i: u32) -> vec4<f32> { return v; }
//@end
const W = 64u; //@const

@compute @workgroup_size(W)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let channel = group.x;
    let own = load_coefficients(channel);
    let end = min((group.y + 1u) * sizes.chunk, sizes.images);
    var quad = lane % sizes.width4;
    var row = lane / sizes.width4 % sizes.height;
    var image = group.y * sizes.chunk + lane / (sizes.width4 * sizes.height);
    while (image < end) {
        let at = ((image * sizes.channels + channel) * sizes.height + row) * sizes.width4 + quad;
        let v = (load_x(at) - own.x) * own.y + own.z;
        let exists = vec4<u32>(quad * 4u) + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(sizes.width);
        store_y(at, finish(select(vec4<f32>(), v, exists), at));
        quad += sizes.step_quad;
        row += sizes.step_row;
        image += sizes.step_image;
        if (quad >= sizes.width4) { quad -= sizes.width4; row += 1u; }
        if (row >= sizes.height) { row -= sizes.height; image += 1u; }
    }
}
