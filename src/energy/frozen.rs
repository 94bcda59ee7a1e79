//! Power sensors that stopped while they are polled.

use std::collections::HashSet;

use super::figure::Reading;
use super::sensor::{SensorSpec, Unavailable};

/// A power sensor is lively if it changed with this share of at least this many updates,
const LIVELY: f64 = 0.8;
const LIVELY_UPDATES: f64 = 30.0;
/// and this share of the changes showed a value only once;
const VARIED: f64 = 0.5;
/// it is fine if its step is at most this share of its values.
const FINE: f64 = 1e-3;
/// The values of this many changes before it stood show the level at which it stood.
const LEVEL: usize = 10;
/// A lively and fine sensor that keeps one value for this many update intervals and seconds has stopped.
const FROZEN_UPDATES: f64 = 50.0;
const FROZEN_SECONDS: f64 = 5.0;

/// A sensor that showed another fine value with nearly every update, and then the last of them for long, has stopped: no
/// device draws power so evenly. A sensor of few steps, or one that stands now and then, may be right; so may one that
/// stands at another level than before, as that of an idle device.
///
/// `moved` are the readings whose value differs from the one before.
pub(crate) fn check(
    spec: &SensorSpec,
    update_interval: Option<f64>,
    readings: &[Reading],
    moved: &[usize],
    quantum: f64,
) -> Result<(), Unavailable> {
    let interval = update_interval.filter(|&interval| interval > 0.0);
    let interval = interval.filter(|_| !spec.shows_each_update());
    let (Some(interval), [first, .., last]) = (interval, readings) else {
        return Ok(());
    };
    let (begin, end) = (first.at.monotonic, last.at.monotonic);
    let times = moved.iter().map(|&at| readings[at].at.monotonic);
    let times: Vec<f64> = times.chain([end]).collect();
    let pauses = times.windows(2).map(|pair| pair[1] - pair[0]).zip(moved);
    let Some((still, &at)) = pauses.max_by(|a, b| a.0.total_cmp(&b.0)) else {
        return Ok(());
    };
    let updates = (end - begin - still) / interval;
    // A load of even steps shows the same few values again and again.
    let values: HashSet<u64> = moved.iter().map(|&at| readings[at].value).collect();
    let count = moved.len() as f64;
    let lively = values.len() as f64 >= VARIED * count
        && updates >= LIVELY_UPDATES
        && count >= LIVELY * updates;
    let value = readings[at].value;
    let before = moved.iter().rev().skip_while(|&&moved| moved >= at);
    let level = before.take(LEVEL).map(|&at| readings[at].value);
    let (low, high) = level.fold((u64::MAX, 0), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    let spread = high.saturating_sub(low);
    let near = (low.saturating_sub(spread)..=high + spread).contains(&value);
    let fine = quantum <= FINE * value as f64 * spec.scale;
    if !lively || !near || !fine || still < FROZEN_SECONDS.max(FROZEN_UPDATES * interval) {
        return Ok(());
    }
    Err(Unavailable::new(format!(
        "the sensor stayed at {value} {} for {still:.1} s, although its value changed nearly every {interval:.3} \
         s: it has stopped",
        spec.unit.symbol()
    )))
}
