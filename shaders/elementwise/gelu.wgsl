// Snippet of the activations. The lines before the mark make the file valid on its own.
fn hyperbolic(x: vec4<f32>) -> vec4<f32> { return x; }
//@begin
// GELU = x P(x), P the normal distribution, from the complementary error function of Numerical Recipes (relative error below
// 1.2e-7 before rounding). Its tail is used on both sides, so that nothing cancels where x is negative.
fn distribution(x: vec4<f32>) -> vec4<f32> {
    let z = abs(x) * 0.70710678;
    let t = 1.0 / (1.0 + 0.5 * z);
    let p = -1.26551223 + t * (1.00002368 + t * (0.37409196 + t * (0.09678418 + t * (-0.18628806 + t * (0.27886807
        + t * (-1.13520398 + t * (1.48851587 + t * (-0.82215223 + t * 0.17087277))))))));
    let tail = 0.5 * t * exp(-z * z + p);
    return select(tail, 1.0 - tail, x >= vec4<f32>());
}
fn value(x: vec4<f32>) -> vec4<f32> { return x * distribution(x); }
fn slope(x: vec4<f32>) -> vec4<f32> { return distribution(x) + x * 0.39894228 * exp(-0.5 * x * x); }
