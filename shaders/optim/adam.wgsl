// Snippet of optim/update; what stands above the mark makes the file valid on its own.
@group(0) @binding(2) var<storage, read> state: array<u32>;
//@begin
// Adam and AdamW as PyTorch's. The row: learning rate, that with both bias corrections, the root of the second moment's,
// 1 - beta1. Scaling eps by that root instead of dividing each second moment leaves one division an element. The
// words of a group: learning rate, beta2, 1 - beta2, eps, weight decay added to the gradient, weight decay of the
// parameter (AdamW).
@group(0) @binding(6) var<storage, read_write> exp_avg: array<vec4<f32>>;
fn load_exp_avg(i: u32) -> vec4<f32> { return exp_avg[i]; }
fn store_exp_avg(i: u32, v: vec4<f32>) { exp_avg[i] = v; }
@group(0) @binding(7) var<storage, read_write> exp_avg_sq: array<vec4<f32>>;
fn load_exp_avg_sq(i: u32) -> vec4<f32> { return exp_avg_sq[i]; }
fn store_exp_avg_sq(i: u32, v: vec4<f32>) { exp_avg_sq[i] = v; }
struct Rule { rate: f32, fresh1: f32, beta2: f32, fresh2: f32, eps: f32, decay: f32, kept: f32 }
fn rule(at: u32, row: vec4<f32>) -> Rule {
    return Rule(row.y, row.w, bitcast<f32>(state[at + 1u]), bitcast<f32>(state[at + 2u]),
        row.z * bitcast<f32>(state[at + 3u]), bitcast<f32>(state[at + 4u]), 1.0 - row.x * bitcast<f32>(state[at + 5u]));
}
fn updated(r: Rule, i: u32, param: vec4<f32>, raw: vec4<f32>) -> vec4<f32> {
    let grad = raw + r.decay * param;
    let old = load_exp_avg(i);
    let first = old + r.fresh1 * (grad - old);
    let second = r.beta2 * load_exp_avg_sq(i) + r.fresh2 * grad * grad;
    store_exp_avg(i, first);
    store_exp_avg_sq(i, second);
    return r.kept * param - r.rate * (first / (sqrt(second) + r.eps));
}
