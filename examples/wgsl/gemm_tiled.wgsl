// c [M, N] = a [M, K] b [K, N], by tiles of T x T in workgroup memory. M, N and K are multiples of T.
struct Sizes { m: u32, n: u32, k: u32, unused: u32 }
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> c: array<f32>;
const T = 8u;
var<workgroup> tile_a: array<f32, 64>;
var<workgroup> tile_b: array<f32, 64>;
@compute @workgroup_size(T, T)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(local_invocation_id) lane: vec3<u32>) {
    var sum = 0.0;
    for (var k = 0u; k < sizes.k; k += T) {
        tile_a[lane.y * T + lane.x] = a[id.y * sizes.k + k + lane.x];
        tile_b[lane.y * T + lane.x] = b[(k + lane.y) * sizes.n + id.x];
        workgroupBarrier();
        for (var i = 0u; i < T; i++) { sum += tile_a[lane.y * T + i] * tile_b[i * T + lane.x]; }
        workgroupBarrier();
    }
    c[id.y * sizes.n + id.x] = sum;
}
