//! An outside meter: a file that grows, or a command that prints, lines of `seconds watts` or `seconds joules`, with
//! the seconds on the Unix clock.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::energy::clock::Moment;
use crate::energy::device::MeteredDevice;
use crate::energy::figure::{Covers, Method, RawUnit, Reading, Scope};
use crate::energy::open_sensor::OpenSensor;
use crate::energy::options::{MeterOptions, MeterUnit};
use crate::energy::sensor::{Quantity, Sensor, SensorSpec, Unavailable};
use crate::energy::source::Source;

use arrivals::Arrivals;
use feed::{Child, Feed, Tail};

mod arrivals;
mod feed;

const FILE: &str = "file";
const COMMAND: &str = "cmd";

/// The names that stand before the colon of an outside meter.
pub(crate) const NAMES: [&str; 2] = [FILE, COMMAND];

/// `PATH` of `file:PATH`, `COMMAND` of `cmd:COMMAND`.
pub(crate) fn behind(name: &str) -> Option<&str> {
    let (_, behind) = name.split_once(':')?;
    Some(behind).filter(|behind| !behind.trim().is_empty())
}

pub(crate) struct File;
pub(crate) struct Command;

/// A meter stamps a line, and its clock is joined with the monotonic one, within so many seconds.
const STAMPED_WITHIN: f64 = 2e-3;

impl Source for File {
    fn name(&self) -> &'static str {
        FILE
    }

    fn rows(&self, options: &MeterOptions, target: Option<&MeteredDevice>) -> Vec<OpenSensor> {
        rows(FILE, options, target, |path| {
            Ok(Box::new(Tail::open(Path::new(path))?))
        })
    }
}

impl Source for Command {
    fn name(&self) -> &'static str {
        COMMAND
    }

    fn rows(&self, options: &MeterOptions, target: Option<&MeteredDevice>) -> Vec<OpenSensor> {
        rows(COMMAND, options, target, |command| {
            Ok(Box::new(Child::start(command)?))
        })
    }
}

fn rows(
    family: &str,
    options: &MeterOptions,
    target: Option<&MeteredDevice>,
    open: impl Fn(&str) -> Result<Box<dyn Feed>, Unavailable>,
) -> Vec<OpenSensor> {
    let covers = target.map(|_| Covers::Contains);
    options
        .selection
        .outside()
        .into_iter()
        .filter(|name| name.split_once(':').is_some_and(|(own, _)| own == family))
        .filter_map(|name| Some((name, behind(name)?)))
        .map(|(name, behind)| {
            let unit = options.unit_of(name);
            let method = match unit {
                MeterUnit::Watts => Method::IntegratedPower,
                MeterUnit::Joules => Method::Counter,
            };
            let instrument = open(behind)
                .map(|feed| Box::new(Outside::new(name, unit, feed)) as Box<dyn Sensor>);
            let mut row = OpenSensor::new(name, Scope::System, method, covers, instrument);
            // What was learnt of a counter says nothing of power under the same name.
            row.identity = format!("{name} {unit}");
            row
        })
        .collect()
}

/// Above what any meter of a machine shows.
const MAX_WATTS: f64 = 1e6;
/// A line's time may lie this far from the present.
const MOST_SECONDS: f64 = 5.0;
/// Of what was recorded before the row was opened, the last seconds are taken.
const BEFORE_SECONDS: f64 = 2.0;
/// The Unix clock was stepped when it ran off the monotonic one by more than this, and than a share of the time.
const STEP_SECONDS: f64 = 0.25;
const SLEW: f64 = 1e-3;

struct Outside {
    name: String,
    unit: MeterUnit,
    lines: Mutex<Lines>,
}

/// What was read so far.
struct Lines {
    feed: Box<dyn Feed>,
    /// The start of a line whose end has not come yet.
    rest: Vec<u8>,
    /// Whether a line was met that is neither blank nor a comment: a header may only be the first of them.
    begun: bool,
    opened: Moment,
    polled: f64,
    last: Option<Reading>,
    /// Seconds between the last two lines.
    spacing: Option<f64>,
    arrivals: Arrivals,
    /// Said once, it stays.
    refusal: Option<Unavailable>,
}

impl Outside {
    fn new(name: &str, unit: MeterUnit, feed: Box<dyn Feed>) -> Self {
        let opened = Moment::now();
        Self {
            name: name.to_owned(),
            unit,
            lines: Mutex::new(Lines {
                feed,
                rest: Vec::new(),
                begun: false,
                opened,
                polled: opened.monotonic,
                last: None,
                spacing: None,
                arrivals: Arrivals::new(opened.monotonic),
                refusal: None,
            }),
        }
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unit(&self) -> RawUnit {
        match self.unit {
            MeterUnit::Watts => RawUnit::Microwatt,
            MeterUnit::Joules => RawUnit::Microjoule,
        }
    }
}

impl Sensor for Outside {
    /// What a meter averages over it does not say: from one line to the next is taken.
    fn spec(&self) -> SensorSpec {
        let quantity = match self.unit {
            MeterUnit::Watts => Quantity::Power {
                averaging: Some(self.lines().spacing.unwrap_or(0.0)),
            },
            MeterUnit::Joules => Quantity::Energy { wraps_at: None },
        };
        SensorSpec {
            unit: self.unit(),
            quantity,
            scale: self.unit().scale(),
            max_watts: MAX_WATTS,
            expected_update_interval: 0.0,
        }
    }

    fn read(&self) -> Result<u64, Unavailable> {
        self.poll(&mut Vec::new())?;
        self.lines()
            .last
            .map(|reading| reading.value)
            .ok_or_else(|| Unavailable::new(format!("{} has given no line yet", self.name)))
    }

    fn poll(&self, into: &mut Vec<Reading>) -> Result<(), Unavailable> {
        let mut lines = self.lines();
        if let Some(refusal) = &lines.refusal {
            return Err(refusal.clone());
        }
        let outcome = lines.take(self.unit(), into);
        outcome.map_err(|refusal| {
            let refusal = Unavailable {
                reason: format!("{}: {}", self.name, refusal.reason),
                ..refusal
            };
            lines.refusal = Some(refusal.clone());
            refusal
        })
    }

    fn keeps_record(&self) -> bool {
        true
    }

    fn silent(&self) -> Option<Unavailable> {
        let lines = self.lines();
        // One that was refused has said why.
        let asked = lines.refusal.is_none();
        let refusal = asked.then(|| {
            lines
                .arrivals
                .silence(Moment::now().monotonic, lines.last.is_some())
        });
        let refusal = refusal.flatten()?;
        Some(match (&refusal.fix, behind(&self.name)) {
            (None, Some(behind)) if self.name.starts_with(FILE) => {
                refusal.with_fix(format!("start what writes {behind}"))
            }
            (None, _) => refusal.with_fix("let the command print a line again and again"),
            (Some(_), _) => refusal,
        })
    }
}

impl Lines {
    fn take(&mut self, unit: RawUnit, into: &mut Vec<Reading>) -> Result<(), Unavailable> {
        let mut fresh = std::mem::take(&mut self.rest);
        // What came before the feed failed still counts.
        let ended = self.feed.read(&mut fresh).err();
        let now = Moment::now();
        let stepped = (now.unix - now.monotonic) - (self.opened.unix - self.opened.monotonic);
        if stepped.abs() > STEP_SECONDS + SLEW * (now.monotonic - self.opened.monotonic) {
            return Err(Unavailable::new(format!(
                "the machine's clock was stepped by {stepped:+.3} s, so the meter's times cannot be placed"
            ))
            .with_fix("meter again"));
        }
        let whole = fresh
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |end| end + 1);
        self.rest = fresh.split_off(whole);
        for line in fresh.split(|&byte| byte == b'\n') {
            self.line(&String::from_utf8_lossy(line), unit, now.monotonic, into)?;
        }
        self.polled = now.monotonic;
        ended.map_or(Ok(()), Err)
    }

    fn line(
        &mut self,
        line: &str,
        unit: RawUnit,
        now: f64,
        into: &mut Vec<Reading>,
    ) -> Result<(), Unavailable> {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        let first = !std::mem::replace(&mut self.begun, true);
        let mut fields = line
            .split(|c: char| c.is_whitespace() || matches!(c, ',' | ';'))
            .filter(|field| !field.is_empty());
        let parsed = match (fields.next(), fields.next(), fields.next()) {
            (Some(time), Some(value), None) => time.parse::<f64>().ok().zip(value.parse().ok()),
            _ => None,
        };
        let named = if unit == RawUnit::Microjoule {
            "joules"
        } else {
            "watts"
        };
        let Some((unix, value)) = parsed else {
            let header = first && line.starts_with(|c: char| c.is_alphabetic());
            return if header {
                Ok(())
            } else {
                Err(Unavailable::new(format!(
                    "the line `{line}` is not `seconds {named}`"
                )))
            };
        };
        self.place(unix, value, now, line, unit, into)
    }

    fn place(
        &mut self,
        unix: f64,
        value: f64,
        now: f64,
        line: &str,
        unit: RawUnit,
        into: &mut Vec<Reading>,
    ) -> Result<(), Unavailable> {
        if !(unix.is_finite() && value.is_finite() && value >= 0.0) {
            return Err(Unavailable::new(format!(
                "the line `{line}` holds what no meter can show"
            )));
        }
        let monotonic = unix - (self.opened.unix - self.opened.monotonic);
        self.arrivals.came(line, monotonic, now);
        if monotonic < self.opened.monotonic - BEFORE_SECONDS && self.last.is_none() {
            // Recorded long before, unless its clock is another one: then no line will ever be near.
            let late = now - self.opened.monotonic > MOST_SECONDS;
            return if late {
                Err(arrivals::far(line, monotonic - now))
            } else {
                Ok(())
            };
        }
        let oldest = self.polled.min(now) - MOST_SECONDS;
        if monotonic > now + MOST_SECONDS || monotonic < oldest {
            return Err(arrivals::far(line, monotonic - now));
        }
        if let Some(last) = self.last {
            let spacing = monotonic - last.at.monotonic;
            if spacing <= 0.0 {
                return Err(Unavailable::new(format!(
                    "the time of the line `{line}` is not after that of the line before it: the meter's clock was stepped"
                )));
            }
            self.spacing = Some(spacing);
        }
        let scaled = (value / unit.scale()).round();
        // A counter that begins with its command shows 0 until it has counted something.
        if scaled == 0.0 && self.last.is_none() && unit == RawUnit::Microjoule {
            return Ok(());
        }
        let reading = Reading {
            value: scaled as u64,
            unit,
            at: Moment { monotonic, unix },
            read_seconds: STAMPED_WITHIN,
        };
        self.last = Some(reading);
        into.push(reading);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_calibration_in_joules_is_none_in_watts() {
        let of = |unit| {
            let options = MeterOptions {
                selection: "file:a.log".parse().unwrap(),
                meter_units: vec![unit],
                ..MeterOptions::default()
            };
            let rows = rows(FILE, &options, None, |_| Err(Unavailable::new("no feed")));
            assert_eq!(rows.len(), 1);
            rows[0].identity.clone()
        };
        assert_ne!(of(MeterUnit::Watts), of(MeterUnit::Joules));
    }
}
