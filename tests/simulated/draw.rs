//! Seeded draws.

use fastrand::Rng;

pub fn within(rng: &mut Rng, low: f64, high: f64) -> f64 {
    low + (high - low) * rng.f64()
}

/// Uniform in the logarithm.
pub fn log_within(rng: &mut Rng, low: f64, high: f64) -> f64 {
    within(rng, low.ln(), high.ln()).exp()
}

/// Of standard deviation 1 around 0 (Box and Muller).
pub fn normal(rng: &mut Rng) -> f64 {
    (-2.0 * (1.0 - rng.f64()).ln()).sqrt() * (std::f64::consts::TAU * rng.f64()).cos()
}

/// A number in 0..1 that belongs to `index`, whatever was drawn before.
pub fn of_index(seed: u64, index: i64) -> f64 {
    let mut rng = Rng::with_seed(seed ^ (index as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    rng.f64();
    rng.f64()
}
