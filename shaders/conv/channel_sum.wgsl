// c = the sum of every channel of x over images and pixels, a workgroup a quad of channels: the lanes stride over the
// pixels, then a tree adds their sums. A layer of workgroups (grid y) sums its images into its own row of c.
struct Sizes {
    images: u32, channels: u32,
    plane: u32,              // quads of a channel of an image
    layer: u32,              // images that a layer sums
}
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
fn load_x_if(i: u32, inside: bool) -> vec4<f32> { return select(vec4<f32>(), x[select(0u, i, inside)], inside); }
@group(0) @binding(2) var<storage, read_write> c: array<vec4<f32>>;
fn store_c(i: u32, v: vec4<f32>) { c[i] = v; }
const LANES = 64u; //@const
var<workgroup> sums: array<vec4<f32>, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let channel = group.x * 4u;
    let first = group.y * sizes.layer;
    let end = min(first + sizes.layer, sizes.images);
    var s0 = vec4<f32>();
    var s1 = vec4<f32>();
    var s2 = vec4<f32>();
    var s3 = vec4<f32>();
    for (var image = first; image < end; image++) {
        let plane = (image * sizes.channels + channel) * sizes.plane;
        for (var p = lane; p < sizes.plane; p += LANES) {
            let at = plane + p;
            s0 += load_x_if(at, true);
            s1 += load_x_if(at + sizes.plane, channel + 1u < sizes.channels);
            s2 += load_x_if(at + 2u * sizes.plane, channel + 2u < sizes.channels);
            s3 += load_x_if(at + 3u * sizes.plane, channel + 3u < sizes.channels);
        }
    }
    sums[lane] = vec4<f32>((s0.x + s0.y) + (s0.z + s0.w), (s1.x + s1.y) + (s1.z + s1.w), (s2.x + s2.y) + (s2.z + s2.w), (s3.x + s3.y) + (s3.z + s3.w));
    workgroupBarrier();
    for (var half = LANES / 2u; half > 0u; half /= 2u) {
        if (lane < half) { sums[lane] += sums[lane + half]; }
        workgroupBarrier();
    }
    if (lane == 0u) { store_c(group.y * groups.x + group.x, sums[0]); }
}
