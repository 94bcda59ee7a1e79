// y [N, M] = the transpose of x [M, N], by tiles in workgroup memory. M and N are multiples of T.
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
const M = 64u;
const N = 64u;
const T = 8u;
var<workgroup> tile: array<f32, 72>; // T rows of T + 1: columns fall into different banks
@compute @workgroup_size(T, T)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_id) lane: vec3<u32>) {
    tile[lane.y * (T + 1u) + lane.x] = x[(group.y * T + lane.y) * N + group.x * T + lane.x];
    workgroupBarrier();
    y[(group.x * T + lane.y) * M + group.y * T + lane.x] = tile[lane.x * (T + 1u) + lane.y];
}
