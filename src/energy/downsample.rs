//! Which readings a record keeps: all that its joules are computed from.

use super::figure::Reading;
use super::sensor::SensorSpec;

/// Every reading within this many seconds of an end of a window or of a part of it is kept.
const EDGE_SECONDS: f64 = 2.0;
/// Between the ends a counter needs no more readings than this.
const MAX_READINGS: usize = 4_000;

/// Of a meter that prints lines: all. Of a power sensor: each change with the reading before it, since all are integrated. Of a counter: the readings around
/// `ends`, both sides of every wrap, and an even choice of the rest.
pub(crate) fn downsample(spec: SensorSpec, mut all: Vec<Reading>, ends: &[f64]) -> Vec<Reading> {
    if all.len() <= MAX_READINGS || spec.shows_each_update() {
        return all;
    }
    let last = all.len() - 1;
    let near = |at: f64| ends.iter().any(|edge| (at - edge).abs() <= EDGE_SECONDS);
    let changed = |at: usize| at == 0 || all[at].value != all[at - 1].value;
    let changes = (0..all.len()).filter(|&at| changed(at)).count();
    let every = if spec.is_power() {
        1
    } else {
        (2 * changes).div_ceil(MAX_READINGS).max(1)
    };
    let mut change = 0usize;
    let mut keep = vec![false; all.len()];
    for at in 0..all.len() {
        let mut chosen = at > 0 && !spec.is_power() && all[at].value < all[at - 1].value;
        if changed(at) {
            // Three neighbours stay together: their scatter around each other is needed.
            chosen |= (change / 3).is_multiple_of(every);
            change += 1;
        }
        if chosen && at > 0 {
            keep[at - 1] = true;
        }
        keep[at] |= chosen || at == 0 || at == last || near(all[at].at.monotonic);
    }
    let mut keep = keep.into_iter();
    all.retain(|_| keep.next().unwrap_or(false));
    all
}
