// y [rows, N] = the softmax of each row of x, a row an invocation.
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
const N = 16u;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let at = id.x * N;
    var largest = x[at];
    for (var i = 1u; i < N; i++) { largest = max(largest, x[at + i]); }
    var sum = 0.0;
    for (var i = 0u; i < N; i++) { sum += exp(x[at + i] - largest); }
    for (var i = 0u; i < N; i++) { y[at + i] = exp(x[at + i] - largest) / sum; }
}
