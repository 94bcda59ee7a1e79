// Which samples the next batch holds: batch[0] = how many of its rows are filled, batch[4 + i] = the sample of row i, all
// ones for none. The shuffle is the keyed bijection of `data::permute`, bit for bit.
struct Sizes {
    samples: u32, first: u32, size: u32, seed: u32,   // samples of the window, its first one, rows of a batch, key
}
@group(0) @binding(0) var<uniform> sizes: Sizes;
@group(0) @binding(1) var<storage, read> state: array<u32>;
@group(0) @binding(2) var<storage, read_write> batch: array<u32>;
const W = 64u; //@const
const MODE = 0u; //@const
const SEQUENTIAL = 0u;
const SHUFFLED = 1u;
const EVALUATE = 2u;
const EPOCH = 1u;
const WINDOW_STEP = 2u;
const EVALUATION_BATCH = 3u;
const ROUNDS = 6u;

// lowbias32.
fn mix32(value: u32) -> u32 {
    var x = value;
    x ^= x >> 16u;
    x *= 0x7feb352du;
    x ^= x >> 15u;
    x *= 0x846ca68bu;
    x ^= x >> 16u;
    return x;
}

// Bits of half the network's domain: the least h of 2 to 16 with 4^h >= n.
fn half_bits(n: u32) -> u32 {
    var half = 2u;
    while (half < 16u && ((n - 1u) >> (2u * half)) != 0u && n != 0u) { half += 1u; }
    return half;
}

// A Feistel network of six rounds, repeated until the result is below n: at most a few times, since it is a bijection.
fn permute(seed: u32, epoch: u32, position: u32, n: u32) -> u32 {
    if (n == 0u) { return 0u; }
    let half = half_bits(n);
    let low = (1u << half) - 1u;
    var x = position % n;
    loop {
        var left = x >> half;
        var right = x & low;
        for (var round = 0u; round < ROUNDS; round++) {
            let key = mix32(mix32(seed ^ mix32(round + 1u)) + epoch);
            let next = left ^ (mix32(right ^ key) & low);
            left = right;
            right = next;
        }
        x = (left << half) | right;
        if (x < n) { break; }
    }
    return x;
}

@compute @workgroup_size(W)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    let i = id.x;
    if (i >= sizes.size) { return; }
    let start = select(state[WINDOW_STEP], state[EVALUATION_BATCH], MODE == EVALUATE) * sizes.size;
    let valid = min(sizes.size, sizes.samples - min(sizes.samples, start));
    var sample = 0xffffffffu;
    if (i < valid) {
        var position = start + i;
        if (MODE == SHUFFLED) { position = permute(sizes.seed, state[EPOCH], position, sizes.samples); }
        sample = sizes.first + position;
    }
    batch[4u + i] = sample;
    if (i == 0u) {
        batch[0] = valid;
        batch[1] = 0u;
        batch[2] = 0u;
        batch[3] = 0u;
    }
}
