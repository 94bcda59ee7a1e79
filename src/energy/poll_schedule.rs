//! When an instrument is looked at: asleep until just before its next tick is due, then closely until it came.

use super::figure::Reading;
use super::sensor::SensorSpec;

/// Looks of an instrument whose tick is being learnt are this far apart, in seconds; later ones ever farther.
const CLOSE: f64 = 0.001;
const CLOSEST: f64 = 0.0002;
/// Of an instrument that ticks faster than this, not every tick is awaited.
const EVERY: f64 = 0.05;
/// A change is seen as it comes where so many ticks lie between two looks.
const CLOSELY: f64 = 0.25;
/// Where it is not known when a tick comes, there is a look every so many.
const COARSE: f64 = 0.125;
/// The share of what a tick was off by that the next is expected to be.
const LEARN: f64 = 0.2;
/// After so many ticks that did not come when they were due, it is not known any more.
const MISSED: f64 = 1.0;
/// After so many changes the tick is known.
const ENOUGH: usize = 5;
/// After so many changes, hardly any of them looked for closely, it ticks as fast as it can be read.
const MANY: usize = 100;

/// The next look at one instrument, from what was seen of it so far. It knows no clock: it can be driven in any time.
#[derive(Clone, Debug)]
pub struct PollSchedule {
    spec: SensorSpec,
    tick: Option<f64>,
    /// Where changes are being awaited by close looks: times between them.
    spacings: Vec<f64>,
    last: Option<Look>,
    /// The last change that was seen as it came, and how long before the look it may have come.
    changed: Option<f64>,
    within: f64,
    /// Looks since the last change.
    looks: usize,
    /// Looks in all, and those among them that showed a new value.
    all: usize,
    fresh: usize,
    began: Option<f64>,
    /// How far ticks came from when they were due, at most, fading.
    jitter: f64,
}

#[derive(Clone, Copy, Debug)]
struct Look {
    at: f64,
    value: u64,
    took: f64,
}

impl PollSchedule {
    /// For an instrument whose tick may be known.
    pub fn new(spec: SensorSpec, tick: Option<f64>) -> Self {
        Self {
            spec,
            tick: tick.filter(|tick| tick.is_finite() && *tick > 0.0),
            spacings: Vec::new(),
            last: None,
            changed: None,
            within: 0.0,
            looks: 0,
            all: 0,
            fresh: 0,
            began: None,
            jitter: 0.0,
        }
    }

    /// Takes note of a reading.
    pub fn observe(&mut self, reading: &Reading) {
        let at = reading.at.monotonic;
        self.began.get_or_insert(at);
        self.all += 1;
        let Some(before) = self.last.replace(Look {
            at,
            value: reading.value,
            took: reading.read_seconds,
        }) else {
            return;
        };
        self.looks += 1;
        if reading.value == before.value {
            return;
        }
        self.fresh += 1;
        let within = at - before.at;
        let looks = std::mem::take(&mut self.looks);
        // What is new after ticks were slept through is none that was seen as it came.
        let slept = self.skips(reading.read_seconds).is_some();
        if !slept || within <= CLOSELY * self.tick.unwrap_or(within) {
            self.note(at, looks);
            self.changed = Some(at);
            self.within = within;
        }
        self.learn_fast(at);
        if self.tick.is_none() && self.spacings.len() >= ENOUGH {
            let mut sorted = self.spacings.clone();
            sorted.sort_by(f64::total_cmp);
            self.tick = Some(sorted[sorted.len() / 2]);
        }
    }

    /// A change that was seen as it came, after so many looks.
    fn note(&mut self, at: f64, looks: usize) {
        let Some(changed) = self.changed else {
            return;
        };
        let spacing = at - changed;
        match self.tick {
            None if looks >= 3 => self.spacings.push(spacing),
            None => {}
            Some(tick) => {
                let ticks = (spacing / tick).round().max(1.0);
                let off = spacing - ticks * tick;
                self.jitter = off.abs().min(tick / 2.0).max(self.jitter * 0.9);
                // The first few looks told the tick to within their distance, which over several of them is more.
                if self.every(tick) > 1.0 && off.abs() < CLOSELY * tick {
                    self.tick = Some(tick + LEARN * off / ticks);
                }
            }
        }
    }

    /// One that ticks nearly as fast as it can be read shows its tick by the number of its changes alone.
    fn learn_fast(&mut self, at: f64) {
        let spacing = (at - self.began.unwrap_or(at)) / self.fresh as f64;
        let many = self.fresh >= MANY && self.spacings.len() < ENOUGH;
        if self.tick.is_none() && many && spacing < 10.0 * CLOSE {
            self.tick = Some(spacing);
        }
    }

    /// The tick, once it is known.
    pub fn tick(&self) -> Option<f64> {
        self.tick
    }

    /// The changes that were seen.
    pub fn changes(&self) -> usize {
        self.fresh
    }

    /// When to look next, in the time of the readings; `now` is the present.
    pub fn next(&self, now: f64) -> f64 {
        let Some(last) = self.last else {
            return now;
        };
        if self.spec.expected_update_interval == 0.0 {
            return last.at + EVERY;
        }
        // Every look gave a new value: it ticks faster than it can be read.
        let unresolved = self.tick.is_none() && self.all > 20 && 4 * self.fresh >= 3 * self.all;
        if unresolved {
            return last.at + EVERY;
        }
        let Some(tick) = self.tick else {
            return now + self.learning(now).max(last.took / 4.0);
        };
        let every = self.every(tick);
        if tick < 2.0 * CLOSE {
            return last.at + every * tick;
        }
        let close = (tick / 100.0).clamp(CLOSEST, 10.0 * CLOSE);
        let early = (2.0 * self.jitter).max(0.02 * tick).max(2.0 * last.took);
        if self.skips(last.took).is_some() {
            return self.around(now, tick, early).unwrap_or(now + close);
        }
        let changed = self.changed.unwrap_or(last.at);
        let due = changed + every * tick - early;
        if now < due {
            return due;
        }
        // Overdue by many ticks, it is no longer worth a close look.
        if now - changed > 4.0 * every * tick {
            return now + tick / 4.0;
        }
        now + close
    }

    /// Every how many ticks one is awaited: of a counter one now and then is enough, of a power sensor every update is part
    /// of the sum.
    fn every(&self, tick: f64) -> f64 {
        let every = if self.spec.is_power() { 0.0 } else { EVERY };
        (every / tick).ceil().max(1.0)
    }

    /// The tick, where ticks are slept through and reads of `took` seconds can show when one comes.
    fn skips(&self, took: f64) -> Option<f64> {
        let resolved = |tick: &f64| *tick >= 2.0 * CLOSE && took < CLOSELY * tick;
        self.tick
            .filter(|&tick| self.every(tick) > 1.0)
            .filter(resolved)
    }

    /// Where ticks are slept through: the next look, or `None` for a close one. Looks are close around the times at which
    /// ticks are due; the first of them shows what came in the sleep, so that the next change is seen as it comes.
    fn around(&self, now: f64, tick: f64, early: f64) -> Option<f64> {
        // With the phase lost it is looked for coarsely.
        let coarse = now + COARSE * tick;
        let Some(changed) = self.changed else {
            return Some(coarse);
        };
        let early = early.max(self.within);
        let next = ((now - early - changed) / tick).ceil();
        let due = next.max(self.every(tick));
        if due > self.every(tick) + MISSED {
            return Some(coarse);
        }
        Some(changed + due * tick - early).filter(|&due| due > now)
    }

    fn learning(&self, now: f64) -> f64 {
        let waited = now - self.changed.or(self.began).unwrap_or(now);
        let close = (self.spec.expected_update_interval / 10.0).clamp(CLOSEST, CLOSE);
        // A battery ticks in half minutes: the longer it stands, the coarser the looks.
        close.max(waited / 200.0).min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::clock::Moment;
    use super::super::figure::RawUnit;
    use super::*;

    /// Drives a schedule against a counter of 100 W that ticks every `tick`, for `seconds`; the times of its looks.
    fn drive(tick: f64, seconds: f64, took: f64) -> (PollSchedule, Vec<f64>) {
        let mut schedule =
            PollSchedule::new(SensorSpec::energy(RawUnit::Millijoule, 1e4, 0.1), None);
        let (mut now, mut looks) = (0.003, Vec::new());
        while now < seconds {
            let value = 1 + ((now / tick).floor() * tick * 1e5) as u64;
            let at = Moment {
                monotonic: now + took / 2.0,
                unix: 1e9 + now,
            };
            schedule.observe(&Reading {
                value,
                unit: RawUnit::Millijoule,
                at,
                read_seconds: took,
            });
            looks.push(now);
            now += took;
            now = schedule.next(now).max(now);
        }
        (schedule, looks)
    }

    #[test]
    fn it_sleeps_until_a_tick_is_due() {
        for tick in [0.02, 0.1] {
            let (schedule, looks) = drive(tick, 10.0, 0.0001);
            let learnt = schedule.tick().unwrap();
            assert!((learnt - tick).abs() < 0.05 * tick, "{learnt} for {tick}");
            let late: Vec<f64> = looks.iter().copied().filter(|&at| at > 5.0).collect();
            let ticks = 5.0 / tick.max(EVERY);
            assert!(
                (late.len() as f64) < 16.0 * ticks,
                "{} looks for {ticks}",
                late.len()
            );
        }
    }

    /// A counter's changes while ticks are slept through: each awaited one is seen within a twentieth of a tick.
    #[test]
    fn a_tick_that_was_slept_for_is_seen_as_it_comes() {
        for tick in [0.02, 0.0213, 0.033] {
            let (schedule, looks) = drive(tick, 10.0, 0.0001);
            assert!((schedule.tick().unwrap() - tick).abs() < 0.01 * tick);
            let closely = looks.windows(2).filter(|pair| {
                let came = (pair[1] / tick).floor() * tick;
                pair[0] > 5.0 && pair[0] < came && pair[1] - pair[0] < 0.05 * tick
            });
            let awaited = 5.0 / ((EVERY / tick).ceil() * tick);
            let seen = closely.count() as f64;
            assert!(seen > 0.9 * awaited, "{seen} of {awaited} at {tick}");
        }
    }

    #[test]
    fn slow_reads_are_fewer() {
        let (schedule, looks) = drive(0.1, 10.0, 0.005);
        assert!((schedule.tick().unwrap() - 0.1).abs() < 0.006);
        let late = looks.iter().filter(|&&at| at > 5.0).count();
        assert!(late <= 50 * 5, "{late}");
    }

    #[test]
    fn an_instrument_that_always_moves_is_left_alone() {
        let (schedule, looks) = drive(0.0001, 10.0, 0.0001);
        assert_eq!(schedule.tick(), None);
        assert!(looks.len() < 240, "{}", looks.len());
    }
}
