// Snippet of the 3x3 texel kernels. The lines before the mark make the file valid on its own.
struct Sizes {
    images: u32,
    channels: u32, height: u32, width: u32, width4: u32,              // the input image
    out_channels: u32, out_height: u32, out_width: u32, out_width4: u32,
    row: u32,                                                         // quads of a row of the weight, [out, channels, 12]
    layer: u32, plane: u32,                                           // grad-weight: images a layer sums; quads of a plane
}
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
fn load_x_if(i: u32, inside: bool) -> vec4<f32> { return select(vec4<f32>(), x[select(0u, i, inside)], inside); }
struct Taps { t0: vec4<f32>, t1: vec4<f32>, t2: vec4<f32>, t3: vec4<f32>, t4: vec4<f32>, t5: vec4<f32>, t6: vec4<f32>, t7: vec4<f32>, t8: vec4<f32> }
@group(0) @binding(2) var<storage, read> w: array<vec4<f32>>;
fn load_w_if(i: u32, inside: bool) -> vec4<f32> { return select(vec4<f32>(), w[select(0u, i, inside)], inside); }
//@begin
// Gradient of the input: from output channel `channel` to input channel `out`, the kernel rotated by 180 degrees.
fn weight(channel: u32, out: u32, t: u32) -> vec4<f32> { return load_w_if(channel * sizes.row + out * 3u + t, out < sizes.out_channels); }
fn apply(w0: vec4<f32>, w1: vec4<f32>, w2: vec4<f32>, b: Taps) -> vec4<f32> {
    return w2.x * b.t0 + w1.w * b.t1 + w1.z * b.t2 + w1.y * b.t3 + w1.x * b.t4 + w0.w * b.t5 + w0.z * b.t6 + w0.y * b.t7 + w0.x * b.t8;
}
