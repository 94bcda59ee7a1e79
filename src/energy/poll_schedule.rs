//! When a sensor is polled: it sleeps until just before the next update is due, then polls closely until it comes.

use super::clock::Clock;
use super::figure::Reading;
use super::sensor::{Sensor, SensorSpec, Unavailable};

/// While the update interval is being learnt, polls are this far apart, in seconds; later ones farther.
const CLOSE: f64 = 0.001;
const CLOSEST: f64 = 0.0002;
/// Of a counter that updates faster than this, not every update is awaited.
const AWAIT_SECONDS: f64 = 0.05;
/// A change was seen as it came if two polls are at most this share of an update interval apart.
const CLOSELY: f64 = 0.25;
/// While the time of the next update is unknown, polls are this share of an update interval apart.
const COARSE: f64 = 0.125;
/// The share of an update's deviation that the next update is expected to have.
const LEARN: f64 = 0.2;
/// After this many updates that did not come when they were due, their phase is unknown again.
const MISSED: f64 = 1.0;
/// After this many changes the update interval is known.
const ENOUGH: usize = 5;
/// After this many changes, if hardly any could be polled closely, the sensor updates as fast as it can be read.
const MANY: usize = 100;
/// A sensor that keeps a record is polled this often: its readings carry their own times, so polling exactly when they
/// come gains nothing.
const RECORD_SECONDS: f64 = 0.05;

/// The next poll of a sensor, from what was seen of it so far. It has no clock of its own: it can be driven in any time.
#[derive(Clone, Debug)]
pub(crate) struct PollSchedule {
    spec: SensorSpec,
    update_interval: Option<f64>,
    /// While changes are awaited by close polls: the times between them.
    spacings: Vec<f64>,
    last: Option<Reading>,
    /// The last change that was seen as it came, and how long before its poll it can have come.
    changed: Option<f64>,
    within: f64,
    polls_since_change: usize,
    polls: usize,
    /// Polls that showed a new value.
    changes: usize,
    began: Option<f64>,
    /// The largest deviation of an update from when it was due, fading.
    jitter: f64,
}

impl PollSchedule {
    /// For a sensor whose update interval may be known.
    pub(crate) fn new(spec: SensorSpec, update_interval: Option<f64>) -> Self {
        Self {
            spec,
            update_interval: update_interval
                .filter(|interval| interval.is_finite() && *interval > 0.0),
            spacings: Vec::new(),
            last: None,
            changed: None,
            within: 0.0,
            polls_since_change: 0,
            polls: 0,
            changes: 0,
            began: None,
            jitter: 0.0,
        }
    }

    /// Polls `sensor`, appends its readings, and returns when to poll next.
    pub(crate) fn poll(
        &mut self,
        sensor: &dyn Sensor,
        clock: &dyn Clock,
        readings: &mut Vec<Reading>,
    ) -> Result<f64, Unavailable> {
        let before = readings.len();
        sensor.poll(readings)?;
        readings[before..].iter().for_each(|new| self.observe(new));
        Ok(self.next_poll(sensor, clock.now()))
    }

    /// When to poll `sensor` next.
    pub(crate) fn next_poll(&self, sensor: &dyn Sensor, now: f64) -> f64 {
        match sensor.keeps_record() {
            true => now + RECORD_SECONDS,
            false => self.next(now),
        }
    }

    /// Learns from a reading.
    pub(crate) fn observe(&mut self, reading: &Reading) {
        let at = reading.at.monotonic;
        self.began.get_or_insert(at);
        self.polls += 1;
        let Some(before) = self.last.replace(*reading) else {
            return;
        };
        self.polls_since_change += 1;
        if reading.value == before.value {
            return;
        }
        self.changes += 1;
        let within = at - before.at.monotonic;
        let polls = std::mem::take(&mut self.polls_since_change);
        // After skipping updates the time of the first new value is unknown.
        let skipped = self.skips(reading.read_seconds).is_some();
        if !skipped || within <= CLOSELY * self.update_interval.unwrap_or(within) {
            self.note(at, polls);
            self.changed = Some(at);
            self.within = within;
        }
        self.learn_fast(at);
        if self.update_interval.is_none() && self.spacings.len() >= ENOUGH {
            let mut sorted = self.spacings.clone();
            sorted.sort_by(f64::total_cmp);
            self.update_interval = Some(sorted[sorted.len() / 2]);
        }
    }

    /// Learns from a change that was seen as it came, after this many polls.
    fn note(&mut self, at: f64, polls: usize) {
        let Some(changed) = self.changed else {
            return;
        };
        let spacing = at - changed;
        match self.update_interval {
            None if polls >= 3 => self.spacings.push(spacing),
            None => {}
            Some(interval) => {
                let updates = (spacing / interval).round().max(1.0);
                let off = spacing - updates * interval;
                self.jitter = off.abs().min(interval / 2.0).max(self.jitter * 0.9);
                // The first few polls found the interval to within their distance, which over several updates is more.
                if self.every(interval) > 1.0 && off.abs() < CLOSELY * interval {
                    self.update_interval = Some(interval + LEARN * off / updates);
                }
            }
        }
    }

    /// A sensor that updates nearly as fast as it can be read shows its update interval by the number of its changes.
    fn learn_fast(&mut self, at: f64) {
        let spacing = (at - self.began.unwrap_or(at)) / self.changes as f64;
        let many = self.changes >= MANY && self.spacings.len() < ENOUGH;
        if self.update_interval.is_none() && many && spacing < 10.0 * CLOSE {
            self.update_interval = Some(spacing);
        }
    }

    /// The update interval, once it is known.
    pub(crate) fn update_interval(&self) -> Option<f64> {
        self.update_interval
    }

    /// When to poll next, in the time of the readings; `now` is the present.
    fn next(&self, now: f64) -> f64 {
        let Some(last) = self.last else {
            return now;
        };
        let (at, took) = (last.at.monotonic, last.read_seconds);
        if self.spec.expected_update_interval == 0.0 {
            return at + AWAIT_SECONDS;
        }
        let Some(interval) = self.update_interval else {
            // Every poll gave a new value: the sensor updates faster than it can be read.
            if self.polls > 20 && 4 * self.changes >= 3 * self.polls {
                return at + AWAIT_SECONDS;
            }
            return now + self.learning(now).max(took / 4.0);
        };
        let every = self.every(interval);
        if interval < 2.0 * CLOSE {
            return at + every * interval;
        }
        let close = (interval / 100.0).clamp(CLOSEST, 10.0 * CLOSE);
        let early = (2.0 * self.jitter).max(0.02 * interval).max(2.0 * took);
        if self.skips(took).is_some() {
            return self.around(now, interval, early).unwrap_or(now + close);
        }
        let changed = self.changed.unwrap_or(at);
        let due = changed + every * interval - early;
        if now < due {
            return due;
        }
        // Overdue by many updates, it is no longer polled closely.
        if now - changed > 4.0 * every * interval {
            return now + interval / 4.0;
        }
        now + close
    }

    /// Every how many updates one is awaited: of a counter one now and then is enough, of a power sensor each is part of the
    /// sum.
    fn every(&self, interval: f64) -> f64 {
        if self.spec.is_power() {
            return 1.0;
        }
        (AWAIT_SECONDS / interval).ceil().max(1.0)
    }

    /// The update interval, where updates are skipped and reads of `took` seconds can show when one comes.
    fn skips(&self, took: f64) -> Option<f64> {
        let resolved = |interval: f64| interval >= 2.0 * CLOSE && took < CLOSELY * interval;
        self.update_interval
            .filter(|&interval| self.every(interval) > 1.0 && resolved(interval))
    }

    /// Where updates are skipped: the next poll, or `None` for a close one. Polls are close around the times at which
    /// updates are due; the first of them shows the updates skipped, so that the next change is seen as it comes.
    fn around(&self, now: f64, interval: f64, early: f64) -> Option<f64> {
        // While the phase is unknown, polls are coarse.
        let coarse = now + COARSE * interval;
        let Some(changed) = self.changed else {
            return Some(coarse);
        };
        let early = early.max(self.within);
        let next = ((now - early - changed) / interval).ceil();
        let due = next.max(self.every(interval));
        if due > self.every(interval) + MISSED {
            return Some(coarse);
        }
        Some(changed + due * interval - early).filter(|&due| due > now)
    }

    fn learning(&self, now: f64) -> f64 {
        let waited = now - self.changed.or(self.began).unwrap_or(now);
        let close = (self.spec.expected_update_interval / 10.0).clamp(CLOSEST, CLOSE);
        // A battery updates twice a minute: the longer it stands, the coarser the polls.
        close.max(waited / 200.0).min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::clock::Moment;
    use super::super::figure::RawUnit;
    use super::*;

    /// Drives a schedule against a counter of 100 W that updates every `interval`, for `seconds`; the times of its polls.
    fn drive(interval: f64, seconds: f64, took: f64) -> (PollSchedule, Vec<f64>) {
        let mut schedule =
            PollSchedule::new(SensorSpec::energy(RawUnit::Millijoule, 1e4, 0.1), None);
        let (mut now, mut polls) = (0.003, Vec::new());
        while now < seconds {
            let value = 1 + ((now / interval).floor() * interval * 1e5) as u64;
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
            polls.push(now);
            now += took;
            now = schedule.next(now).max(now);
        }
        (schedule, polls)
    }

    #[test]
    fn sleeps_until_an_update_is_due() {
        for interval in [0.02, 0.1] {
            let (schedule, polls) = drive(interval, 10.0, 0.0001);
            let learnt = schedule.update_interval().unwrap();
            assert!(
                (learnt - interval).abs() < 0.05 * interval,
                "{learnt} for {interval}"
            );
            let late: Vec<f64> = polls.iter().copied().filter(|&at| at > 5.0).collect();
            let updates = 5.0 / interval.max(AWAIT_SECONDS);
            assert!(
                (late.len() as f64) < 16.0 * updates,
                "{} polls for {updates}",
                late.len()
            );
        }
    }

    /// While updates are skipped, each awaited one is seen within a twentieth of an update interval.
    #[test]
    fn sees_an_awaited_update_as_it_comes() {
        for interval in [0.02, 0.0213, 0.033] {
            let (schedule, polls) = drive(interval, 10.0, 0.0001);
            assert!((schedule.update_interval().unwrap() - interval).abs() < 0.01 * interval);
            let closely = polls.windows(2).filter(|pair| {
                let came = (pair[1] / interval).floor() * interval;
                pair[0] > 5.0 && pair[0] < came && pair[1] - pair[0] < 0.05 * interval
            });
            let awaited = 5.0 / ((AWAIT_SECONDS / interval).ceil() * interval);
            let seen = closely.count() as f64;
            assert!(seen > 0.9 * awaited, "{seen} of {awaited} at {interval}");
        }
    }

    #[test]
    fn polls_a_slow_sensor_less_often() {
        let (schedule, polls) = drive(0.1, 10.0, 0.005);
        assert!((schedule.update_interval().unwrap() - 0.1).abs() < 0.006);
        let late = polls.iter().filter(|&&at| at > 5.0).count();
        assert!(late <= 50 * 5, "{late}");
    }

    #[test]
    fn polls_a_continuous_sensor_rarely() {
        let (schedule, polls) = drive(0.0001, 10.0, 0.0001);
        assert_eq!(schedule.update_interval(), None);
        assert!(polls.len() < 240, "{}", polls.len());
    }
}
