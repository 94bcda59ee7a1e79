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
// 1x1 kernel, stride 2, no padding: B = x, rows the pixels of the output (K), columns the channels. Every second pixel of two
// quads of a row makes one quad.
fn strided_b(plane: u32, y: u32, q: u32, inside: bool) -> vec4<f32> {
    let at = (plane * sizes.height + 2u * y) * sizes.width4 + 2u * q;
    let near = load_b_if(at, inside);
    let far = load_b_if(at + 1u, inside && 2u * q + 1u < sizes.width4);
    return vec4<f32>(near.xz, far.xz);
}
fn begin_b(j4: u32) -> vec3<u32> { return vec3<u32>(); }
fn block_b(k4: u32, j4: u32, begun: vec3<u32>) -> mat4x4<f32> {
    let j = j4 * 4u;
    let image = k4 / (sizes.out_height * sizes.out_width4);
    let y = (k4 / sizes.out_width4) % sizes.out_height;
    let q = k4 % sizes.out_width4;
    let inside = k4 < sizes.k4;
    let plane = image * sizes.channels + j;
    return transpose(mat4x4<f32>(strided_b(plane, y, q, inside && j < sizes.channels), strided_b(plane + 1u, y, q, inside && j + 1u < sizes.channels),
        strided_b(plane + 2u, y, q, inside && j + 2u < sizes.channels), strided_b(plane + 3u, y, q, inside && j + 3u < sizes.channels)));
}
