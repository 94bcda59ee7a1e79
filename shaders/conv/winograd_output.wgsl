// Winograd F(2x2, 3x3), step 4: A' m A of the sixteen products m of every tile, where A' = (1 1 1 0, 0 1 -1 -1), then the
// epilogue. The products are [16 planes, channels, tiles]. A lane writes two rows of two quads.
struct Sizes {
    channels: u32, height: u32, width: u32, width4: u32,   // of the tensor that is written; width4 in quads
    tile_rows: u32, tile_columns4: u32,                    // tiles of an image; columns in quads
    n4: u32,                                               // quads of a row of the products
}
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> m: array<vec4<f32>>;
fn load_m(i: u32) -> vec4<f32> { return m[i]; }
@group(0) @binding(2) var<storage, read_write> c: array<vec4<f32>>;
fn store_c(i: u32, v: vec4<f32>) { c[i] = v; }
//@slot epilogue
fn epilogue(v: vec4<f32>, i: u32, j4: u32, at: u32) -> vec4<f32> { return v; }
//@end
const W = 64u; //@const

// Four planes times A.
fn planes_times_a(at: u32) -> mat2x4<f32> {
    let plane = sizes.channels * sizes.n4;
    let second = load_m(at + plane);
    let third = load_m(at + 2u * plane);
    return mat2x4<f32>(load_m(at) + second + third, second - third - load_m(at + 3u * plane));
}

fn store_quad(v: vec4<f32>, channel: u32, line: u32, quad: u32) {
    if (quad >= sizes.width4) { return; }
    let at = line * sizes.width4 + quad;
    let inside = vec4<u32>(quad * 4u) + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(sizes.width);
    store_c(at, select(vec4<f32>(), epilogue(v, channel, 0u, at), inside));
}

@compute @workgroup_size(W)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let j4 = id.x;
    let channel = id.y;
    if (j4 >= sizes.n4) { return; }
    let quad = j4 % sizes.tile_columns4 * 2u;
    let row = j4 / sizes.tile_columns4 % sizes.tile_rows * 2u;
    let image = j4 / (sizes.tile_columns4 * sizes.tile_rows);
    let line = (image * sizes.channels + channel) * sizes.height + row;
    let at = channel * sizes.n4 + j4;
    let next = 4u * sizes.channels * sizes.n4;
    let second = planes_times_a(at + next);
    let third = planes_times_a(at + 2u * next);
    // Columns: the left and right pixels of four tiles.
    let top = planes_times_a(at) + second + third;
    store_quad(vec4<f32>(top[0].x, top[1].x, top[0].y, top[1].y), channel, line, quad);
    store_quad(vec4<f32>(top[0].z, top[1].z, top[0].w, top[1].w), channel, line, quad + 1u);
    if (row + 1u >= sizes.height) { return; }
    let bottom = second - third - planes_times_a(at + 3u * next);
    store_quad(vec4<f32>(bottom[0].x, bottom[1].x, bottom[0].y, bottom[1].y), channel, line + 1u, quad);
    store_quad(vec4<f32>(bottom[0].z, bottom[1].z, bottom[0].w, bottom[1].w), channel, line + 1u, quad + 1u);
}
