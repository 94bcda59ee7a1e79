// Snippet of optim/update; what stands above the mark makes the file valid on its own.
@group(0) @binding(2) var<storage, read> state: array<u32>;
//@begin
// Lion (arXiv 2302.06675): the sign of an average of momentum and gradient, with the decay of AdamW. The words of a
// group: learning rate, beta1, 1 - beta1, beta2, 1 - beta2, weight decay.
@group(0) @binding(6) var<storage, read_write> momentum: array<vec4<f32>>;
fn load_momentum(i: u32) -> vec4<f32> { return momentum[i]; }
fn store_momentum(i: u32, v: vec4<f32>) { momentum[i] = v; }
struct Rule { lr: f32, beta1: f32, fresh1: f32, beta2: f32, fresh2: f32, kept: f32 }
fn rule(at: u32, row: vec4<f32>) -> Rule {
    let beta1 = select(bitcast<f32>(state[at + 1u]), row.w, row.w >= 0.0);
    let fresh1 = select(bitcast<f32>(state[at + 2u]), row.y, row.w >= 0.0);
    return Rule(row.x, beta1, fresh1, bitcast<f32>(state[at + 3u]), bitcast<f32>(state[at + 4u]),
        1.0 - row.x * bitcast<f32>(state[at + 5u]));
}
fn updated(r: Rule, i: u32, param: vec4<f32>, grad: vec4<f32>) -> vec4<f32> {
    let old = load_momentum(i);
    let mean = r.beta1 * old + r.fresh1 * grad;
    store_momentum(i, r.beta2 * old + r.fresh2 * grad);
    // A NaN by its bits, since the sign of a NaN is any number.
    let nan = (bitcast<vec4<u32>>(mean) & vec4<u32>(0x7fffffffu)) > vec4<u32>(0x7f800000u);
    return r.kept * param - r.lr * select(sign(mean), mean, nan);
}
