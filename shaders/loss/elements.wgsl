// A loss that is the mean over all elements of the outputs, a row a lane; here the squared error. Writes (weighted mean of
// the row, share of outputs that are right, not finite, the share again if the sample's number is even) of each row, and in
// the `gradient` slot the outputs' gradient; rows beyond the batch are zero in both. With COUNTS it also writes (twice the
// outputs that are predicted and true, predicted plus true, 0, the second again if the number is even), from which F1 follows.
struct Sizes {
    rows: u32, first_row: u32, counts_row: u32,   // rows of outputs; where the rows and the counts start among all losses
    outputs: u32, row_quads: u32,                 // of a row: elements, quads
    weight: f32,
}
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> batch: array<u32>;
@group(0) @binding(2) var<storage, read> targets: array<vec4<f32>>;
fn load_targets(i: u32) -> vec4<f32> { return targets[i]; }
@group(0) @binding(3) var<storage, read> outputs: array<vec4<f32>>;
fn load_outputs(i: u32) -> vec4<f32> { return outputs[i]; }
@group(0) @binding(4) var<storage, read_write> rows: array<vec4<f32>>;
fn store_rows(i: u32, v: vec4<f32>) { rows[i] = v; }
//@slot positive
fn positive(quad: u32) -> vec4<f32> { return vec4<f32>(1.0); }
//@end
//@slot term
fn term(x: vec4<f32>, t: vec4<f32>, quad: u32) -> vec4<f32> { return (x - t) * (x - t); }
fn slope(x: vec4<f32>, t: vec4<f32>, quad: u32) -> vec4<f32> { return 2.0 * (x - t); }
fn predicted(x: vec4<f32>) -> vec4<f32> { return vec4<f32>(); }
fn right(x: vec4<f32>, t: vec4<f32>) -> vec4<f32> { return vec4<f32>(); }
//@end
//@slot gradient
const GRADIENT = false;
fn gradient(i: u32, v: vec4<f32>) {}
//@end
const W = 64u; //@const
const COUNTS = 0u; //@const

fn sum(v: vec4<f32>) -> f32 { return v.x + v.y + v.z + v.w; }

@compute @workgroup_size(W)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let row = id.x;
    if (row >= sizes.rows) { return; }
    let at = row * sizes.row_quads;
    let valid = batch[0];
    if (row >= valid) {
        store_rows(sizes.first_row + row, vec4<f32>());
        if (COUNTS > 0u) { store_rows(sizes.counts_row + row, vec4<f32>()); }
        if (GRADIENT) {
            for (var q = 0u; q < sizes.row_quads; q++) { gradient(at + q, vec4<f32>()); }
        }
        return;
    }
    let share = sizes.weight / (f32(valid) * f32(sizes.outputs));
    var losses = vec4<f32>();
    var agreeing = vec4<f32>();
    var hits = vec4<f32>();
    var marked = vec4<f32>();
    for (var q = 0u; q < sizes.row_quads; q++) {
        let exists = vec4<u32>(q * 4u) + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(sizes.outputs);
        let x = load_outputs(at + q);
        let t = load_targets(at + q);
        losses += select(vec4<f32>(), term(x, t, q), exists);
        agreeing += select(vec4<f32>(), right(x, t), exists);
        if (COUNTS > 0u) {
            let chosen = predicted(x);
            hits += select(vec4<f32>(), 2.0 * chosen * t, exists);
            marked += select(vec4<f32>(), chosen + t, exists);
        }
        if (GRADIENT) { gradient(at + q, select(vec4<f32>(), slope(x, t, q) * share, exists)); }
    }
    let loss = sizes.weight * (sum(losses) / f32(sizes.outputs));
    // By its bits, since compilers may assume that no infinity and no NaN exist.
    let broken = (bitcast<u32>(loss) & 0x7f800000u) == 0x7f800000u;
    let score = select(sum(agreeing) / f32(sizes.outputs), 0.0, broken);
    let even = (batch[4u + row] & 1u) == 0u;
    store_rows(sizes.first_row + row, vec4<f32>(loss, score, select(0.0, 1.0, broken), select(0.0, score, even)));
    if (COUNTS > 0u) { store_rows(sizes.counts_row + row, vec4<f32>(sum(hits), sum(marked), 0.0, select(0.0, sum(marked), even))); }
}
