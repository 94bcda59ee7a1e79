// The end of a training step, in one workgroup: (mean loss, correct, gradient norm, not finite) into the step's row of the
// results (norm -1: the step was skipped), then the counters of steps and epochs move on. Sums are added in a fixed order, to those of the micro-batches
// before the last one.
struct Sizes {
    rows: u32, chunks: u32,      // loss rows, chunks of the optimizer
    ring: u32, per_window: u32,  // rows of the results, micro-batches of an epoch (0: endless)
    valid: u32,                  // samples of a step
}
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> rows: array<vec4<f32>>;
fn load_rows(i: u32) -> vec4<f32> { return rows[i]; }
@group(0) @binding(2) var<storage, read> norm_partials: array<vec4<f32>>;
fn load_norm_partials(i: u32) -> vec4<f32> { return norm_partials[i]; }
@group(0) @binding(3) var<storage, read_write> state: array<u32>;
@group(0) @binding(4) var<storage, read_write> results: array<vec4<f32>>;
const W = 64u; //@const
const STEP = 0u;
const EPOCH = 1u;
const WINDOW_STEP = 2u;
const MICRO_BATCH = 4u;
const SUMS = 6u;

var<workgroup> part: array<vec4<f32>, W>;

// By its bits, since compilers may assume that no infinity and no NaN exist.
fn broken(v: f32) -> bool { return (bitcast<u32>(v) & 0x7f800000u) == 0x7f800000u; }

@compute @workgroup_size(W)
fn main(@builtin(local_invocation_index) lane: u32) {
    var sums = vec4<f32>(); // loss, correct, squared gradients, rows that are not finite
    for (var i = lane; i < sizes.rows; i += W) {
        let row = load_rows(i);
        sums += vec4<f32>(row.xy, 0.0, row.z);
    }
    for (var i = lane; i < sizes.chunks; i += W) { sums.z += load_norm_partials(i).x; }
    part[lane] = sums;
    workgroupBarrier();
    var left = W;
    while (left > 1u) {
        let half = (left + 1u) / 2u;
        if (lane + half < left) { part[lane] += part[lane + half]; }
        workgroupBarrier();
        left = half;
    }
    if (lane != 0u) { return; }
    let earlier = bitcast<vec3<f32>>(vec3<u32>(state[SUMS], state[SUMS + 1u], state[SUMS + 2u]));
    let whole = part[0] + vec4<f32>(earlier.xy, 0.0, earlier.z);
    state[SUMS] = 0u;
    state[SUMS + 1u] = 0u;
    state[SUMS + 2u] = 0u;
    let bad = whole.w > 0.0 || broken(whole.x) || broken(whole.z);
    let step = state[STEP];
    results[step % sizes.ring] = vec4<f32>(whole.x / f32(sizes.valid), whole.y, select(sqrt(whole.z), -1.0, whole.z < 0.0 && !broken(whole.z)), select(0.0, 1.0, bad));
    state[STEP] = step + 1u;
    state[MICRO_BATCH] += 1u;
    let window_step = state[WINDOW_STEP] + 1u;
    let wraps = sizes.per_window > 0u && window_step >= sizes.per_window;
    state[WINDOW_STEP] = select(window_step, 0u, wraps);
    state[EPOCH] += u32(wraps);
}
