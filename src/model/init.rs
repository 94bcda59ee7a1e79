//! PyTorch's default initialisation, from a seed.

use sha2::{Digest as _, Sha256};

use super::weights::{Weights, WeightsError};
use super::{ParameterKind, ParameterSpec};

/// SplitMix64 adds this odd number to its state, so that it visits all 2^64 states.
const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// Initial weights of the network with parameters `specs`, drawn as PyTorch's layers draw theirs: weights from
/// `kaiming_uniform(a = sqrt(5))`, which is uniform in +-1/sqrt(fan_in), biases uniform in the same bounds, batch norm
/// 1 and 0, running statistics 0 and 1.
///
/// Each tensor has its own random stream, seeded by `seed` and the tensor's name, so that adding a layer does not change
/// the other layers. The distribution is PyTorch's; the numbers are not.
///
/// # Errors
/// None for the parameters of a [`Network`](super::Network).
pub fn initial(specs: &[ParameterSpec], seed: u32) -> Result<Weights, WeightsError> {
    let mut weights = Weights::default();
    for spec in specs {
        let count = spec.shape.iter().product();
        let values = match spec.kind {
            ParameterKind::Weight { fan_in } | ParameterKind::Bias { fan_in } => {
                let bound = 1.0 / (fan_in.max(1) as f64).sqrt();
                Stream::new(seed, &spec.name).uniform(bound as f32, count)
            }
            ParameterKind::NormWeight | ParameterKind::RunningVar => vec![1.0; count],
            ParameterKind::NormBias | ParameterKind::RunningMean => vec![0.0; count],
        };
        weights.insert(spec.name.clone(), spec.shape.clone(), values)?;
    }
    let none = Weights::default();
    weights.count_batches(specs, &none, 0);
    Ok(weights)
}

/// SplitMix64, its state a hash of seed and name.
struct Stream {
    state: u64,
}

impl Stream {
    fn new(seed: u32, name: &str) -> Self {
        let digest = Sha256::new()
            .chain_update(seed.to_le_bytes())
            .chain_update(name.as_bytes())
            .finalize();
        let state = digest
            .iter()
            .take(8)
            .fold(0, |state, byte| (state << 8) | u64::from(*byte));
        Self { state }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GAMMA);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// `count` numbers in `[-bound, bound)`.
    fn uniform(mut self, bound: f32, count: usize) -> Vec<f32> {
        (0..count)
            .map(|_| {
                // 24 bits: the precision of f32 in [0, 1).
                let unit = (self.next() >> 40) as f32 / (1u32 << 24) as f32;
                (2.0 * unit - 1.0) * bound
            })
            .collect()
    }
}
