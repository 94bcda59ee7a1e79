// y = the inclusive prefix sums of x within each workgroup's W elements (Hillis and Steele).
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
const W = 64u;
var<workgroup> part: array<f32, W>;
@compute @workgroup_size(W)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    part[lane] = x[id.x];
    workgroupBarrier();
    for (var step = 1u; step < W; step *= 2u) {
        var add = 0.0;
        if (lane >= step) { add = part[lane - step]; }
        workgroupBarrier();
        part[lane] += add;
        workgroupBarrier();
    }
    y[id.x] = part[lane];
}
