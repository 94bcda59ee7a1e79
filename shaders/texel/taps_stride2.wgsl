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
//@begin
// The inputs under the nine taps of a 3x3 kernel, stride 2, padding 1, at the four output pixels of quad (y, q).
fn taps(plane: u32, y: u32, q: u32) -> Taps {
    let row = 2u * y;
    let column = 2u * q;
    let at = (plane * sizes.height + row) * sizes.width4 + column;
    let up = at - sizes.width4;
    let down = at + sizes.width4;
    let left = column > 0u && column - 1u < sizes.width4;
    let here = column < sizes.width4;
    let right = column + 1u < sizes.width4;
    let above = row > 0u && row - 1u < sizes.height;
    let level = row < sizes.height;
    let below = row + 1u < sizes.height;
    let l0 = load_x_if(up - 1u, above && left); let m0 = load_x_if(up, above && here); let r0 = load_x_if(up + 1u, above && right);
    let l1 = load_x_if(at - 1u, level && left); let m1 = load_x_if(at, level && here); let r1 = load_x_if(at + 1u, level && right);
    let l2 = load_x_if(down - 1u, below && left); let m2 = load_x_if(down, below && here); let r2 = load_x_if(down + 1u, below && right);
    return Taps(vec4<f32>(l0.w, m0.yw, r0.y), vec4<f32>(m0.xz, r0.xz), vec4<f32>(m0.yw, r0.yw),
        vec4<f32>(l1.w, m1.yw, r1.y), vec4<f32>(m1.xz, r1.xz), vec4<f32>(m1.yw, r1.yw),
        vec4<f32>(l2.w, m2.yw, r2.y), vec4<f32>(m2.xz, r2.xz), vec4<f32>(m2.yw, r2.yw));
}
