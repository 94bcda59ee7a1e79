// y [H - 2, W - 2] = the 3x3 convolution of x [H, W] with w [3, 3], without padding.
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> w: array<f32, 9>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
const H = 34u;
const W = 34u;
@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if (id.x >= W - 2u || id.y >= H - 2u) { return; }
    var sum = 0.0;
    for (var row = 0u; row < 3u; row++) {
        for (var column = 0u; column < 3u; column++) {
            sum += w[row * 3u + column] * x[(id.y + row) * W + id.x + column];
        }
    }
    y[id.y * (W - 2u) + id.x] = sum;
}
