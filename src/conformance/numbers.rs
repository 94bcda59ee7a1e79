//! Reproducible inputs, and how they are stored.

/// A reproducible stream of numbers.
pub struct Numbers(u64);

impl Numbers {
    /// The stream of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Numbers {
        Numbers(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// 31 random bits.
    pub fn word(&mut self) -> u32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as u32
    }

    /// In -1 .. 1.
    pub fn unit(&mut self) -> f32 {
        (self.word() & 0xff_ffff) as f32 / 8_388_608.0 - 1.0
    }

    /// `n` numbers in -1 .. 1.
    pub fn many(&mut self, n: usize) -> Vec<f32> {
        (0..n).map(|_| self.unit()).collect()
    }

    /// Whole numbers in `-levels ..= levels`: many are equal.
    pub fn levels(&mut self, n: usize, levels: f32) -> Vec<f32> {
        (0..n).map(|_| (self.unit() * levels).round()).collect()
    }
}

/// `n` values in (-2, 2) of either sign and of magnitudes over three decades, by `seed`.
#[must_use]
pub fn data(seed: u64, n: usize) -> Vec<f32> {
    let mut numbers = Numbers::new(seed.wrapping_add(0x5851_f42d));
    let scale = |word: u32| [2.0, 0.5, 0.125, 0.005][(word & 3) as usize];
    (0..n)
        .map(|_| numbers.unit() * scale(numbers.word()))
        .collect()
}

/// f32 values in rows of `width` as the words of a tensor with padded rows.
#[must_use]
pub fn pack(values: &[f32], width: usize) -> Vec<u32> {
    let mut words = vec![];
    for row in values.chunks(width) {
        words.extend(row.iter().map(|value| value.to_bits()));
        words.resize(words.len().next_multiple_of(4), 0);
    }
    words
}
