// Backward of the global average pool: every element of a plane gets its share. A workgroup takes one channel of a chunk
// of images; its lanes step through images, rows and quads without dividing.
struct Sizes {
    images: u32, chunk: u32, channels: u32, channels4: u32,   // images in all and a workgroup; channels, and in quads
    height: u32, width: u32, width4: u32,                     // of the input; width4 in quads
    step_image: u32, step_row: u32, step_quad: u32,           // W quads further on in a channel
}
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> dy: array<vec4<f32>>;
fn load_dy(i: u32) -> vec4<f32> { return dy[i]; }
@group(0) @binding(2) var<storage, read_write> dx: array<vec4<f32>>;
fn store_dx(i: u32, v: vec4<f32>) { dx[i] = v; }
//@slot finish
fn finish(v: vec4<f32>, i: u32) -> vec4<f32> { return v; }
//@end
const W = 64u; //@const

@compute @workgroup_size(W)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let channel = group.x;
    let end = min((group.y + 1u) * sizes.chunk, sizes.images);
    var quad = lane % sizes.width4;
    var row = lane / sizes.width4 % sizes.height;
    var image = group.y * sizes.chunk + lane / (sizes.width4 * sizes.height);
    while (image < end) {
        let at = ((image * sizes.channels + channel) * sizes.height + row) * sizes.width4 + quad;
        let share = load_dy(image * sizes.channels4 + (channel >> 2u))[channel & 3u] / f32(sizes.height * sizes.width);
        let exists = vec4<u32>(quad * 4u) + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(sizes.width);
        store_dx(at, finish(select(vec4<f32>(), vec4<f32>(share), exists), at));
        quad += sizes.step_quad;
        row += sizes.step_row;
        image += sizes.step_image;
        if (quad >= sizes.width4) { quad -= sizes.width4; row += 1u; }
        if (row >= sizes.height) { row -= sizes.height; image += 1u; }
    }
}
