// Snippet: the last operation on a quad, valid on its own.
//@begin
// ReLU by comparison, so that a NaN stays a NaN, which a maximum would not promise.
fn finish(v: vec4<f32>, i: u32) -> vec4<f32> { return select(v, vec4<f32>(), v < vec4<f32>()); }
