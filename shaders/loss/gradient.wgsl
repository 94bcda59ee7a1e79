// Snippet: where the gradient of the logits goes, valid on its own.
//@begin
const GRADIENT = true;
@group(0) @binding(5) var<storage, read_write> dlogits: array<vec4<f32>>;
fn store_dlogits(i: u32, v: vec4<f32>) { dlogits[i] = v; }
fn gradient(i: u32, v: vec4<f32>) { store_dlogits(i, v); }
