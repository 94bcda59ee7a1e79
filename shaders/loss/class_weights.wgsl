// Snippet: a weight for each class, valid on its own.
//@begin
// PyTorch's weighted mean: a row counts as much as its label's class, and the sum is divided by what the rows of the batch
// count together.
const WEIGHTED = true;
@group(0) @binding(6) var<storage, read> class_weights: array<vec4<f32>>;
fn weights_of(quad: u32) -> vec4<f32> { return class_weights[quad]; }
