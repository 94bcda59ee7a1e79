// Snippet of the gemm family. The lines before the mark make the file valid on its own.
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
@group(0) @binding(4) var<storage, read> bias: array<vec4<f32>>;
fn load_bias(i: u32) -> vec4<f32> { return bias[i]; }
fn epilogue(v: vec4<f32>, i: u32, j4: u32, at: u32) -> vec4<f32> {
    let sum = v + vec4<f32>(load_bias(i >> 2u)[i & 3u]);
    return select(sum, vec4<f32>(), sum < vec4<f32>());
}
