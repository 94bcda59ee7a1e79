// Gradient of the weight of a 3x3 convolution for software devices, whose images read faster than their buffers. A
// subgroup has exactly LANES lanes. A lane owns one input channel and LANES output channels; it reads one channel of the
// output's gradient and shares it. A layer of workgroups (grid z) sums its images into its own plane.
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

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let channel = group.x * LANES + lane;
    let out = group.y * LANES;
    var s0: array<vec4<f32>, LANES>;
    var s1: array<vec4<f32>, LANES>;
    var s2: array<f32, LANES>;
    let first = group.z * sizes.layer;
    for (var image = first; image < first + sizes.layer; image++) {
        // A channel or image out of range reads from a plane that does not exist: zeros.
        let exists = channel < sizes.channels && image < sizes.images;
        let plane = image * sizes.channels + channel;
        let base = (image * sizes.out_channels + out + lane) * sizes.out_height * sizes.out_width4;
        let given = out + lane < sizes.out_channels && image < sizes.images;
        for (var y = 0u; y < sizes.out_height; y++) {
            for (var q = 0u; q < sizes.out_width4; q++) {
                let mine = load_d_if(base + y * sizes.out_width4 + q, given);
                let b = taps(plane, select(0x7ffffffu, y, exists), q);
                for (var r = 0u; r < LANES; r++) {
                    let g = subgroupShuffle(mine, r);
                    s0[r] += vec4<f32>(dot(g, b.t0), dot(g, b.t1), dot(g, b.t2), dot(g, b.t3));
                    s1[r] += vec4<f32>(dot(g, b.t4), dot(g, b.t5), dot(g, b.t6), dot(g, b.t7));
                    s2[r] += dot(g, b.t8);
                }
            }
        }
    }
    if (channel >= sizes.channels) { return; }
    for (var r = 0u; r < LANES; r++) {
        if (out + r < sizes.out_channels) {
            let at = group.z * sizes.plane + (out + r) * sizes.row + channel * 3u;
            store_c(at, s0[r]);
            store_c(at + 1u, s1[r]);
            store_c(at + 2u, vec4<f32>(s2[r], 0.0, 0.0, 0.0));
        }
    }
}
