// Snippet of the losses that are means over elements. The lines before the mark make the file valid on its own.
fn positive(quad: u32) -> vec4<f32> { return vec4<f32>(1.0); }
//@begin
// Binary cross-entropy with logits: no exponential is above 1, so none overflows. A target is 0 or 1, or between.
fn term(x: vec4<f32>, t: vec4<f32>, quad: u32) -> vec4<f32> {
    let small = exp(-abs(x));
    // log(1 + small), by its series where the sum would lose it.
    let tail = select(log(1.0 + small), small * (1.0 - 0.5 * small), small < vec4<f32>(0.0005));
    let weight = positive(quad);
    // No term is negative, so that none cancels another.
    return select(-weight * t * x, (1.0 - t) * x, x >= vec4<f32>()) + ((weight - 1.0) * t + 1.0) * tail;
}
fn slope(x: vec4<f32>, t: vec4<f32>, quad: u32) -> vec4<f32> {
    let small = exp(-abs(x));
    let sigmoid = select(small, vec4<f32>(1.0), x >= vec4<f32>()) / (1.0 + small);
    let weighted = positive(quad) * t;
    return (weighted + 1.0 - t) * sigmoid - weighted;
}
// 1 where the output is predicted: its probability is above one half.
fn predicted(x: vec4<f32>) -> vec4<f32> { return select(vec4<f32>(), vec4<f32>(1.0), x > vec4<f32>()); }
// 1 where the prediction is the target.
fn right(x: vec4<f32>, t: vec4<f32>) -> vec4<f32> { return select(vec4<f32>(), vec4<f32>(1.0), (x > vec4<f32>()) == (t > vec4<f32>(0.5))); }
