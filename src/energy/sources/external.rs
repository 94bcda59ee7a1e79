//! External meters: a file that grows, or a command that prints, with a time and a power or energy in each line.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::energy::clock::Moment;
use crate::energy::device::MeteredDevice;
use crate::energy::figure::{Covers, Method, RawUnit, Reading, Scope};
use crate::energy::open_sensor::OpenSensor;
use crate::energy::options::MeterOptions;
use crate::energy::selection::{COMMAND, FILE, argument};
use crate::energy::sensor::{Quantity, Sensor, SensorSpec, Unavailable};
use crate::energy::source::Source;

use feed::{Child, Feed, Tail};
use layout::MAX_WATTS;
use lines::Lines;

mod feed;
mod layout;
mod lines;

pub(super) const FILES: Source = Source {
    name: FILE,
    sensors: |options, target| {
        sensors(FILE, options, target, |path| {
            Ok(Box::new(Tail::open(Path::new(path))?))
        })
    },
};

pub(super) const COMMANDS: Source = Source {
    name: COMMAND,
    sensors: |options, target| {
        sensors(COMMAND, options, target, |command| {
            Ok(Box::new(Child::start(command)?))
        })
    },
};

fn sensors(
    source: &str,
    options: &MeterOptions,
    target: Option<&MeteredDevice>,
    open: impl Fn(&str) -> Result<Box<dyn Feed>, Unavailable>,
) -> Vec<OpenSensor> {
    let covers = target.map(|_| Covers::Contains);
    let names = options.selection.external().into_iter();
    let own = names.filter(|name| {
        name.split_once(':')
            .is_some_and(|(before, _)| before == source)
    });
    own.filter_map(|name| Some((name, argument(name)?)))
        .map(|(name, argument)| {
            let unit = options.unit_of(name);
            let (method, kind) = match unit {
                Some(unit) if !unit.power => (Method::Counter, "joules"),
                _ => (Method::IntegratedPower, "watts"),
            };
            let opened = open(argument).map(|feed| {
                let meter = External {
                    name: name.to_owned(),
                    state: Mutex::new(State {
                        feed,
                        lines: Lines::new(unit, Moment::now()),
                        unavailable: None,
                    }),
                };
                Box::new(meter) as Box<dyn Sensor>
            });
            // The calibration of a counter does not apply to power under the same name.
            OpenSensor::new(name, Scope::System, method, covers, opened)
                .with_identity(format!("{name} {kind}"))
        })
        .collect()
}

struct External {
    name: String,
    state: Mutex<State>,
}

struct State {
    feed: Box<dyn Feed>,
    lines: Lines,
    /// The first failure, which is final.
    unavailable: Option<Unavailable>,
}

impl External {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sensor for External {
    /// The averaging of the meter is unknown: the time from one line to the next is assumed.
    fn spec(&self) -> SensorSpec {
        let state = self.state();
        let unit = state.lines.raw_unit();
        let quantity = match unit {
            RawUnit::Microwatt => Quantity::Power {
                averaging: Some(state.lines.interval().unwrap_or(0.0)),
            },
            _ => Quantity::Energy { wraps_at: None },
        };
        SensorSpec {
            unit,
            quantity,
            scale: unit.scale(),
            max_watts: MAX_WATTS,
            expected_update_interval: 0.0,
        }
    }

    fn read(&self) -> Result<u64, Unavailable> {
        self.poll(&mut Vec::new())?;
        let last = self.state().lines.last();
        let value = last.map(|reading| reading.value);
        value.ok_or_else(|| Unavailable::new("it has printed no line yet"))
    }

    fn poll(&self, into: &mut Vec<Reading>) -> Result<(), Unavailable> {
        let mut state = self.state();
        if let Some(unavailable) = &state.unavailable {
            return Err(unavailable.clone());
        }
        let mut fresh = Vec::new();
        // The lines printed before the feed failed still count.
        let ended = state.feed.read(&mut fresh);
        let taken = state.lines.take(&fresh, Moment::now(), into);
        taken.and(ended).inspect_err(|unavailable| {
            state.unavailable = Some(unavailable.clone());
        })
    }

    fn notes(&self, from: f64, to: f64) -> Vec<String> {
        self.state().lines.note(from, to).into_iter().collect()
    }

    fn keeps_record(&self) -> bool {
        true
    }

    fn silent(&self) -> Option<Unavailable> {
        let state = self.state();
        let unavailable = match &state.unavailable {
            // The failure has been reported.
            Some(_) => None,
            None => state.lines.silence(Moment::now().monotonic),
        }?;
        let (source, argument) = self.name.split_once(':')?;
        Some(match &unavailable.fix {
            Some(_) => unavailable,
            None if source == FILE => {
                unavailable.with_fix(format!("start the program that writes {argument}"))
            }
            None => unavailable.with_fix("use a command that prints lines continuously"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::energy::cell::unit::Unit;

    #[test]
    fn calibrations_of_watts_and_joules_are_separate() {
        let of = |unit| {
            let options = MeterOptions {
                selection: "file:a.log".parse().unwrap(),
                meter_units: vec![unit],
                ..MeterOptions::default()
            };
            let sensors = sensors(FILE, &options, None, |_| Err(Unavailable::new("no feed")));
            assert_eq!(sensors.len(), 1);
            sensors[0].identity.clone()
        };
        assert_ne!(of(Unit::WATT), of(Unit::JOULE));
        assert_eq!(of(Unit::JOULE), of(Unit::parse("kWh").unwrap()));
    }
}
