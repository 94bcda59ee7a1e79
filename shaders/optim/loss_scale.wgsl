// Snippet of optim/clip_factor; what stands above the mark makes the file valid on its own.
struct Sizes { chunks: u32, limit: u32 }
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(2) var<storage, read_write> state: array<u32>;
const CLIP = 5u;
//@begin
// The gradients are those of the loss times a scale. Where their norm is not finite the step is skipped and the scale
// halved; after INTERVAL steps in a row without that it is doubled: PyTorch's GradScaler. A limit of 0 clips nothing.
const SCALE = 9u;
const UNSCALE = 10u;
const GROWTH = 11u;
const SKIPPED = 12u;
const INTERVAL = 2000u; //@const
// 2^-100 and 2^100: the scale and its inverse stay finite.
const LEAST = 7.888609e-31;
const MOST = 1.2676506e30;
fn take(norm: f32) {
    let scale = bitcast<f32>(state[SCALE]);
    // By its bits, since compilers may assume that no infinity and no NaN exist.
    if ((bitcast<u32>(norm) & 0x7f800000u) == 0x7f800000u) {
        state[UNSCALE] = 0u;
        state[SCALE] = bitcast<u32>(max(scale * 0.5, LEAST));
        state[GROWTH] = 0u;
        state[SKIPPED] += 1u;
        return;
    }
    let unscale = 1.0 / scale;
    state[UNSCALE] = bitcast<u32>(unscale);
    let limit = bitcast<f32>(sizes.limit);
    let factor = limit / (norm * unscale + 1e-6);
    state[CLIP] = bitcast<u32>(select(1.0, factor, limit > 0.0 && factor < 1.0));
    let good = state[GROWTH] + 1u;
    let grows = good >= INTERVAL;
    state[GROWTH] = select(good, 0u, grows);
    state[SCALE] = bitcast<u32>(select(scale, min(scale * 2.0, MOST), grows));
}
