//! A run of readings of one instrument, checked, and turned into energy over time.

use std::collections::HashSet;

use super::counter::Counter;
use super::figure::Reading;
use super::sensor::{Quantity, SensorSpec, Unavailable};

/// Joules since the first point, as they were shown at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Point {
    /// When this value was first shown, seconds on the monotonic clock: the middle of what is known of it.
    pub at: f64,
    /// Half of the time within which it must have appeared.
    pub half: f64,
    /// Joules since the first point.
    pub joules: f64,
    /// For how long values had been missing before it: it may hold the energy of several ticks.
    pub gap: f64,
}

/// The values of an instrument in the order they appeared.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Series {
    pub spec: SensorSpec,
    /// Each change of an energy counter; each update of a power sensor, integrated so far.
    pub points: Vec<Point>,
    /// Power sensors only: the watts of each point, which cover the time before it.
    pub watts: Vec<f64>,
    /// The tick: given, or learnt from these readings; `None` where every read gave a new value.
    pub tick: Option<f64>,
    /// The step of its values, joules or watts.
    pub quantum: f64,
    /// Seconds of the first and the last reading.
    pub span: (f64, f64),
}

/// A change that may have come this share of a tick earlier or later was not seen as it came.
const VAGUE: f64 = 0.2;
/// The next change comes soon within so many ticks.
const SOON: f64 = 0.95;
/// A power sensor is lively that changed with this share of so many ticks.
const LIVELY: f64 = 0.8;
const LIVELY_TICKS: f64 = 30.0;
/// This share of them values that it showed once.
const VARIOUS: f64 = 0.5;
/// And fine, whose step is no more than this share of what it shows.
const FINE: f64 = 1e-3;
/// Such a one that stood still for so many ticks and seconds has stopped.
const FROZEN_TICKS: f64 = 50.0;
const FROZEN_SECONDS: f64 = 5.0;
/// A counter that stood still for so many of its ticks has stopped.
const STILL_TICKS: f64 = 12.0;

impl Series {
    /// From raw readings in the order of time.
    ///
    /// # Errors
    /// Why the instrument lies: a counter that stood still, ran backwards, jumped, read 0 or its type's maximum, or
    /// could have wrapped unseen; a sensor whose watts are impossible.
    pub(crate) fn new(
        spec: SensorSpec,
        readings: &[Reading],
        tick: Option<f64>,
    ) -> Result<Self, Unavailable> {
        let (Some(first), Some(last)) = (readings.first(), readings.last()) else {
            return Err(Unavailable::new("the instrument gave no reading"));
        };
        let span = (first.at.monotonic, last.at.monotonic);
        // Each reading of one that changes with every read is an update, also where it shows the same watts again.
        let changes = if spec.is_power() && spec.expected_update_interval == 0.0 {
            (1..readings.len()).collect()
        } else {
            changes(readings)
        };
        let tick = tick
            .or_else(|| learn_tick(readings, &changes, spec.is_power()))
            .or_else(|| match spec.quantity {
                Quantity::Energy { .. } => Some(spec.expected_update_interval),
                // Each reading is an update of its own.
                Quantity::Power { .. } => median_spacing(readings, &changes),
            });
        let mut series = Self {
            spec,
            points: Vec::with_capacity(changes.len()),
            watts: Vec::new(),
            tick,
            quantum: quantum(readings) * spec.scale,
            span,
        };
        match spec.quantity {
            Quantity::Energy { wraps_at } => {
                let rules = Counter {
                    unit: spec.unit,
                    scale: spec.scale,
                    wraps_at,
                    max_watts: spec.max_watts,
                };
                series.count(readings, &changes, &rules)?;
            }
            Quantity::Power { .. } => series.integrate(readings, &changes)?,
        }
        Ok(series)
    }

    fn count(
        &mut self,
        readings: &[Reading],
        changes: &[usize],
        rules: &Counter,
    ) -> Result<(), Unavailable> {
        let joules = rules.unwrap(readings, self.tick)?;
        let mut before: Option<f64> = None;
        let appeared: Vec<(f64, f64)> = changes
            .iter()
            .map(|&at| self.appeared(readings, at))
            .collect();
        for (number, (&at, &(when, half))) in changes.iter().zip(&appeared).enumerate() {
            // A counter says as much a tick later, when its change was seen as it came.
            if self.vague(half)
                && appeared
                    .get(number + 1)
                    .is_some_and(|next| self.better(when, *next))
            {
                continue;
            }
            self.points.push(Point {
                at: when,
                half,
                joules: joules[at],
                gap: before.map_or(0.0, |before| when - before),
            });
            before = Some(when);
        }
        self.stopped(readings)
    }

    /// Whether a change within so many seconds either way was not seen as it came, though others can be.
    fn vague(&self, half: f64) -> bool {
        self.tick.is_some_and(|tick| half > VAGUE * tick)
    }

    /// Whether the change `next` came soon after `when`, and was seen.
    fn better(&self, when: f64, (next, half): (f64, f64)) -> bool {
        let soon = |tick: f64| next - when < SOON * tick;
        self.tick.is_some_and(soon) && !self.vague(half)
    }

    /// A counter that moved and then stands for many ticks has stopped, however large the figure up to there.
    fn stopped(&self, readings: &[Reading]) -> Result<(), Unavailable> {
        let (Some(tick), Some(last)) = (self.tick, readings.last()) else {
            return Ok(());
        };
        let long = (STILL_TICKS * tick).max(0.25);
        let mut since = self.span.0;
        let ends = self.points.iter().map(|point| point.at);
        for at in ends.chain([self.span.1]) {
            if at - since > long && at - since - self.unread(readings, since, at) > long {
                return Err(Unavailable::new(format!(
                    "the counter stood at {} {} for {:.2} s, though it moves every {tick:.3} s: it has stopped",
                    last.value,
                    last.unit.symbol(),
                    at - since,
                )));
            }
            since = at;
        }
        Ok(())
    }

    /// The longest time between `from` and `to` in which it was not read at all.
    fn unread(&self, readings: &[Reading], from: f64, to: f64) -> f64 {
        let within = |at: f64| at >= from && at <= to;
        readings
            .windows(2)
            .map(|pair| (pair[0].at.monotonic, pair[1].at.monotonic))
            .filter(|&(a, b)| within(a) || within(b))
            .map(|(a, b)| b.min(to) - a.max(from))
            .fold(0.0, f64::max)
    }

    fn integrate(&mut self, readings: &[Reading], changes: &[usize]) -> Result<(), Unavailable> {
        let unit = self.spec.unit.symbol();
        for reading in readings {
            let watts = reading.value as f64 * self.spec.scale;
            if !(watts.is_finite() && watts <= self.spec.max_watts) {
                return Err(Unavailable::new(format!(
                    "the sensor reads {} {unit}, more than {} W could explain",
                    reading.value, self.spec.max_watts
                )));
            }
        }
        if readings.iter().all(|reading| reading.value == 0) {
            return Err(Unavailable::new(
                "the sensor reads 0 throughout, as drivers do that have none",
            ));
        }
        self.frozen(readings)?;
        let mut joules = 0.0;
        let mut before: Option<(f64, f64)> = None;
        for &at in changes {
            let (when, half) = self.appeared(readings, at);
            let watts = readings[at].value as f64 * self.spec.scale;
            let gap = before.map_or(0.0, |(before, _)| when - before);
            if let Some((_, held)) = before {
                // Updates that showed the same watts again are no changes: but for the last tick, the old value held.
                let fresh = self.tick.map_or(gap, |tick| gap.min(tick));
                joules += watts * fresh + held * (gap - fresh);
            }
            self.points.push(Point {
                at: when,
                half,
                joules,
                gap,
            });
            self.watts.push(watts);
            before = Some((when, watts));
        }
        // What was shown last held until the last look.
        if let Some((when, held)) = before.filter(|&(when, _)| self.span.1 > when) {
            let tail = self.span.1 - when;
            let whole = self.tick.map_or(tail, |tick| (tail / tick).floor() * tick);
            if whole > 0.0 {
                self.points.push(Point {
                    at: when + whole,
                    half: self.tick.unwrap_or(0.0) / 2.0,
                    joules: joules + held * whole,
                    gap: whole,
                });
                self.watts.push(held);
            }
        }
        Ok(())
    }

    /// A sensor that showed another value with nearly every tick, finely, and then one and the same for long has stopped: no
    /// device draws so evenly. One that shows few steps, or stands now and then, may show what is true.
    fn frozen(&self, readings: &[Reading]) -> Result<(), Unavailable> {
        let Some(tick) = self.tick.filter(|&tick| tick > 0.0) else {
            return Ok(());
        };
        let moved = changes(readings);
        let times = moved.iter().map(|&at| readings[at].at.monotonic);
        let times: Vec<f64> = times.chain([self.span.1]).collect();
        let stretches = times.windows(2).zip(&moved);
        let still = stretches
            .map(|(pair, &at)| (pair[1] - pair[0], at))
            .max_by(|a, b| a.0.total_cmp(&b.0));
        let Some((still, at)) = still else {
            return Ok(());
        };
        let ticks = (self.span.1 - self.span.0 - still) / tick;
        // A load of even steps shows the same few values again and again.
        let values: HashSet<u64> = moved.iter().map(|&at| readings[at].value).collect();
        let various = values.len() as f64 >= VARIOUS * moved.len() as f64;
        let lively = various && ticks >= LIVELY_TICKS && moved.len() as f64 >= LIVELY * ticks;
        let value = readings[at].value;
        let fine = self.quantum <= FINE * value as f64 * self.spec.scale;
        if !lively || !fine || still < FROZEN_SECONDS.max(FROZEN_TICKS * tick) {
            return Ok(());
        }
        Err(Unavailable::new(format!(
            "the sensor stood at {value} {} for {still:.1} s, though it showed another value nearly every {tick:.3} s: it has stopped",
            self.spec.unit.symbol()
        )))
    }

    /// When the value of reading `at` appeared: after the read before it, and no more than a tick before its own.
    fn appeared(&self, readings: &[Reading], at: usize) -> (f64, f64) {
        let own = &readings[at];
        if self.spec.expected_update_interval == 0.0 {
            // It shows what is true at its own time; of power it is not said whether up to then or around it.
            let before = readings[at.saturating_sub(1)].at.monotonic;
            let spacing = if self.spec.is_power() {
                own.at.monotonic - before
            } else {
                own.read_seconds
            };
            return (own.at.monotonic, spacing / 2.0);
        }
        let latest = own.at.monotonic + own.read_seconds / 2.0;
        let mut earliest = own.at.monotonic - own.read_seconds / 2.0;
        if at > 0 {
            let before = &readings[at - 1];
            earliest = earliest.min(before.at.monotonic - before.read_seconds / 2.0);
        }
        if let Some(tick) = self.tick {
            earliest = earliest.max(own.at.monotonic - own.read_seconds / 2.0 - tick);
        }
        ((earliest + latest) / 2.0, (latest - earliest) / 2.0)
    }

    /// Joules shown at `time`, on the straight line between the points around it; `None` outside of them.
    pub(crate) fn at(&self, time: f64) -> Option<f64> {
        let next = self.points.partition_point(|point| point.at < time);
        let after = self.points.get(next)?;
        if after.at == time {
            return Some(after.joules);
        }
        let before = self.points.get(next.checked_sub(1)?)?;
        let share = (time - before.at) / (after.at - before.at);
        Some(before.joules + share * (after.joules - before.joules))
    }

    /// Mean watts shown between two times, by the points nearest to them; `None` without two points.
    pub(crate) fn mean_watts(&self, from: f64, to: f64) -> Option<f64> {
        let first = self.points.partition_point(|point| point.at < from);
        let end = self.points.partition_point(|point| point.at <= to);
        let (a, b) = (
            self.points.get(first)?,
            self.points.get(end.checked_sub(1)?)?,
        );
        (b.at > a.at).then(|| (b.joules - a.joules) / (b.at - a.at))
    }
}

/// The readings that show another value than the one before them; the first reading is one where it stands alone.
fn changes(readings: &[Reading]) -> Vec<usize> {
    (1..readings.len())
        .filter(|&at| readings[at].value != readings[at - 1].value)
        .collect()
}

/// The largest step of which every difference between two values seen is a multiple, in units.
pub(crate) fn quantum(readings: &[Reading]) -> f64 {
    let steps = readings
        .windows(2)
        .map(|pair| pair[1].value.abs_diff(pair[0].value));
    steps.fold(0, divisor) as f64
}

/// The greatest common divisor; of 0 and `b` it is `b`.
fn divisor(mut a: u64, mut b: u64) -> u64 {
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// Changes farther apart than this many ticks do not tell how many lay between.
const MANY_TICKS: f64 = 5.0;

/// A change was seen as it came where no more than this share of the time since the second last lies between two looks:
/// where ticks are slept through, the last is the look that ended the sleep.
const RESOLVED: f64 = 1.0 / 6.0;

/// The mean time between two ticks: the median between those changes that were seen as they came, then the mean of all of
/// those by the number of ticks between them.
fn learn_tick(readings: &[Reading], changes: &[usize], is_power: bool) -> Option<f64> {
    let time = |at: usize| readings[at].at.monotonic;
    let value = |at: usize| readings[at].value;
    // Seconds from one to the next, and the ticks between them where the energy of the last tells.
    let mut spans: Vec<(f64, Option<f64>)> = Vec::new();
    let (mut since, mut seen, mut last) = (readings.first()?.at.monotonic, None, None);
    for (number, &at) in changes.iter().enumerate() {
        let second = number.checked_sub(2).map_or(0, |number| changes[number]);
        if time(at) - time(at - 1) <= RESOLVED * (time(at) - time(second)) {
            let ticks = match (seen, last) {
                (Some(seen), Some(last)) if seen == last => Some(1.0),
                (Some(seen), Some(last)) if !is_power => {
                    let all = value(at).abs_diff(value(seen)) as f64;
                    let ticks = all / value(at).abs_diff(value(last)) as f64;
                    Some(ticks.round()).filter(|&ticks| ticks >= 1.0)
                }
                _ => None,
            };
            if seen.is_some() {
                spans.push((time(at) - since, ticks));
            }
            (since, seen) = (time(at), Some(at));
        }
        last = Some(at);
    }
    let each = spans
        .iter()
        .filter_map(|&(span, ticks)| Some(span / ticks?));
    let mut times: Vec<f64> = each.collect();
    if times.len() < 2 {
        return None;
    }
    times.sort_by(f64::total_cmp);
    let median = times[times.len() / 2];
    // Over many ticks the times of single looks average out.
    let (mut seconds, mut ticks) = (0.0, 0.0);
    for (span, _) in spans {
        let count = (span / median).round();
        if (1.0..=MANY_TICKS).contains(&count) {
            seconds += span;
            ticks += count;
        }
    }
    Some(if ticks > 0.0 { seconds / ticks } else { median })
}

fn median_spacing(readings: &[Reading], changes: &[usize]) -> Option<f64> {
    let mut times: Vec<f64> = changes
        .windows(2)
        .map(|pair| readings[pair[1]].at.monotonic - readings[pair[0]].at.monotonic)
        .collect();
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied()
}

/// The tick as readings show it.
pub(crate) fn tick_of(spec: SensorSpec, readings: &[Reading]) -> Option<f64> {
    learn_tick(readings, &changes(readings), spec.is_power())
}
