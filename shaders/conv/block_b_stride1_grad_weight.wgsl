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
const PAD_H = 1u; //@const
const PAD_W = 1u; //@const
const DILATION_H = 1u; //@const
const DILATION_W = 1u; //@const
const TAP_QUADS = 3u; //@const   taps stored per channel, in quads

// Stride 1: B = the windows of x, rows the pixels of the output (K), columns (channel, tap). At a tap the four pixels of a
// quad lie in two neighbouring quads of a row of x. Padding is zero in memory.
fn row_b(tap: u32, channel: u32, pixel: vec3<u32>) -> vec4<f32> {
    let row = pixel.y + tap / KERNEL_W * DILATION_H - PAD_H;
    let column = bitcast<i32>(pixel.z + tap % KERNEL_W * DILATION_W - PAD_W);
    let quad = bitcast<u32>(column >> 2u);
    let inside = channel < sizes.channels && tap < KERNEL_H * KERNEL_W && row < sizes.height;
    let at = ((pixel.x * sizes.channels + channel) * sizes.height + row) * sizes.width4;
    let near = load_b_if(at + quad, inside && quad < sizes.width4);
    let far = load_b_if(at + quad + 1u, inside && quad + 1u < sizes.width4);
    let two = (column & 2) != 0;
    let four = select(near, vec4<f32>(near.zw, far.xy), two);
    return select(four, vec4<f32>(four.yzw, select(far.x, far.z, two)), (column & 1) != 0);
}
// Channel and first tap.
fn begin_b(j4: u32) -> vec3<u32> { return vec3<u32>(j4 / TAP_QUADS, j4 % TAP_QUADS * 4u, 0u); }
fn block_b(k4: u32, j4: u32, begun: vec3<u32>) -> mat4x4<f32> {
    let plane = sizes.out_height * sizes.out_width4;
    let y = select(0x7fffffu, (k4 % plane) / sizes.out_width4, k4 < sizes.k4);
    let pixel = vec3<u32>(k4 / plane, y, (k4 % sizes.out_width4) * 4u);
    let channel = begun.x;
    let tap = begun.y;
    return transpose(mat4x4<f32>(row_b(tap, channel, pixel), row_b(tap + 1u, channel, pixel), row_b(tap + 2u, channel, pixel), row_b(tap + 3u, channel, pixel)));
}
