// Global average pool: a lane makes four channels of one image, and adds a plane in the order of its quads.
struct Sizes {
    quads: u32, channels: u32, channels4: u32,   // quads of y; channels, and in quads
    plane_quads: u32, elements: u32,             // of a plane of x: quads with padding, elements without
}
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
fn load_x_if(i: u32, inside: bool) -> vec4<f32> { return select(vec4<f32>(), x[select(0u, i, inside)], inside); }
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;
fn store_y(i: u32, v: vec4<f32>) { y[i] = v; }
const W = 64u; //@const

@compute @workgroup_size(W)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = id.x;
    if (i >= sizes.quads) { return; }
    let channel = i % sizes.channels4 * 4u;
    let at = (i / sizes.channels4 * sizes.channels + channel) * sizes.plane_quads;
    let inside = vec4<u32>(channel) + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(sizes.channels);
    // Column e sums channel e; padding is zero and adds nothing.
    var sum = mat4x4<f32>();
    for (var p = at; p < at + sizes.plane_quads; p++) {
        sum += mat4x4<f32>(load_x_if(p, inside.x), load_x_if(p + sizes.plane_quads, inside.y),
            load_x_if(p + 2u * sizes.plane_quads, inside.z), load_x_if(p + 3u * sizes.plane_quads, inside.w));
    }
    let across = transpose(sum);
    store_y(i, (across[0] + across[1] + across[2] + across[3]) / f32(sizes.elements));
}
