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
const KERNEL_H = 3u; //@const
const KERNEL_W = 3u; //@const
const STRIDE_H = 1u; //@const
const STRIDE_W = 1u; //@const
const PAD_H = 1u; //@const
const PAD_W = 1u; //@const
const DILATION_H = 1u; //@const
const DILATION_W = 1u; //@const
const TAPS = 12u; //@const   taps stored per channel: KERNEL_H * KERNEL_W, rounded up to a multiple of 4 unless it is 1

// B = im2col of x: rows (channel, tap), columns the pixels of the output, a quad never crossing a row.
fn element_b(k: u32, image: u32, y: u32, x: u32) -> f32 {
    let channel = k / TAPS;
    let tap = k % TAPS;
    let row = y * STRIDE_H + tap / KERNEL_W * DILATION_H - PAD_H;
    let column = x * STRIDE_W + tap % KERNEL_W * DILATION_W - PAD_W;
    let inside = channel < sizes.channels && tap < KERNEL_H * KERNEL_W && row < sizes.height && column < sizes.width && x < sizes.out_width;
    let at = ((image * sizes.channels + channel) * sizes.height + row) * sizes.width4 + (column >> 2u);
    return load_b_if(at, inside)[column & 3u];
}
// Image, row and column of the quad of pixels.
fn begin_b(j4: u32) -> vec3<u32> {
    let plane = sizes.out_height * sizes.out_width4;
    let y = select(0x7fffffu, (j4 % plane) / sizes.out_width4, j4 < sizes.n4);
    return vec3<u32>(j4 / plane, y, (j4 % sizes.out_width4) * 4u);
}
fn block_b(k4: u32, j4: u32, begun: vec3<u32>) -> mat4x4<f32> {
    let image = begun.x;
    let y = begun.y;
    let x = begun.z;
    let k = k4 * 4u;
    return mat4x4<f32>(
        element_b(k, image, y, x), element_b(k, image, y, x + 1u), element_b(k, image, y, x + 2u), element_b(k, image, y, x + 3u),
        element_b(k + 1u, image, y, x), element_b(k + 1u, image, y, x + 1u), element_b(k + 1u, image, y, x + 2u), element_b(k + 1u, image, y, x + 3u),
        element_b(k + 2u, image, y, x), element_b(k + 2u, image, y, x + 1u), element_b(k + 2u, image, y, x + 2u), element_b(k + 2u, image, y, x + 3u),
        element_b(k + 3u, image, y, x), element_b(k + 3u, image, y, x + 1u), element_b(k + 3u, image, y, x + 2u), element_b(k + 3u, image, y, x + 3u));
}
