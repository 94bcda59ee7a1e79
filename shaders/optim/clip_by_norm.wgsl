// Snippet of optim/update; what stands above the mark makes the file valid on its own.
@group(0) @binding(2) var<storage, read> state: array<u32>;
//@begin
// Scaled by the factor that optim/clip_factor computed.
const CLIP = 5u;
fn skipped() -> bool { return false; }
fn unscaled(grad: vec4<f32>) -> vec4<f32> { return grad; }
fn clipped(grad: vec4<f32>) -> vec4<f32> { return bitcast<f32>(state[CLIP]) * grad; }
