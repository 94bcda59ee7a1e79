// Snippet of the activations. The lines before the mark make the file valid on its own.
fn hyperbolic(x: vec4<f32>) -> vec4<f32> { return x; }
//@begin
// SiLU = x times the sigmoid of x, without overflow.
fn sigmoid(x: vec4<f32>) -> vec4<f32> {
    let small = exp(-abs(x));
    return select(small, vec4<f32>(1.0), x >= vec4<f32>()) / (1.0 + small);
}
fn value(x: vec4<f32>) -> vec4<f32> { return x * sigmoid(x); }
fn slope(x: vec4<f32>) -> vec4<f32> {
    let s = sigmoid(x);
    return s * (1.0 + x * (1.0 - s));
}
