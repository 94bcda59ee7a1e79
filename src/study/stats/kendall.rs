//! Agreement of two rankings.

use serde::Serialize;
use statrs::distribution::{ContinuousCDF as _, Normal};

use super::interval::{CONFIDENCE, Interval};

/// Kendall's tau-b of two rankings: 1 for the same order, 0 for no relation, -1 for the reverse order.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Agreement {
    pub tau: f64,
    /// Its 95 % confidence interval; `None` for fewer than five pairs of values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
    /// Number of values that both rankings have.
    pub count: usize,
}

/// Kendall's tau-b, corrected for ties, with the interval of Bonett and Wright (Psychometrika 65, 2000): Fisher's z with a
/// variance of 0.437 / (n - 4). In the interval |tau| is at most half a discordant pair below 1, since a perfect order of a
/// few values does not prove one of all. `None` if a side has fewer than two different values. Infinite values are ties.
pub fn kendall(pairs: &[(f64, f64)]) -> Option<Agreement> {
    let count = pairs.len();
    let (mut concordant, mut tied_x, mut tied_y) = (0.0, 0.0, 0.0);
    for (at, a) in pairs.iter().enumerate() {
        for b in &pairs[..at] {
            let (x, y) = (a.0.total_cmp(&b.0) as i8, a.1.total_cmp(&b.1) as i8);
            concordant += f64::from(x * y);
            tied_x += f64::from(u8::from(x == 0));
            tied_y += f64::from(u8::from(y == 0));
        }
    }
    let all = (count * count.saturating_sub(1)) as f64 / 2.0;
    let norm = ((all - tied_x) * (all - tied_y)).sqrt();
    if norm == 0.0 {
        return None;
    }
    let tau = (concordant / norm).clamp(-1.0, 1.0);
    let interval = (count >= 5).then(|| {
        let most = 1.0 - 1.0 / all;
        let z = tau.clamp(-most, most).atanh();
        let reach = normal_quantile() * (0.437 / (count as f64 - 4.0)).sqrt();
        Interval {
            low: if tau == -1.0 {
                -1.0
            } else {
                (z - reach).tanh()
            },
            high: if tau == 1.0 { 1.0 } else { (z + reach).tanh() },
        }
    });
    Some(Agreement {
        tau,
        interval,
        count,
    })
}

fn normal_quantile() -> f64 {
    Normal::standard().inverse_cdf(0.5 + CONFIDENCE / 2.0)
}
