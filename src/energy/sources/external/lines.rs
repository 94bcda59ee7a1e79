//! The lines of an external meter: each has a time on this machine's Unix clock and a value, and becomes a reading.

use crate::energy::clock::Moment;
use crate::energy::figure::{RawUnit, Reading};
use crate::energy::selection::MeterUnit;
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

/// Number of lines over which the interval is smoothed.
const SMOOTHING: f64 = 8.0;

/// The unit of the readings of a meter in `unit`.
pub(super) fn raw_unit(unit: MeterUnit) -> RawUnit {
    match unit {
        MeterUnit::Watts => RawUnit::Microwatt,
        MeterUnit::Joules => RawUnit::Microjoule,
    }
}

pub(super) struct Lines {
    unit: MeterUnit,
    /// When the sensor was opened; the Unix clock is converted to the monotonic clock by this moment.
    opened: Moment,
    /// The start of a line whose end has not arrived yet.
    rest: Vec<u8>,
    /// Whether a line other than a blank or a comment was read: only the first of them may be a header.
    begun: bool,
    /// Time of the last call of [`Lines::take`].
    polled: f64,
    newest: Option<Newest>,
    last: Option<Reading>,
    interval: Option<f64>,
}

/// The newest line. Times are on the monotonic clock.
struct Newest {
    line: String,
    /// The time in the line.
    at: f64,
    /// When the line was read.
    read: f64,
}

impl Lines {
    pub(super) fn new(unit: MeterUnit, opened: Moment) -> Self {
        Self {
            unit,
            opened,
            rest: Vec::new(),
            begun: false,
            polled: opened.monotonic,
            newest: None,
            last: None,
            interval: None,
        }
    }

    /// The newest reading.
    pub(super) fn last(&self) -> Option<Reading> {
        self.last
    }

    /// Mean seconds between readings, the last ones weighted most.
    pub(super) fn interval(&self) -> Option<f64> {
        self.interval
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
            let reading = self.line(line.trim(), now.monotonic)?;
            into.extend(reading);
        }
        self.polled = now.monotonic;
        Ok(())
    }

    fn line(&mut self, line: &str, now: f64) -> Result<Option<Reading>, Unavailable> {
        if line.is_empty() || line.starts_with('#') {
            return Ok(None);
        }
        let first = !std::mem::replace(&mut self.begun, true);
        let separator = |c: char| c.is_whitespace() || matches!(c, ',' | ';');
        let fields: Vec<&str> = line
            .split(separator)
            .filter(|field| !field.is_empty())
            .collect();
        let parsed = match fields.as_slice() {
            [time, value] => time.parse::<f64>().ok().zip(value.parse::<f64>().ok()),
            _ => None,
        };
        match parsed {
            Some((unix, value)) if unix.is_finite() && value.is_finite() && value >= 0.0 => {
                self.place(line, unix, value, now)
            }
            Some(_) => Err(Unavailable::new(format!(
                "the line `{line}` has an impossible value"
            ))),
            None if first && line.starts_with(char::is_alphabetic) => Ok(None),
            None => Err(Unavailable::new(format!(
                "the line `{line}` is not `seconds {}`",
                self.unit
            ))),
        }
    }

    fn place(
        &mut self,
        line: &str,
        unix: f64,
        value: f64,
        now: f64,
    ) -> Result<Option<Reading>, Unavailable> {
        let monotonic = unix - (self.opened.unix - self.opened.monotonic);
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
        if let Some(last) = self.last {
            let interval = monotonic - last.at.monotonic;
            if interval <= 0.0 {
                return Err(Unavailable::new(format!(
                    "the time of the line `{line}` is not after that of the previous line: the meter's clock was set back"
                )));
            }
            // One line that is late says little.
            self.interval = Some(
                self.interval
                    .map_or(interval, |mean| mean + (interval - mean) / SMOOTHING),
            );
        }
        let unit = raw_unit(self.unit);
        let scaled = (value / unit.scale()).round();
        // A counter that starts with its command shows 0 until it has counted something.
        if scaled == 0.0 && self.last.is_none() && self.unit == MeterUnit::Joules {
            return Ok(None);
        }
        let reading = Reading {
            value: scaled as u64,
            unit,
            at: Moment { monotonic, unix },
            read_seconds: STAMPED_WITHIN,
        };
        self.last = Some(reading);
        Ok(self.last)
    }

    /// Why there is no new reading `now`; `None` where the meter may just be slow.
    pub(super) fn silence(&self, now: f64) -> Option<Unavailable> {
        let Some(newest) = &self.newest else {
            return Some(Unavailable::new(format!(
                "no line has arrived in the {:.1} s since the meter was opened",
                now - self.opened.monotonic
            )));
        };
        let interval = self.interval;
        let patience = interval.map_or(QUIET_ALONE, |interval| {
            QUIET_SECONDS.max(QUIET_INTERVALS * interval)
        });
        let quiet = now - newest.read;
        if quiet > patience {
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

/// The time of a line was `off` seconds from the present when the line was read.
fn wrong_clock(line: &str, off: f64) -> Unavailable {
    Unavailable::new(format!(
        "the time of the line `{line}` is {off:+.1} s from now: the meter has stopped, or its times are not on this \
         machine's Unix clock"
    ))
    .with_fix("write seconds since 1970-01-01 UTC in the first column")
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
        let mut lines = Lines::new(MeterUnit::Watts, at(100.0));
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
        let never = reason(&Lines::new(MeterUnit::Watts, at(100.0)), 101.7);
        assert!(
            never.contains("no line has arrived in the 1.7 s"),
            "{never}"
        );
        assert_eq!(reason(&followed(10.0, 60.0, 90.0, 0.0), 101.7), "");
        assert_eq!(reason(&followed(0.05, 99.0, 101.65, 0.0), 101.7), "");
    }

    #[test]
    fn rejects_readings_after_the_system_clock_was_set() {
        let mut lines = Lines::new(MeterUnit::Watts, at(100.0));
        let set = Moment {
            unix: at(101.0).unix - 3600.0,
            ..at(101.0)
        };
        let reason = lines.take(b"", set, &mut Vec::new()).unwrap_err().reason;
        assert!(reason.contains("jumped by -3600.000 s"), "{reason}");
    }
}
