//! Which readings a record keeps: all that its figure is computed from.

use super::figure::Reading;
use super::sensor::SensorSpec;

/// Around both ends of a window, and of its parts, every reading is kept, for so many seconds.
const EDGE_SECONDS: f64 = 2.0;
/// Between them a counter needs no more than this many.
const MOST: usize = 4_000;

/// Readings of a power sensor: each change with the look before it, since all of them are integrated. Of a counter: those
/// around the `ends`, both sides of every wrap, and an even choice of the rest.
pub(crate) fn downsample(spec: SensorSpec, all: Vec<Reading>, ends: &[f64]) -> Vec<Reading> {
    if all.len() <= MOST {
        return all;
    }
    let end = all.len() - 1;
    let near = |at: f64| ends.iter().any(|edge| (at - edge).abs() <= EDGE_SECONDS);
    let changes: Vec<bool> = (0..all.len())
        .map(|at| at == 0 || all[at].value != all[at - 1].value)
        .collect();
    let fresh = changes.iter().filter(|&&change| change).count();
    let every = if spec.is_power() {
        1
    } else {
        (2 * fresh).div_ceil(MOST).max(1)
    };
    let mut change = 0usize;
    let mut keep = vec![false; all.len()];
    for at in 0..all.len() {
        let wrapped = at > 0 && !spec.is_power() && all[at].value < all[at - 1].value;
        let mut chosen = wrapped;
        if changes[at] {
            // Three neighbours stay together: what they show of each other's scatter is needed.
            chosen |= (change / 3).is_multiple_of(every);
            change += 1;
        }
        if chosen && at > 0 {
            keep[at - 1] = true;
        }
        let when = all[at].at.monotonic;
        keep[at] |= chosen || at == 0 || at == end || near(when);
    }
    let mut kept = keep.into_iter();
    let mut all = all;
    all.retain(|_| kept.next().unwrap_or(false));
    all
}
