// Snippet of optim/update; what stands above the mark makes the file valid on its own.
@group(0) @binding(2) var<storage, read> state: array<u32>;
//@begin
// Divided by the scale of the loss, and then scaled by the clip factor; optim/loss_scale computed both, and 0 where a
// gradient is not finite.
const CLIP = 5u;
const UNSCALE = 10u;
fn skipped() -> bool { return state[UNSCALE] == 0u; }
fn unscaled(grad: vec4<f32>) -> vec4<f32> { return bitcast<f32>(state[UNSCALE]) * grad; }
fn clipped(grad: vec4<f32>) -> vec4<f32> { return bitcast<f32>(state[CLIP]) * grad; }
