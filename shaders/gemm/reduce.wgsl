// C = the sum of `layers` partial planes, added in their order, then the epilogue.
struct Sizes {
    m: u32, n: u32, n4: u32,
    ldc: u32, layers: u32, plane: u32,
    // Convolutions only: the input image and the output image; widths in elements and in quads.
    channels: u32, height: u32, width: u32, width4: u32,
    out_channels: u32, out_height: u32, out_width: u32, out_width4: u32,
}
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> a: array<vec4<f32>>;
fn load_a(i: u32) -> vec4<f32> { return a[i]; }
@group(0) @binding(3) var<storage, read_write> c: array<vec4<f32>>;
fn store_c(i: u32, v: vec4<f32>) { c[i] = v; }
//@slot place
fn place(i: u32, j4: u32) -> u32 { return i * sizes.ldc + j4; }
fn columns(j4: u32) -> u32 { return sizes.n - j4 * 4u; }
//@end
//@slot epilogue
fn epilogue(v: vec4<f32>, i: u32, j4: u32, at: u32) -> vec4<f32> { return v; }
//@end
const W = 64u; //@const

@compute @workgroup_size(W)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = id.y;
    let j4 = id.x;
    if (j4 >= sizes.n4) { return; }
    let at = place(i, j4);
    var sum = load_a(at);
    for (var layer = 1u; layer < sizes.layers; layer++) { sum += load_a(at + layer * sizes.plane); }
    let v = epilogue(sum, i, j4, at);
    store_c(at, select(vec4<f32>(), v, vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(columns(j4))));
}
