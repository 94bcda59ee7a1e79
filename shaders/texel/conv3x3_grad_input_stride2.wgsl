// Gradient of the input of a 3x3 convolution, stride 2, padding 1, for software devices, whose images read faster than
// their buffers. A subgroup has exactly LANES lanes. A lane owns four pixels of two rows in LANES input channels: of 2x2
// pixels one is under one tap, two are under two taps and one is under four. `x` is the gradient of the output; the subgroup
// shares the weights.
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
//@slot epilogue
fn epilogue(v: vec4<f32>, i: u32, j4: u32, at: u32) -> vec4<f32> { return v; }
//@end
const LANES = 8u; //@const
const SUBGROUPS = 1u; //@const

fn put(v: vec4<f32>, image: u32, i: u32, y: u32, q: u32) {
    if (y >= sizes.out_height || i >= sizes.out_channels) { return; }
    let at = ((image * sizes.out_channels + i) * sizes.out_height + y) * sizes.out_width4 + q;
    let done = epilogue(v, i, y * sizes.out_width4 + q, at);
    store_c(at, select(vec4<f32>(), done, vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(sizes.out_width - q * 4u)));
}

@compute @workgroup_size(SUBGROUPS * LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let lane = thread % LANES;
    let p = group.x * SUBGROUPS * LANES + thread;
    let out = group.y * LANES;
    let image = sizes.first + group.z;
    let y = p / sizes.out_width4;
    let q = p % sizes.out_width4;
    // Window column 2 q is the first pixel's, at the start or in the middle of a quad.
    let half = (q & 1u) == 1u;
    let near = (q >> 1u) < sizes.width4;
    let far = (q >> 1u) + 1u < sizes.width4;
    let level = y < sizes.height;
    let below = y + 1u < sizes.height;
    var even: array<vec4<f32>, LANES>;
    var odd: array<vec4<f32>, LANES>;
    for (var channel = 0u; channel < sizes.channels; channel++) {
        let w_at = channel * sizes.row + (out + lane) * 3u;
        let given = out + lane < sizes.out_channels;
        let w0 = load_w_if(w_at, given);
        let w1 = load_w_if(w_at + 1u, given);
        let w2 = load_w_if(w_at + 2u, given);
        let at = ((image * sizes.channels + channel) * sizes.height + y) * sizes.width4 + (q >> 1u);
        let u = load_x_if(at, level && near);
        let u_next = load_x_if(at + 1u, level && far);
        let v = load_x_if(at + sizes.width4, below && near);
        let v_next = load_x_if(at + sizes.width4 + 1u, below && far);
        let upper = select(u.xyz, vec3<f32>(u.zw, u_next.x), half);
        let lower = select(v.xyz, vec3<f32>(v.zw, v_next.x), half);
        for (var r = 0u; r < LANES; r++) {
            let t = subgroupShuffle(w0, r);
            let m = subgroupShuffle(w1, r);
            let b = subgroupShuffle(w2, r).x;
            // Taps t.x t.y t.z / t.w m.x m.y / m.z m.w b.
            let first = m.x * upper.xy;
            let second = m.y * upper.xy + t.w * upper.yz;
            let third = m.w * upper.xy + t.y * lower.xy;
            let fourth = b * upper.xy + m.z * upper.yz + t.z * lower.xy + t.x * lower.yz;
            even[r] += vec4<f32>(first.x, second.x, first.y, second.y);
            odd[r] += vec4<f32>(third.x, fourth.x, third.y, fourth.y);
        }
    }
    for (var r = 0u; r < LANES; r++) {
        put(even[r], image, out + r, y * 2u, q);
        put(odd[r], image, out + r, y * 2u + 1u, q);
    }
}
