// y [rows, N] = each row of x with mean 0 and variance 1, a row an invocation.
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
const N = 16u;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let at = id.x * N;
    var mean = 0.0;
    for (var i = 0u; i < N; i++) { mean += x[at + i]; }
    mean /= f32(N);
    var variance = 0.0;
    for (var i = 0u; i < N; i++) {
        let off = x[at + i] - mean;
        variance += off * off;
    }
    let scale = inverseSqrt(variance / f32(N) + 1e-5);
    for (var i = 0u; i < N; i++) { y[at + i] = (x[at + i] - mean) * scale; }
}
