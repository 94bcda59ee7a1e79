// Snippet: the last operation on a quad, valid on its own.
//@begin
// Adds another consumer's gradient, then the backward of ReLU: zero where the output, here the mask, is zero.
@group(0) @binding(14) var<storage, read> addend: array<vec4<f32>>;
fn load_addend(i: u32) -> vec4<f32> { return addend[i]; }
@group(0) @binding(15) var<storage, read> mask: array<vec4<f32>>;
fn load_mask(i: u32) -> vec4<f32> { return mask[i]; }
fn finish(v: vec4<f32>, i: u32) -> vec4<f32> { return select(v + load_addend(i), vec4<f32>(), load_mask(i) <= vec4<f32>()); }
