// 3x3 convolution for software devices, whose images read faster than their buffers. A subgroup has exactly LANES lanes. A
// lane owns four pixels of a row in LANES output channels; it reads the weights of one of them and shares them.
struct Sizes {
    images: u32,
    channels: u32, height: u32, width: u32, width4: u32,              // the input image
    out_channels: u32, out_height: u32, out_width: u32, out_width4: u32,
    row: u32,                                                         // quads of a row of the weight, [out, channels, 12]
    first: u32,                                                       // the image of grid z = 0
}
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
fn load_x_if(i: u32, inside: bool) -> vec4<f32> { return select(vec4<f32>(), x[select(0u, i, inside)], inside); }
@group(0) @binding(2) var<storage, read> w: array<vec4<f32>>;
fn load_w_if(i: u32, inside: bool) -> vec4<f32> { return select(vec4<f32>(), w[select(0u, i, inside)], inside); }
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
//@slot weights
// Quad t (0 to 2) of the taps from input channel `channel` to output channel `out`.
fn weight(channel: u32, out: u32, t: u32) -> vec4<f32> { return load_w_if(out * sizes.row + channel * 3u + t, out < sizes.out_channels); }
fn apply(w0: vec4<f32>, w1: vec4<f32>, w2: vec4<f32>, b: Taps) -> vec4<f32> {
    return w0.x * b.t0 + w0.y * b.t1 + w0.z * b.t2 + w0.w * b.t3 + w1.x * b.t4 + w1.y * b.t5 + w1.z * b.t6 + w1.w * b.t7 + w2.x * b.t8;
}
//@end
//@slot epilogue
fn epilogue(v: vec4<f32>, i: u32, j4: u32, at: u32) -> vec4<f32> { return v; }
//@end
const LANES = 8u; //@const
const SUBGROUPS = 1u; //@const

@compute @workgroup_size(SUBGROUPS * LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let lane = thread % LANES;
    let p = group.x * SUBGROUPS * LANES + thread;
    let out = group.y * LANES;
    let image = sizes.first + group.z;
    let y = p / sizes.out_width4;
    let q = p % sizes.out_width4;
    var sum: array<vec4<f32>, LANES>;
    for (var channel = 0u; channel < sizes.channels; channel++) {
        let w0 = weight(channel, out + lane, 0u);
        let w1 = weight(channel, out + lane, 1u);
        let w2 = weight(channel, out + lane, 2u);
        let b = taps(image * sizes.channels + channel, y, q);
        for (var r = 0u; r < LANES; r++) {
            sum[r] += apply(subgroupShuffle(w0, r), subgroupShuffle(w1, r), subgroupShuffle(w2, r), b);
        }
    }
    if (y >= sizes.out_height) { return; }
    for (var r = 0u; r < LANES; r++) {
        let i = out + r;
        if (i < sizes.out_channels) {
            let at = ((image * sizes.out_channels + i) * sizes.out_height + y) * sizes.out_width4 + q;
            let v = epilogue(sum[r], i, p, at);
            store_c(at, select(vec4<f32>(), v, vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(sizes.out_width - q * 4u)));
        }
    }
}
