// Snippet of optim/update; what stands above the mark makes the file valid on its own.
@group(0) @binding(2) var<storage, read> state: array<u32>;
//@begin
// Stochastic gradient descent as PyTorch's, with dampening: the row's second number is the share of the gradient that
// enters the buffer, 1 in the first step and without momentum. The words of a group: learning rate, momentum, weight decay.
@group(0) @binding(6) var<storage, read_write> momentum: array<vec4<f32>>;
fn load_momentum(i: u32) -> vec4<f32> { return momentum[i]; }
fn store_momentum(i: u32, v: vec4<f32>) { momentum[i] = v; }
struct Rule { lr: f32, momentum: f32, decay: f32, fresh: f32 }
fn rule(at: u32, row: vec4<f32>) -> Rule {
    let momentum = select(bitcast<f32>(state[at + 1u]), row.w, row.w >= 0.0);
    return Rule(row.x, momentum, bitcast<f32>(state[at + 2u]), select(row.y, 1.0, momentum == 0.0));
}
fn updated(r: Rule, i: u32, param: vec4<f32>, raw: vec4<f32>) -> vec4<f32> {
    let grad = raw + r.decay * param;
    let kept = load_momentum(i);
    let buffer = r.momentum * kept + r.fresh * grad;
    // Where a schedule lets the momentum fall to 0, PyTorch leaves the buffer as it was.
    store_momentum(i, select(buffer, kept, r.momentum == 0.0));
    return param - r.lr * buffer;
}
