// Snippet of optim/update; what stands above the mark makes the file valid on its own.
@group(0) @binding(2) var<storage, read> state: array<u32>;
//@begin
// Stochastic gradient descent as PyTorch's: weight decay, momentum without dampening, Nesterov. The words of a group:
// learning rate, momentum, weight decay, 1 for Nesterov.
@group(0) @binding(6) var<storage, read_write> momentum: array<vec4<f32>>;
fn load_momentum(i: u32) -> vec4<f32> { return momentum[i]; }
fn store_momentum(i: u32, v: vec4<f32>) { momentum[i] = v; }
struct Rule { lr: f32, momentum: f32, decay: f32, nesterov: bool }
fn rule(at: u32, row: vec4<f32>) -> Rule {
    let momentum = select(bitcast<f32>(state[at + 1u]), row.w, row.w >= 0.0);
    return Rule(row.x, momentum, bitcast<f32>(state[at + 2u]), state[at + 3u] != 0u);
}
fn updated(r: Rule, i: u32, param: vec4<f32>, raw: vec4<f32>) -> vec4<f32> {
    let grad = raw + r.decay * param;
    let kept = load_momentum(i);
    let buffer = r.momentum * kept + grad;
    // Where a schedule lets the momentum fall to 0, PyTorch leaves the buffer as it was.
    store_momentum(i, select(buffer, kept, r.momentum == 0.0));
    return param - r.lr * select(buffer, grad + r.momentum * buffer, r.nesterov);
}
