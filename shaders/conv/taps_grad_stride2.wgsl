// Snippet of the 3x3 texel kernels; what stands above the mark makes the file valid on its own.
struct Sizes {
    images: u32,
    channels: u32, height: u32, width: u32, width4: u32,              // the image that is read
    out_channels: u32, out_height: u32, out_width: u32, out_width4: u32,
    row: u32,                                                         // quads of a row of the weight, [out, channels, 12]
    layer: u32, plane: u32,                                           // grad-weight: images a layer sums; quads of a plane
}
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
fn load_x_if(i: u32, inside: bool) -> vec4<f32> { return select(vec4<f32>(), x[select(0u, i, inside)], inside); }
struct Taps { t0: vec4<f32>, t1: vec4<f32>, t2: vec4<f32>, t3: vec4<f32>, t4: vec4<f32>, t5: vec4<f32>, t6: vec4<f32>, t7: vec4<f32>, t8: vec4<f32> }
//@begin
// Gradient of a 3x3 convolution, stride 2, padding 1: what the nine taps, turned by 180 degrees, see of the output's
// gradient at the four input pixels of quad (y, q). Of a row only the taps of the matching parity see anything.
fn taps(plane: u32, y: u32, q: u32) -> Taps {
    let odd = (y & 1u) == 1u;
    let at = (plane * sizes.height + (y >> 1u)) * sizes.width4 + (q >> 1u);
    let inside = (q >> 1u) < sizes.width4;
    let level = (y >> 1u) < sizes.height;
    let below = (y >> 1u) + 1u < sizes.height;
    // Turned tap 0 meets output row (y - 1) / 2, tap 1 row y / 2, tap 2 row (y + 1) / 2.
    let first = load_x_if(at, odd && level && inside);
    let first_next = load_x_if(at + 1u, odd && level && (q >> 1u) + 1u < sizes.width4);
    let middle = load_x_if(at, !odd && level && inside);
    let middle_next = load_x_if(at + 1u, !odd && level && (q >> 1u) + 1u < sizes.width4);
    let last = load_x_if(at + sizes.width4, odd && below && inside);
    let last_next = load_x_if(at + sizes.width4 + 1u, odd && below && (q >> 1u) + 1u < sizes.width4);
    let half = (q & 1u) == 1u;
    let d0 = select(first.xyz, vec3<f32>(first.zw, first_next.x), half);
    let d1 = select(middle.xyz, vec3<f32>(middle.zw, middle_next.x), half);
    let d2 = select(last.xyz, vec3<f32>(last.zw, last_next.x), half);
    return Taps(vec4<f32>(0.0, d0.x, 0.0, d0.y), vec4<f32>(d0.x, 0.0, d0.y, 0.0), vec4<f32>(0.0, d0.y, 0.0, d0.z),
        vec4<f32>(0.0, d1.x, 0.0, d1.y), vec4<f32>(d1.x, 0.0, d1.y, 0.0), vec4<f32>(0.0, d1.y, 0.0, d1.z),
        vec4<f32>(0.0, d2.x, 0.0, d2.y), vec4<f32>(d2.x, 0.0, d2.y, 0.0), vec4<f32>(0.0, d2.y, 0.0, d2.z));
}
