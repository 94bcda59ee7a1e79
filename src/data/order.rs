//! The order of samples in an epoch: a keyed bijection on `0..n`, evaluated for one position at a time, so that a device
//! shuffles without a table, from seed, epoch and position alone.
//!
//! All arithmetic is wrapping `u32` in operations that every shading language has. The kernel's copy of [`permute`] must
//! agree bit for bit:
//!
//! - `mix` is the 32-bit hash lowbias32.
//! - The domain is `2^bits >= n`, `bits` even and at least 4, at most 32.
//! - `key(round) = mix(mix(seed ^ mix(round + 1)) + epoch)`.
//! - A balanced Feistel network of 6 rounds maps `0..2^bits` onto itself: with halves of `bits / 2` bits,
//!   `(left, right) = (right, left ^ (mix(right ^ key(round)) & mask))`.
//! - A result at or above `n` passes through the network again until it is below `n` (cycle walking, which keeps the map
//!   a bijection on `0..n`). The domain is at most `4 n` for `n >= 4`, so this takes at most four passes on average.

/// Rounds of the Feistel network.
pub const ROUNDS: u32 = 6;

/// lowbias32: a bijection of `u32` in which every input bit changes every output bit about half of the time.
pub const fn mix(value: u32) -> u32 {
    let mut x = value;
    x ^= x >> 16;
    x = x.wrapping_mul(0x7feb_352d);
    x ^= x >> 15;
    x = x.wrapping_mul(0x846c_a68b);
    x ^= x >> 16;
    x
}

/// Bits of half the network's domain for `n` samples, 2 to 16: the least `h >= 2` with `4^h >= n`.
pub const fn half_bits(n: u32) -> u32 {
    let mut half = 2;
    while half < 16 && (n.wrapping_sub(1) >> (2 * half)) != 0 && n != 0 {
        half += 1;
    }
    half
}

/// The sample at `position` of epoch `epoch`, of `n` samples shuffled by `seed`: for fixed seed, epoch and `n` a
/// bijection of `0..n`. A position at or above `n` is taken modulo `n`; with `n` 0 the result is 0.
pub const fn permute(seed: u32, epoch: u32, position: u32, n: u32) -> u32 {
    if n == 0 {
        return 0;
    }
    let half = half_bits(n);
    let mask = (1u32 << half) - 1;
    let mut x = position % n;
    loop {
        let mut left = x >> half;
        let mut right = x & mask;
        let mut round = 0;
        while round < ROUNDS {
            let key = mix(mix(seed ^ mix(round + 1)).wrapping_add(epoch));
            let next = left ^ (mix(right ^ key) & mask);
            left = right;
            right = next;
            round += 1;
        }
        x = (left << half) | right;
        if x < n {
            return x;
        }
    }
}
