// Snippet: the last operation on a quad, valid on its own.
//@begin
// Backward of ReLU: the gradient is zero where the output, here the mask, is zero, and passes elsewhere, NaN included.
@group(0) @binding(15) var<storage, read> mask: array<vec4<f32>>;
fn load_mask(i: u32) -> vec4<f32> { return mask[i]; }
fn finish(v: vec4<f32>, i: u32) -> vec4<f32> { return select(v, vec4<f32>(), load_mask(i) <= vec4<f32>()); }
