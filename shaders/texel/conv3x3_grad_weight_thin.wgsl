// Gradient of the weight of a 3x3 convolution with few input channels, for software devices, whose images read faster than
// their buffers. A subgroup has exactly LANES lanes, which share one input channel and LANES output channels, divide the
// pixels of a layer's images (grid z) among them, and add their sums at the end.
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
@group(0) @binding(2) var<storage, read> d: array<vec4<f32>>;
fn load_d_if(i: u32, inside: bool) -> vec4<f32> { return select(vec4<f32>(), d[select(0u, i, inside)], inside); }
@group(0) @binding(3) var<storage, read_write> c: array<vec4<f32>>;
fn store_c(i: u32, v: vec4<f32>) { c[i] = v; }
struct Taps { t0: vec4<f32>, t1: vec4<f32>, t2: vec4<f32>, t3: vec4<f32>, t4: vec4<f32>, t5: vec4<f32>, t6: vec4<f32>, t7: vec4<f32>, t8: vec4<f32> }
//@slot taps
// The inputs under the nine taps of a 3x3 kernel, stride 1, padding 1, at the four pixels of quad (y, q) of a plane.
fn taps(plane: u32, y: u32, q: u32) -> Taps {
    let at = (plane * sizes.height + y) * sizes.width4 + q;
    let up = at - sizes.width4;
    let down = at + sizes.width4;
    let left = q > 0u;
    let here = q < sizes.width4;
    let right = q + 1u < sizes.width4;
    let above = y > 0u && y - 1u < sizes.height;
    let level = y < sizes.height;
    let below = y + 1u < sizes.height;
    let l0 = load_x_if(up - 1u, above && left); let m0 = load_x_if(up, above && here); let r0 = load_x_if(up + 1u, above && right);
    let l1 = load_x_if(at - 1u, level && left); let m1 = load_x_if(at, level && here); let r1 = load_x_if(at + 1u, level && right);
    let l2 = load_x_if(down - 1u, below && left); let m2 = load_x_if(down, below && here); let r2 = load_x_if(down + 1u, below && right);
    return Taps(vec4<f32>(l0.w, m0.xyz), m0, vec4<f32>(m0.yzw, r0.x),
        vec4<f32>(l1.w, m1.xyz), m1, vec4<f32>(m1.yzw, r1.x),
        vec4<f32>(l2.w, m2.xyz), m2, vec4<f32>(m2.yzw, r2.x));
}
//@end
const LANES = 8u; //@const

// The sum over all lanes, in every lane. Each step adds pairs, so the order is fixed.
fn across(v: vec4<f32>) -> vec4<f32> {
    var sum = v + subgroupShuffleXor(v, 1u);
    sum += subgroupShuffleXor(sum, 2u);
    // No loop: drivers unroll none whose step is multiplied, and arrays indexed in a loop leave the registers.
    if (LANES > 4u) { sum += subgroupShuffleXor(sum, 4u); }
    if (LANES > 8u) { sum += subgroupShuffleXor(sum, 8u); }
    return sum;
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let channel = group.x;
    let out = group.y * LANES;
    var s0: array<vec4<f32>, LANES>;
    var s1: array<vec4<f32>, LANES>;
    var s2: array<vec4<f32>, LANES>;
    let pixels = sizes.out_height * sizes.out_width4;
    let first = group.z * sizes.layer;
    let end = min(first + sizes.layer, sizes.images);
    for (var image = first; image < end; image++) {
        let plane = image * sizes.channels + channel;
        let base = (image * sizes.out_channels + out) * pixels;
        for (var p = lane; p < pixels; p += LANES) {
            let b = taps(plane, p / sizes.out_width4, p % sizes.out_width4);
            for (var r = 0u; r < LANES; r++) {
                let g = load_d_if(base + r * pixels + p, out + r < sizes.out_channels);
                s0[r] += vec4<f32>(dot(g, b.t0), dot(g, b.t1), dot(g, b.t2), dot(g, b.t3));
                s1[r] += vec4<f32>(dot(g, b.t4), dot(g, b.t5), dot(g, b.t6), dot(g, b.t7));
                s2[r].x += dot(g, b.t8);
            }
        }
    }
    // Lane r keeps the sums of output channel r.
    var t0: vec4<f32>;
    var t1: vec4<f32>;
    var t2: vec4<f32>;
    for (var r = 0u; r < LANES; r++) {
        let a0 = across(s0[r]);
        let a1 = across(s1[r]);
        let a2 = across(s2[r]);
        t0 = select(t0, a0, lane == r);
        t1 = select(t1, a1, lane == r);
        t2 = select(t2, a2, lane == r);
    }
    if (out + lane < sizes.out_channels) {
        let at = group.z * sizes.plane + (out + lane) * sizes.row + channel * 3u;
        store_c(at, t0);
        store_c(at + 1u, t1);
        store_c(at + 2u, t2);
    }
}
