// sums [workgroups] = the sum of the W elements of x that each workgroup takes.
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> sums: array<f32>;
const W = 64u;
var<workgroup> part: array<f32, W>;
@compute @workgroup_size(W)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    part[lane] = x[group.x * W + lane];
    workgroupBarrier();
    for (var left = W / 2u; left > 0u; left /= 2u) {
        if (lane < left) { part[lane] += part[lane + left]; }
        workgroupBarrier();
    }
    if (lane == 0u) { sums[group.x] = part[0]; }
}
