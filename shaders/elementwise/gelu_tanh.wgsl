// Snippet of the activations. The lines before the mark make the file valid on its own.
fn hyperbolic(x: vec4<f32>) -> vec4<f32> { return x; }
//@begin
// The approximation of GELU by a hyperbolic tangent.
fn inner(x: vec4<f32>) -> vec4<f32> { return hyperbolic(0.79788456 * (x + 0.044715 * x * x * x)); }
fn value(x: vec4<f32>) -> vec4<f32> { return 0.5 * x * (1.0 + inner(x)); }
fn slope(x: vec4<f32>) -> vec4<f32> {
    let h = inner(x);
    return 0.5 * (1.0 + h) + 0.5 * x * (1.0 - h * h) * 0.79788456 * (1.0 + 0.134145 * x * x);
}
