// Snippet of the conv family for the gemm cores. The lines before the mark make the file valid on its own.
struct Sizes {
    m: u32, n: u32, k: u32,          // rows of C, columns of C, length of the sum
    n4: u32, k4: u32,                // columns and K in quads
    lda: u32, ldb: u32, ldc: u32,    // quads from one stored row to the next
    k4_layer: u32, plane: u32,       // quads of K a layer sums; quads of a plane of C
    // Convolutions only: the input image and the output image; widths in elements and in quads.
    channels: u32, height: u32, width: u32, width4: u32,
    out_channels: u32, out_height: u32, out_width: u32, out_width4: u32,
}
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> a: array<vec4<f32>>;
fn load_a_if(i: u32, inside: bool) -> vec4<f32> { return select(vec4<f32>(), a[select(0u, i, inside)], inside); }
@group(0) @binding(2) var<storage, read> b: array<vec4<f32>>;
fn load_b_if(i: u32, inside: bool) -> vec4<f32> { return select(vec4<f32>(), b[select(0u, i, inside)], inside); }
@group(0) @binding(3) var<storage, read_write> c: array<vec4<f32>>;
fn store_c(i: u32, v: vec4<f32>) { c[i] = v; }
//@begin
// 1x1 kernel, stride 2, no padding: B = the gradient of the output, rows its channels, columns the pixels of the input, of
// which every second one in each direction was read.
fn spread_b(at: u32, half: bool, inside: bool) -> vec4<f32> {
    let d = load_b_if(at, inside);
    let pair = select(d.xy, d.zw, half);
    return vec4<f32>(pair.x, 0.0, pair.y, 0.0);
}
// Image, row and quad of the row.
fn begin_b(j4: u32) -> vec3<u32> {
    return vec3<u32>(j4 / (sizes.height * sizes.width4), (j4 / sizes.width4) % sizes.height, j4 % sizes.width4);
}
fn block_b(k4: u32, j4: u32, begun: vec3<u32>) -> mat4x4<f32> {
    let k = k4 * 4u;
    let image = begun.x;
    let y = begun.y;
    let q = begun.z;
    let inside = j4 < sizes.n4 && (y & 1u) == 0u && (q >> 1u) < sizes.out_width4;
    let plane = sizes.out_height * sizes.out_width4;
    let at = (image * sizes.k + k) * plane + (y >> 1u) * sizes.out_width4 + (q >> 1u);
    let half = (q & 1u) == 1u;
    return mat4x4<f32>(spread_b(at, half, inside && k < sizes.k), spread_b(at + plane, half, inside && k + 1u < sizes.k),
        spread_b(at + 2u * plane, half, inside && k + 2u < sizes.k), spread_b(at + 3u * plane, half, inside && k + 3u < sizes.k));
}
