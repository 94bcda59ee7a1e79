// Snippet: how much a positive target of each output counts, valid on its own.
//@begin
@group(0) @binding(6) var<storage, read> pos_weight: array<vec4<f32>>;
fn positive(quad: u32) -> vec4<f32> { return pos_weight[quad]; }
