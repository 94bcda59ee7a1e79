// Softmax cross-entropy of a row of logits a lane, shifted by the row's maximum; `smoothing` is the share of the target
// that is spread evenly over all classes. The `weights` slot gives classes weights. Writes (weighted loss, correct, not finite,
// correct and a sample of even number) of each row, and in the `gradient` slot the logits' gradient; rows beyond the batch are zero in both.
struct Sizes {
    rows: u32, first_row: u32,         // rows of logits; where they start among the rows of all losses
    classes: u32, row_quads: u32,      // of a row: classes, quads
    weight: f32, smoothing: f32,
}
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> batch: array<u32>;
@group(0) @binding(2) var<storage, read> labels: array<u32>;
@group(0) @binding(3) var<storage, read> logits: array<vec4<f32>>;
fn load_logits(i: u32) -> vec4<f32> { return logits[i]; }
@group(0) @binding(4) var<storage, read_write> rows: array<vec4<f32>>;
fn store_rows(i: u32, v: vec4<f32>) { rows[i] = v; }
//@slot weights
// Every class counts alike.
const WEIGHTED = false;
fn weights_of(quad: u32) -> vec4<f32> { return vec4<f32>(1.0); }
//@end
//@slot gradient
const GRADIENT = false;
fn gradient(i: u32, v: vec4<f32>) {}
//@end
const W = 64u; //@const

fn weight_of(label: u32) -> f32 { return weights_of(label >> 2u)[label & 3u]; }

@compute @workgroup_size(W)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let row = id.x;
    if (row >= sizes.rows) { return; }
    let at = row * sizes.row_quads;
    let valid = batch[0];
    if (row >= valid) {
        store_rows(sizes.first_row + row, vec4<f32>());
        if (GRADIENT) {
            for (var q = 0u; q < sizes.row_quads; q++) { gradient(at + q, vec4<f32>()); }
        }
        return;
    }
    let label = labels[row];
    var winner = 0u;
    var best = load_logits(at).x;
    for (var q = 0u; q < sizes.row_quads; q++) {
        let v = load_logits(at + q);
        for (var e = 0u; e < min(4u, sizes.classes - q * 4u); e++) {
            if (v[e] > best) {
                best = v[e];
                winner = q * 4u + e;
            }
        }
    }
    var sums = vec4<f32>();
    var shown = vec4<f32>();
    for (var q = 0u; q < sizes.row_quads; q++) {
        let exists = vec4<u32>(q * 4u) + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(sizes.classes);
        let v = load_logits(at + q) - best;
        sums += select(vec4<f32>(), exp(v), exists);
        shown += select(vec4<f32>(), v, exists);
    }
    let total = sums.x + sums.y + sums.z + sums.w;
    let even_share = sizes.smoothing / f32(sizes.classes);
    let label_share = 1.0 - sizes.smoothing;
    // Without smoothing a logit of minus infinity takes no part.
    let spread = select(0.0, even_share * (shown.x + shown.y + shown.z + shown.w), sizes.smoothing > 0.0);
    var loss = sizes.weight
        * (log(total) + label_share * (best - load_logits(at + (label >> 2u))[label & 3u]) - spread);
    let own = weight_of(label);      // of this row, of all rows, of all classes
    var all_rows = 0.0;
    var all_classes = 0.0;
    if (WEIGHTED) {
        for (var r = 0u; r < sizes.rows; r++) { all_rows += select(0.0, weight_of(labels[r]), r < valid); }
        var weighted = vec4<f32>();
        var classes = vec4<f32>();
        for (var q = 0u; q < sizes.row_quads; q++) {
            let exists = vec4<u32>(q * 4u) + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(sizes.classes);
            let weights = select(vec4<f32>(), weights_of(q), exists);
            classes += weights;
            weighted += select(vec4<f32>(), weights * (load_logits(at + q) - best), exists);
        }
        all_classes = classes.x + classes.y + classes.z + classes.w;
        let evenly = even_share * (all_classes * log(total) - (weighted.x + weighted.y + weighted.z + weighted.w));
        let labelled = own * (log(total) + best - load_logits(at + (label >> 2u))[label & 3u]);
        // The sum over the rows is divided by `valid` later.
        loss = sizes.weight * f32(valid) / all_rows * (label_share * labelled + select(0.0, evenly, sizes.smoothing > 0.0));
    }
    // By its bits, since compilers may assume that no infinity and no NaN exist.
    let broken = (bitcast<u32>(loss) & 0x7f800000u) == 0x7f800000u;
    let correct = select(0.0, 1.0, winner == label && !broken);
    let even = select(0.0, correct, (batch[4u + row] & 1u) == 0u);
    store_rows(sizes.first_row + row, vec4<f32>(loss, correct, select(0.0, 1.0, broken), even));
    if (GRADIENT) {
        var share = sizes.weight / f32(valid);
        if (WEIGHTED) { share = sizes.weight / all_rows; }
        let label_wanted = even_share + label_share;
        for (var q = 0u; q < sizes.row_quads; q++) {
            let class_of = vec4<u32>(q * 4u) + vec4<u32>(0u, 1u, 2u, 3u);
            let probability = exp(load_logits(at + q) - best) / total;
            let wanted = select(vec4<f32>(even_share), vec4<f32>(label_wanted), class_of == vec4<u32>(label));
            var v = (probability - wanted) * share;
            if (WEIGHTED) {
                let one = select(vec4<f32>(), vec4<f32>(1.0), class_of == vec4<u32>(label));
                v = share * (label_share * own * (probability - one) + even_share * (probability * all_classes - weights_of(q)));
            }
            gradient(at + q, select(vec4<f32>(), v, class_of < vec4<u32>(sizes.classes)));
        }
    }
}
