// Snippet: where the gradient of the logits goes, times the scale of the loss; valid on its own.
//@begin
const GRADIENT = true;
const SCALE = 9u;
@group(0) @binding(5) var<storage, read> state: array<u32>;
@group(0) @binding(6) var<storage, read_write> dlogits: array<vec4<f32>>;
fn store_dlogits(i: u32, v: vec4<f32>) { dlogits[i] = v; }
fn gradient(i: u32, v: vec4<f32>) { store_dlogits(i, v * bitcast<f32>(state[SCALE])); }
