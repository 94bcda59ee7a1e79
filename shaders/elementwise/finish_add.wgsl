// Snippet: the last operation on a quad, valid on its own.
//@begin
// Adds the same quad of another tensor.
@group(0) @binding(14) var<storage, read> addend: array<vec4<f32>>;
fn load_addend(i: u32) -> vec4<f32> { return addend[i]; }
fn finish(v: vec4<f32>, i: u32) -> vec4<f32> { return v + load_addend(i); }
