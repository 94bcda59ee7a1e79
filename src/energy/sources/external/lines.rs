//! The lines of an external meter: each has a time on this machine's clock and a value, and becomes a reading.

use std::collections::VecDeque;

use super::layout::{Layout, Line, several_devices};
use crate::energy::cell::interleaved::interleaved;
use crate::energy::cell::unit::Unit;
use crate::energy::clock::Moment;
use crate::energy::figure::{RawUnit, Reading};
use crate::energy::sensor::Unavailable;

/// Error of a meter's timestamps and of their conversion to the monotonic clock, in seconds.
const STAMPED_WITHIN: f64 = 2e-3;
/// The time of a line may differ from the present by this many seconds.
const MOST_SECONDS: f64 = 5.0;
/// Of the lines recorded before the sensor was opened, those of the last seconds count.
const BEFORE_SECONDS: f64 = 2.0;
/// The Unix clock was set when it differs from the monotonic clock by more than this, plus a share of the time.
const STEP_SECONDS: f64 = 0.25;
const SLEW: f64 = 1e-3;
/// A meter has stopped when no line arrives for this many of its intervals, and at least this many seconds.
const QUIET_INTERVALS: f64 = 5.0;
const QUIET_SECONDS: f64 = 0.5;
/// The same where the interval is unknown, and the age of a newest line that is too old.
const QUIET_ALONE: f64 = 10.0;

/// Readings that are kept to learn the interval, and whether several devices are interleaved.
const KEPT: usize = 64;
/// Lines without a reading that are kept.
const MOST_SKIPPED: usize = 10_000;

pub(super) struct Lines {
    layout: Layout,
    /// When the sensor was opened; the Unix clock is converted to the monotonic clock by this moment.
    opened: Moment,
    /// The start of a line whose end has not arrived yet.
    rest: Vec<u8>,
    /// Time of the last call of [`Lines::take`].
    polled: f64,
    newest: Option<Newest>,
    last: Option<Reading>,
    /// Nanoseconds and watts or joules of the newest readings.
    recent: VecDeque<(i64, f64)>,
    /// The lines without a reading, and when they were read.
    skipped: VecDeque<(f64, String)>,
}

/// The newest line with a reading. Times are on the monotonic clock.
struct Newest {
    line: String,
    /// The time in the line.
    at: f64,
    /// When the line was read.
    read: f64,
}

impl Lines {
    pub(super) fn new(given: Option<Unit>, opened: Moment) -> Self {
        Self {
            layout: Layout::new(given, opened.unix),
            opened,
            rest: Vec::new(),
            polled: opened.monotonic,
            newest: None,
            last: None,
            recent: VecDeque::new(),
            skipped: VecDeque::new(),
        }
    }

    /// The newest reading.
    pub(super) fn last(&self) -> Option<Reading> {
        self.last
    }

    /// The unit of its readings.
    pub(super) fn raw_unit(&self) -> RawUnit {
        match self.layout.is_power() {
            true => RawUnit::Microwatt,
            false => RawUnit::Microjoule,
        }
    }

    /// Median of the seconds between readings.
    pub(super) fn interval(&self) -> Option<f64> {
        let recent = self.recent.iter().zip(self.recent.iter().skip(1));
        let mut gaps: Vec<i64> = recent.map(|(before, after)| after.0 - before.0).collect();
        gaps.sort_unstable();
        gaps.get(gaps.len() / 2).map(|&gap| gap as f64 / 1e9)
    }

    /// A remark on the lines without a reading that arrived within a window.
    pub(super) fn note(&self, from: f64, to: f64) -> Option<String> {
        let within = self
            .skipped
            .iter()
            .filter(|(at, _)| (from..=to).contains(at));
        let lines: Vec<&String> = within.map(|(_, line)| line).collect();
        Some(match lines.as_slice() {
            [] => return None,
            [line] => format!("one line has no reading: `{line}`"),
            [first, ..] => format!("{} lines have no reading, such as `{first}`", lines.len()),
        })
    }

    /// Appends the readings of the bytes that arrived until `now`.
    pub(super) fn take(
        &mut self,
        bytes: &[u8],
        now: Moment,
        into: &mut Vec<Reading>,
    ) -> Result<(), Unavailable> {
        let elapsed = now.monotonic - self.opened.monotonic;
        let step = now.unix - self.opened.unix - elapsed;
        if step.abs() > STEP_SECONDS + SLEW * elapsed {
            return Err(Unavailable::new(format!(
                "the system clock jumped by {step:+.3} s; timestamps of the external meter are unusable"
            ))
            .with_fix("measure again"));
        }
        self.rest.extend_from_slice(bytes);
        let end = self.rest.iter().rposition(|&byte| byte == b'\n');
        let tail = self.rest.split_off(end.map_or(0, |end| end + 1));
        let lines = std::mem::replace(&mut self.rest, tail);
        for line in String::from_utf8_lossy(&lines).lines() {
            let line = line.trim();
            match self.layout.read(line, now.unix)? {
                Line::Nothing => {}
                Line::NoReading => {
                    if self.skipped.len() == MOST_SKIPPED {
                        self.skipped.pop_front();
                    }
                    self.skipped.push_back((now.monotonic, line.to_owned()));
                }
                Line::Reading {
                    unix,
                    within,
                    value,
                } => {
                    // The time may be that much later, and readings are uncertain to either side.
                    let at = (unix, STAMPED_WITHIN.max(2.0 * within));
                    let reading = self.place(line, at, value, now.monotonic)?;
                    into.extend(reading);
                }
            }
        }
        self.polled = now.monotonic;
        Ok(())
    }

    fn place(
        &mut self,
        line: &str,
        (unix, within): (f64, f64),
        value: f64,
        now: f64,
    ) -> Result<Option<Reading>, Unavailable> {
        let monotonic = unix - (self.opened.unix - self.opened.monotonic);
        // Some transports deliver a line twice.
        if self
            .newest
            .as_ref()
            .is_some_and(|newest| newest.line == line)
        {
            return Ok(None);
        }
        self.newest = Some(Newest {
            line: line.to_owned(),
            at: monotonic,
            read: now,
        });
        let opened = self.opened.monotonic;
        let recorded = self.last.is_none() && monotonic < opened - BEFORE_SECONDS;
        // Lines of an earlier recording are skipped, unless they keep arriving: then the meter uses another clock.
        if recorded && now - opened <= MOST_SECONDS {
            return Ok(None);
        }
        let oldest = self.polled.min(now) - MOST_SECONDS;
        if recorded || monotonic > now + MOST_SECONDS || monotonic < oldest {
            return Err(wrong_clock(line, monotonic - now));
        }
        let unit = self.raw_unit();
        let scaled = (value / unit.scale()).round();
        // A counter that starts with its command shows 0 until it has counted something.
        if scaled == 0.0 && self.last.is_none() && !self.layout.is_power() {
            return Ok(None);
        }
        if let Some(last) = self.last {
            check_order(line, monotonic - last.at.monotonic)?;
        }
        if self.recent.len() == KEPT {
            self.recent.pop_front();
        }
        self.recent.push_back(((unix * 1e9) as i64, value));
        if interleaved(self.recent.make_contiguous()).is_some() {
            return Err(several_devices(", whose levels alternate"));
        }
        let reading = Reading {
            value: scaled as u64,
            unit,
            at: Moment { monotonic, unix },
            read_seconds: within,
        };
        self.last = Some(reading);
        Ok(self.last)
    }

    /// Why there is no new reading `now`; `None` where the meter may just be slow.
    pub(super) fn silence(&self, now: f64) -> Option<Unavailable> {
        let Some(newest) = &self.newest else {
            if let Some((_, line)) = self.skipped.back() {
                return Some(Unavailable::new(format!(
                    "the meter gives no readings: its last line is `{line}`"
                )));
            }
            return Some(Unavailable::new(format!(
                "no line has arrived in the {:.1} s since the meter was opened",
                now - self.opened.monotonic
            )));
        };
        let interval = self.interval();
        let patience = interval.map_or(QUIET_ALONE, |interval| {
            QUIET_SECONDS.max(QUIET_INTERVALS * interval)
        });
        let quiet = now - newest.read;
        if quiet > patience {
            if let Some((at, line)) = self.skipped.back()
                && now - at <= patience
            {
                return Some(Unavailable::new(format!(
                    "the meter gives no readings: its last line is `{line}`"
                )));
            }
            let usual = interval.map_or(String::new(), |interval| {
                format!(" (usually one every {interval:.2} s)")
            });
            return Some(Unavailable::new(format!(
                "the meter has stopped: no line has arrived for {quiet:.1} s{usual}"
            )));
        }
        let age = newest.read - newest.at;
        (self.last.is_none() && age > QUIET_ALONE).then(|| wrong_clock(&newest.line, -age))
    }
}

/// The next line is `seconds` after the one before it.
fn check_order(line: &str, seconds: f64) -> Result<(), Unavailable> {
    if seconds > 0.0 {
        return Ok(());
    }
    if seconds == 0.0 {
        return Err(Unavailable::new(format!(
            "several lines have the time of the line `{line}`: the meter's times are too coarse, or it prints several \
             devices"
        ))
        .with_fix("print times with milliseconds, and one device"));
    }
    Err(Unavailable::new(format!(
        "the time of the line `{line}` is {:.3} s before that of the previous line: the meter's clock was set back",
        -seconds
    )))
}

/// The time of a line was `off` seconds from the present when the line was read.
fn wrong_clock(line: &str, off: f64) -> Unavailable {
    Unavailable::new(format!(
        "the time of the line `{line}` is {off:+.1} s from now: the meter has stopped, or its times are not on this \
         machine's Unix clock"
    ))
    .with_fix("write seconds since 1970-01-01 UTC in the first column, or local time")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(monotonic: f64) -> Moment {
        Moment {
            monotonic,
            unix: 1e9 + monotonic,
        }
    }

    /// A meter opened at 100 s that writes lines every `interval` seconds from `from` to `to`, with times that are off by
    /// `off`.
    fn followed(interval: f64, from: f64, to: f64, off: f64) -> Lines {
        let mut lines = Lines::new(None, at(100.0));
        let count = ((to - from) / interval).round() as u32;
        for number in 0..=count {
            let time = from + f64::from(number) * interval;
            let line = format!("{} 80\n", 1e9 + time + off);
            // Lines written before the meter was opened are read then.
            lines
                .take(line.as_bytes(), at(time.max(100.0)), &mut Vec::new())
                .unwrap();
        }
        lines
    }

    #[test]
    fn distinguishes_stopped_slow_and_unsynchronized_meters() {
        let reason = |lines: &Lines, now| {
            let unavailable = lines.silence(now);
            unavailable.map_or(String::new(), |unavailable| unavailable.reason)
        };
        let stopped = reason(&followed(0.05, 99.0, 101.0, 0.0), 103.0);
        assert!(
            stopped.contains("for 2.0 s (usually one every 0.05 s)"),
            "{stopped}"
        );
        let earlier = reason(&followed(0.05, 50.0, 63.0, 0.0), 101.7);
        assert!(
            earlier.contains("-37.0 s from now: the meter has stopped"),
            "{earlier}"
        );
        let other_clock = reason(&followed(0.05, 100.0, 101.65, -1000.0), 101.7);
        assert!(other_clock.contains("-1000.0 s from now"), "{other_clock}");
        let never = reason(&Lines::new(None, at(100.0)), 101.7);
        assert!(
            never.contains("no line has arrived in the 1.7 s"),
            "{never}"
        );
        assert_eq!(reason(&followed(10.0, 60.0, 90.0, 0.0), 101.7), "");
        assert_eq!(reason(&followed(0.05, 99.0, 101.65, 0.0), 101.7), "");
    }

    #[test]
    fn whole_seconds_are_uncertain_by_a_second() {
        let mut lines = Lines::new(None, at(100.0));
        let mut readings = Vec::new();
        for line in ["1000000100 80\n", "1000000101.25 80\n"] {
            lines
                .take(line.as_bytes(), at(101.3), &mut readings)
                .unwrap();
        }
        let times: Vec<(f64, f64)> = readings
            .iter()
            .map(|reading| (reading.at.monotonic, reading.read_seconds))
            .collect();
        assert_eq!(times, [(100.0, 2.0), (101.25, STAMPED_WITHIN)]);
    }

    #[test]
    fn rejects_readings_after_the_system_clock_was_set() {
        let mut lines = Lines::new(None, at(100.0));
        let set = Moment {
            unix: at(101.0).unix - 3600.0,
            ..at(101.0)
        };
        let reason = lines.take(b"", set, &mut Vec::new()).unwrap_err().reason;
        assert!(reason.contains("jumped by -3600.000 s"), "{reason}");
    }
}
