// Snippet: the last operation on a quad, valid on its own.
//@begin
// Backward of ReLU: the gradient passes where the output, here the mask, was positive.
@group(0) @binding(15) var<storage, read> mask: array<vec4<f32>>;
fn load_mask(i: u32) -> vec4<f32> { return mask[i]; }
fn finish(v: vec4<f32>, i: u32) -> vec4<f32> { return select(vec4<f32>(), v, load_mask(i) > vec4<f32>()); }
