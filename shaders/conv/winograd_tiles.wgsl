// Winograd F(2x2, 3x3), step 2: V = B' d B of every tile d, 4x4 pixels that two output rows and columns read, where
// B' = (1 0 -1 0, 0 1 1 0, 0 -1 1 0, 0 1 0 -1). V is [16 planes, rows, tiles]: the second operand of sixteen products.
// A lane transforms four tiles that lie side by side; what it computes beyond the last tile of a row is not read.
struct Sizes {
    channels: u32, height: u32, width4: u32,        // of the tensor that is read; width4 in quads
    rows: u32,                                      // rows of a plane of V; those beyond the channels are zero
    tile_rows: u32, tile_columns4: u32,             // tiles of an image; columns in quads
    n4: u32,                                        // quads of a row of V: the tiles of all images
}
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
fn load_x_if(i: u32, inside: bool) -> vec4<f32> { return select(vec4<f32>(), x[select(0u, i, inside)], inside); }
@group(0) @binding(2) var<storage, read_write> t: array<vec4<f32>>;
fn store_t(i: u32, v: vec4<f32>) { t[i] = v; }
const W = 64u; //@const

// Row `row` of four tiles times B: the first tile begins at the last pixel of quad `before`. Padding is zero in memory; what
// lies before the first quad or row wraps around to a large number, which is outside as well.
fn row_times_b(base: u32, row: u32, before: u32, exists: bool) -> mat4x4<f32> {
    let line = (base + row) * sizes.width4;
    let inside = exists && row < sizes.height;
    let a = load_x_if(line + before, inside && before < sizes.width4);
    let b = load_x_if(line + before + 1u, inside && before + 1u < sizes.width4);
    let c = load_x_if(line + before + 2u, inside && before + 2u < sizes.width4);
    let d = load_x_if(line + before + 3u, inside && before + 3u < sizes.width4);
    let p0 = vec4<f32>(a.w, b.yw, c.y);
    let p1 = vec4<f32>(b.xz, c.xz);
    let p2 = vec4<f32>(b.yw, c.yw);
    let p3 = vec4<f32>(b.z, c.xz, d.x);
    return mat4x4<f32>(p0 - p2, p1 + p2, p2 - p1, p1 - p3);
}

fn store_planes(at: u32, planes: mat4x4<f32>) {
    let plane = sizes.rows * sizes.n4;
    store_t(at, planes[0]);
    store_t(at + plane, planes[1]);
    store_t(at + 2u * plane, planes[2]);
    store_t(at + 3u * plane, planes[3]);
}

@compute @workgroup_size(W)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let j4 = id.x;
    let channel = id.y;
    if (j4 >= sizes.n4) { return; }
    let quad = j4 % sizes.tile_columns4;
    let tile_row = j4 / sizes.tile_columns4 % sizes.tile_rows;
    let image = j4 / (sizes.tile_columns4 * sizes.tile_rows);
    let base = (image * sizes.channels + channel) * sizes.height;
    let top = tile_row * 2u - 1u;
    let before = quad * 2u - 1u;
    let exists = channel < sizes.channels;
    let a = row_times_b(base, top, before, exists);
    let b = row_times_b(base, top + 1u, before, exists);
    let c = row_times_b(base, top + 2u, before, exists);
    let d = row_times_b(base, top + 3u, before, exists);
    let at = channel * sizes.n4 + j4;
    let next = 4u * sizes.rows * sizes.n4;
    store_planes(at, a - c);
    store_planes(at + next, b + c);
    store_planes(at + 2u * next, c - b);
    store_planes(at + 3u * next, b - d);
}
