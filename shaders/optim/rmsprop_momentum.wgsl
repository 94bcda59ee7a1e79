// Snippet of optim/update; what stands above the mark makes the file valid on its own.
@group(0) @binding(2) var<storage, read> state: array<u32>;
//@begin
// RMSprop as PyTorch's with momentum. The words of a group: learning rate, alpha, 1 - alpha, eps,
// weight decay, momentum.
@group(0) @binding(6) var<storage, read_write> square_avg: array<vec4<f32>>;
fn load_square_avg(i: u32) -> vec4<f32> { return square_avg[i]; }
fn store_square_avg(i: u32, v: vec4<f32>) { square_avg[i] = v; }
@group(0) @binding(7) var<storage, read_write> momentum: array<vec4<f32>>;
fn load_momentum(i: u32) -> vec4<f32> { return momentum[i]; }
fn store_momentum(i: u32, v: vec4<f32>) { momentum[i] = v; }
struct Rule { lr: f32, alpha: f32, fresh: f32, eps: f32, decay: f32, momentum: f32 }
fn rule(at: u32, row: vec4<f32>) -> Rule {
    let momentum = select(bitcast<f32>(state[at + 5u]), row.w, row.w >= 0.0);
    return Rule(row.x, bitcast<f32>(state[at + 1u]), bitcast<f32>(state[at + 2u]), bitcast<f32>(state[at + 3u]),
        bitcast<f32>(state[at + 4u]), momentum);
}
fn updated(r: Rule, i: u32, param: vec4<f32>, raw: vec4<f32>) -> vec4<f32> {
    let grad = raw + r.decay * param;
    let square = r.alpha * load_square_avg(i) + r.fresh * grad * grad;
    store_square_avg(i, square);
    let direction = grad / (sqrt(square) + r.eps);
    let kept = load_momentum(i);
    let buffer = r.momentum * kept + direction;
    // Where a schedule lets the momentum fall to 0, PyTorch leaves the buffer as it was.
    store_momentum(i, select(buffer, kept, r.momentum == 0.0));
    return param - r.lr * buffer;
}
