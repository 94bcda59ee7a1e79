//! The distribution of the studentized range: the largest of `k` normal means less the smallest, over an independent
//! estimate of their standard deviation.

use statrs::function::erf::erfc;

/// Points of the table per unit of range, and the range where it ends: no range of up to 10⁵ normal values is above.
const PER_UNIT: usize = 32;
const LAST: usize = 16;
/// Half the width over which the normal density is integrated, and every how many points of the table.
const TAIL: usize = 8;
const STRIDE: usize = 4;

/// The studentized range of a fixed number of means. Construction takes about a millisecond; each probability is then a sum
/// of some hundred terms.
///
/// The inner integral (the range of `k` standard normal values) is tabulated with its derivative and interpolated by
/// cubics; the outer one (over the estimated deviation) is taken in the logarithm of the deviation. Both are trapezoid
/// sums of analytic functions that vanish at both ends, which converge exponentially. Absolute error below 1e-7.
#[derive(Clone, Debug)]
pub struct StudentizedRange {
    /// P(range <= w) and its derivative by w, at w = i / PER_UNIT.
    table: Vec<(f64, f64)>,
}

impl StudentizedRange {
    /// For `k` means. The range of fewer than two is 0.
    pub fn new(k: usize) -> Self {
        let k = k.max(1);
        // The normal distribution function at z = (i - zero) / PER_UNIT.
        let zero = (LAST + TAIL) * PER_UNIT;
        let below: Vec<f64> = (0..=zero + TAIL * PER_UNIT)
            .map(|i| {
                let z = (i as f64 - zero as f64) / PER_UNIT as f64;
                0.5 * erfc(-z * std::f64::consts::FRAC_1_SQRT_2)
            })
            .collect();
        let density = |i: usize| {
            let z = (i as f64 - zero as f64) / PER_UNIT as f64;
            (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt()
        };
        let densities: Vec<f64> = (0..below.len()).map(density).collect();
        let dz = STRIDE as f64 / PER_UNIT as f64;
        let count = k as f64;
        let table = (0..=LAST * PER_UNIT)
            .map(|w| {
                let (mut probability, mut slope) = (0.0, 0.0);
                // z is the largest value; the others lie between z - w and z, of whom one is at z - w in the slope.
                for i in (LAST * PER_UNIT..below.len()).step_by(STRIDE) {
                    let between = below[i] - below[i - w];
                    let (all_but_one, all_but_two) = match k {
                        1 => (1.0, 0.0),
                        _ => {
                            let two = between.powi(k as i32 - 2);
                            (two * between, two)
                        }
                    };
                    probability += densities[i] * all_but_one;
                    slope += densities[i] * densities[i - w] * all_but_two;
                }
                (
                    (probability * count * dz).min(1.0),
                    slope * count * (count - 1.0) * dz,
                )
            })
            .collect();
        Self { table }
    }

    /// P(range <= w) of standard normal values.
    fn range_below(&self, w: f64) -> f64 {
        let place = w * PER_UNIT as f64;
        let i = place as usize;
        if i + 1 >= self.table.len() {
            return 1.0;
        }
        let t = place - i as f64;
        let ((y0, d0), (y1, d1)) = (self.table[i], self.table[i + 1]);
        let (d0, d1) = (d0 / PER_UNIT as f64, d1 / PER_UNIT as f64);
        let rise = y1 - y0;
        // The cubic with these values and slopes at both ends (Hermite).
        y0 + t * (d0 + t * ((3.0 * rise - 2.0 * d0 - d1) + t * (d0 + d1 - 2.0 * rise)))
    }

    /// P(studentized range <= `q`) for `df` > 0 degrees of freedom; infinite for a known deviation.
    pub fn cdf(&self, q: f64, df: f64) -> f64 {
        self.below(q, &Deviation::new(df))
    }

    /// The `p` quantile at `df` degrees of freedom; `p` < 1, and 0 if `p` <= 0.
    pub fn quantile(&self, p: f64, df: f64) -> f64 {
        let deviation = Deviation::new(df);
        if self.below(0.0, &deviation) >= p {
            return 0.0;
        }
        let (mut low, mut high) = (0.0, 4.0);
        while self.below(high, &deviation) < p && high < 1e12 {
            (low, high) = (high, 2.0 * high);
        }
        // Bisection, almost to neighbouring numbers.
        while high - low > 1e-12 * high {
            let middle = low + (high - low) / 2.0;
            if self.below(middle, &deviation) < p {
                low = middle;
            } else {
                high = middle;
            }
        }
        high
    }

    fn below(&self, q: f64, deviation: &Deviation) -> f64 {
        if q.is_nan() || q < 0.0 {
            return if q.is_nan() { f64::NAN } else { 0.0 };
        }
        let terms = deviation.0.iter();
        terms
            .map(|&(s, weight)| weight * self.range_below(q * s))
            .sum()
    }
}

/// Estimated over true standard deviation, as points and weights that sum to 1.
struct Deviation(Vec<(f64, f64)>);

impl Deviation {
    fn new(df: f64) -> Self {
        if !df.is_finite() {
            return Self(vec![(1.0, 1.0)]);
        }
        // The density of u = ln s is proportional to exp(df (u - exp(2 u) / 2)): a bell of width 1 / sqrt(2 df), with a
        // left tail of exp(df u). The ends lie where less than 1e-11 is left.
        let from = -(6.0 / df.sqrt() + 25.0 / df);
        let to = (6.0 / df.sqrt()).min(3.2);
        let step = (0.5 / (2.0 * df).sqrt()).min(0.05);
        let count = ((to - from) / step).ceil() as usize;
        let mut points: Vec<(f64, f64)> = (0..=count)
            .map(|i| {
                let u = from + i as f64 * step;
                (u.exp(), (df * (u - (2.0 * u).exp_m1() / 2.0)).exp())
            })
            .collect();
        let sum: f64 = points.iter().map(|p| p.1).sum();
        for point in &mut points {
            point.1 /= sum;
        }
        Self(points)
    }
}
