//! The readings of one sensor, checked and turned into energy over time.

use super::counter;
use super::figure::Reading;
use super::frozen;
use super::holes::Holes;
use super::sensor::{Quantity, SensorSpec, Unavailable};

/// Joules since the first point, as the sensor showed them at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Point {
    /// When the value first appeared, seconds on the monotonic clock: the middle of the possible times.
    pub at: f64,
    /// Half of the time within which it must have appeared.
    pub half: f64,
    /// Joules since the first point.
    pub joules: f64,
    /// Seconds since the point before: it can hold the energy of several updates.
    pub gap: f64,
}

/// The values of a sensor in the order of their appearance.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Series {
    pub spec: SensorSpec,
    /// Each change of an energy counter; each update of a power sensor, integrated so far.
    pub points: Vec<Point>,
    /// Power sensors only: the watts of each point, which cover the time before it.
    pub watts: Vec<f64>,
    /// The update interval: given, or learnt from these readings; `None` where every read gave a new value.
    pub update_interval: Option<f64>,
    /// The step of its values, joules or watts.
    pub quantum: f64,
    /// Seconds of the first and the last reading.
    pub span: (f64, f64),
    /// Power sensors only.
    pub holes: Holes,
}

/// A change whose time is uncertain by more than this share of an update interval is vague.
const VAGUE: f64 = 0.2;
/// The next change comes soon if it comes within this many update intervals.
const SOON: f64 = 0.95;
/// A counter that keeps one value for this many update intervals has stopped.
const STOPPED_UPDATES: f64 = 12.0;

impl Series {
    /// From raw readings in order of time.
    ///
    /// # Errors
    /// Why the sensor is faulty: a counter that stopped, ran backwards, jumped, read 0 or its type's maximum, or could have
    /// wrapped unseen; a power sensor whose watts are impossible.
    pub(crate) fn new(
        spec: SensorSpec,
        readings: &[Reading],
        update_interval: Option<f64>,
    ) -> Result<Self, Unavailable> {
        let (Some(first), Some(last)) = (readings.first(), readings.last()) else {
            return Err(Unavailable::new("the sensor returned no reading"));
        };
        // Each reading of a meter that prints lines is an update, even where it shows the same watts again.
        let changes = if spec.shows_each_update() {
            (1..readings.len()).collect()
        } else {
            changes(readings)
        };
        let update_interval = update_interval
            .or_else(|| learn_interval(readings, &changes, spec.is_power()))
            .or_else(|| match spec.quantity {
                Quantity::Energy { .. } => Some(spec.expected_update_interval),
                Quantity::Power { .. } => median_spacing(readings, &changes),
            });
        let mut series = Self {
            spec,
            points: Vec::with_capacity(changes.len()),
            watts: Vec::new(),
            update_interval,
            quantum: quantum(readings) * spec.scale,
            span: (first.at.monotonic, last.at.monotonic),
            holes: Holes::default(),
        };
        match spec.quantity {
            Quantity::Energy { .. } => series.count(readings, &changes)?,
            Quantity::Power { .. } => series.integrate(readings, &changes)?,
        }
        Ok(series)
    }

    fn count(&mut self, readings: &[Reading], changes: &[usize]) -> Result<(), Unavailable> {
        let joules = counter::joules(&self.spec, readings, self.update_interval)?;
        let mut before: Option<f64> = None;
        let appeared: Vec<(f64, f64)> = changes
            .iter()
            .map(|&at| self.appeared(readings, at))
            .collect();
        for (number, (&at, &(when, half))) in changes.iter().zip(&appeared).enumerate() {
            // A vague change is dropped where the next one came soon and sharply: a counter shows as much an update later.
            let better = appeared
                .get(number + 1)
                .is_some_and(|&(next, half)| self.is_soon(next - when) && !self.is_vague(half));
            if self.is_vague(half) && better {
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
        self.check_stopped(readings)
    }

    /// Whether a change that is uncertain by `half` seconds either way is vague.
    fn is_vague(&self, half: f64) -> bool {
        self.update_interval
            .is_some_and(|interval| half > VAGUE * interval)
    }

    fn is_soon(&self, seconds: f64) -> bool {
        self.update_interval
            .is_some_and(|interval| seconds < SOON * interval)
    }

    /// A counter that moved and then keeps one value for many updates has stopped, however many joules it counted before.
    fn check_stopped(&self, readings: &[Reading]) -> Result<(), Unavailable> {
        let (Some(interval), Some(last)) = (self.update_interval, readings.last()) else {
            return Ok(());
        };
        // The digits of a meter that prints lines change less often than it prints them.
        let interval = match interval > 0.0 {
            true => interval,
            false => median_spacing(readings, &changes(readings)).unwrap_or(0.0),
        };
        let long = (STOPPED_UPDATES * interval).max(0.25);
        let mut since = self.span.0;
        let ends = self.points.iter().map(|point| point.at);
        for at in ends.chain([self.span.1]) {
            if at - since > long && at - since - longest_unread(readings, since, at) > long {
                return Err(Unavailable::new(format!(
                    "the counter stayed at {} {} for {:.2} s, although it updates every {interval:.3} s: it has \
                     stopped",
                    last.value,
                    last.unit.symbol(),
                    at - since,
                )));
            }
            since = at;
        }
        Ok(())
    }

    fn integrate(&mut self, readings: &[Reading], changes: &[usize]) -> Result<(), Unavailable> {
        let unit = self.spec.unit.symbol();
        let watts = |reading: &Reading| reading.value as f64 * self.spec.scale;
        let possible = |watts: f64| watts.is_finite() && watts <= self.spec.max_watts;
        if let Some(reading) = readings.iter().find(|reading| !possible(watts(reading))) {
            return Err(Unavailable::new(format!(
                "the sensor reads {} {unit}, more than the possible {} W",
                reading.value, self.spec.max_watts
            )));
        }
        if readings.iter().all(|reading| reading.value == 0) {
            return Err(Unavailable::new(
                "the sensor always reads 0, as from drivers without a sensor",
            ));
        }
        let (spec, interval) = (&self.spec, self.update_interval);
        frozen::check(spec, interval, readings, changes, self.quantum)?;
        self.holes = Holes::of(&self.spec, self.update_interval, readings);
        let mut joules = 0.0;
        let mut before: Option<(f64, f64)> = None;
        for &at in changes {
            let (when, half) = self.appeared(readings, at);
            let watts = readings[at].value as f64 * self.spec.scale;
            let gap = before.map_or(0.0, |(before, _)| when - before);
            if let Some((_, held)) = before {
                // Updates that repeat a value are not changes: until the last update, the old value held.
                let fresh = self
                    .update_interval
                    .map_or(gap, |interval| gap.min(interval));
                joules += match self.holes.ends_at(readings[at].at.monotonic) {
                    true => gap * f64::midpoint(watts, held),
                    false => watts * fresh + held * (gap - fresh),
                };
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
        // The last value held until the last reading.
        if let Some((when, held)) = before.filter(|&(when, _)| self.span.1 > when) {
            let tail = self.span.1 - when;
            let whole = self
                .update_interval
                .map_or(tail, |interval| (tail / interval).floor() * interval);
            if whole > 0.0 {
                self.points.push(Point {
                    at: when + whole,
                    half: self.update_interval.unwrap_or(0.0) / 2.0,
                    joules: joules + held * whole,
                    gap: whole,
                });
                self.watts.push(held);
            }
        }
        Ok(())
    }

    /// When the value of reading `at` appeared: after the read before it, and at most an update interval before its own.
    fn appeared(&self, readings: &[Reading], at: usize) -> (f64, f64) {
        let own = &readings[at];
        let before = &readings[at.saturating_sub(1)];
        if self.spec.expected_update_interval == 0.0 {
            // It shows the present; of power it is not known whether up to its time or around it.
            let spacing = if self.spec.is_power() {
                own.at.monotonic - before.at.monotonic
            } else {
                own.read_seconds
            };
            return (own.at.monotonic, spacing / 2.0);
        }
        let began = |reading: &Reading| reading.at.monotonic - reading.read_seconds / 2.0;
        let latest = own.at.monotonic + own.read_seconds / 2.0;
        let mut earliest = began(own).min(began(before));
        if let Some(interval) = self.update_interval {
            earliest = earliest.max(began(own) - interval);
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
        let a = self.points.get(first)?;
        let b = self.points.get(end.checked_sub(1)?)?;
        (b.at > a.at).then(|| (b.joules - a.joules) / (b.at - a.at))
    }
}

/// The longest time between `from` and `to` without a reading.
fn longest_unread(readings: &[Reading], from: f64, to: f64) -> f64 {
    let within = |at: f64| at >= from && at <= to;
    readings
        .windows(2)
        .map(|pair| (pair[0].at.monotonic, pair[1].at.monotonic))
        .filter(|&(a, b)| within(a) || within(b))
        .map(|(a, b)| b.min(to) - a.max(from))
        .fold(0.0, f64::max)
}

/// The readings whose value differs from the one before.
pub(crate) fn changes(readings: &[Reading]) -> Vec<usize> {
    (1..readings.len())
        .filter(|&at| readings[at].value != readings[at - 1].value)
        .collect()
}

/// The largest step of which every difference between two values is a multiple, in units.
pub(crate) fn quantum(readings: &[Reading]) -> f64 {
    fn divisor(mut a: u64, mut b: u64) -> u64 {
        while b > 0 {
            (a, b) = (b, a % b);
        }
        a
    }
    let pairs = readings.windows(2);
    let steps = pairs.map(|pair| pair[1].value.abs_diff(pair[0].value));
    steps.fold(0, divisor) as f64
}

/// Changes farther apart than this many update intervals do not show how many updates lay between.
const COUNTABLE_UPDATES: f64 = 5.0;

/// A change was seen as it came where at most this share of the time since the second last change lies between two
/// readings: where updates are skipped, the last change is the reading that ended the skip.
const RESOLVED: f64 = 1.0 / 6.0;

/// The mean time between two updates: the median between those changes that were seen as they came, then the mean of all
/// of those by the number of updates between them.
fn learn_interval(readings: &[Reading], changes: &[usize], is_power: bool) -> Option<f64> {
    let time = |at: usize| readings[at].at.monotonic;
    let value = |at: usize| readings[at].value;
    // Seconds from one change to the next, and the updates between them where the energy of the last update shows them.
    let mut spans: Vec<(f64, Option<f64>)> = Vec::new();
    let (mut since, mut seen, mut last) = (readings.first()?.at.monotonic, None, None);
    for (number, &at) in changes.iter().enumerate() {
        let second = number.checked_sub(2).map_or(0, |number| changes[number]);
        if time(at) - time(at - 1) <= RESOLVED * (time(at) - time(second)) {
            let updates = match (seen, last) {
                (Some(seen), Some(last)) if seen == last => Some(1.0),
                (Some(seen), Some(last)) if !is_power => {
                    let all = value(at).abs_diff(value(seen)) as f64;
                    let updates = all / value(at).abs_diff(value(last)) as f64;
                    Some(updates.round()).filter(|&updates| updates >= 1.0)
                }
                _ => None,
            };
            if seen.is_some() {
                spans.push((time(at) - since, updates));
            }
            (since, seen) = (time(at), Some(at));
        }
        last = Some(at);
    }
    let each = spans.iter();
    let mut times: Vec<f64> = each
        .filter_map(|&(span, updates)| Some(span / updates?))
        .collect();
    if times.len() < 2 {
        return None;
    }
    times.sort_by(f64::total_cmp);
    let median = times[times.len() / 2];
    // Over many updates the errors of single times average out.
    let (mut seconds, mut updates) = (0.0, 0.0);
    for (span, _) in spans {
        let count = (span / median).round();
        if (1.0..=COUNTABLE_UPDATES).contains(&count) {
            seconds += span;
            updates += count;
        }
    }
    Some(if updates > 0.0 {
        seconds / updates
    } else {
        median
    })
}

fn median_spacing(readings: &[Reading], changes: &[usize]) -> Option<f64> {
    let mut times: Vec<f64> = changes
        .windows(2)
        .map(|pair| readings[pair[1]].at.monotonic - readings[pair[0]].at.monotonic)
        .collect();
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied()
}

/// The update interval as the readings show it; `None` where they were too far apart, or too few.
pub(crate) fn update_interval(spec: SensorSpec, readings: &[Reading]) -> Option<f64> {
    learn_interval(readings, &changes(readings), spec.is_power())
}
