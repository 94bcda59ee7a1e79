//! External meters: a file that grows, or a command that prints, with lines `seconds watts` or `seconds joules`.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::energy::clock::Moment;
use crate::energy::device::MeteredDevice;
use crate::energy::figure::{Covers, Method, Reading, Scope};
use crate::energy::open_sensor::OpenSensor;
use crate::energy::options::MeterOptions;
use crate::energy::selection::{COMMAND, FILE, MeterUnit, argument};
use crate::energy::sensor::{Quantity, Sensor, SensorSpec, Unavailable};
use crate::energy::source::Source;

use feed::{Child, Feed, Tail};
use lines::{Lines, raw_unit};

mod feed;
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

/// More than any meter of a machine shows.
const MAX_WATTS: f64 = 1e6;

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
            let method = match unit {
                MeterUnit::Watts => Method::IntegratedPower,
                MeterUnit::Joules => Method::Counter,
            };
            let opened = open(argument).map(|feed| {
                let meter = External {
                    name: name.to_owned(),
                    unit,
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
                .with_identity(format!("{name} {unit}"))
        })
        .collect()
}

struct External {
    name: String,
    unit: MeterUnit,
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
        let unit = raw_unit(self.unit);
        let quantity = match self.unit {
            MeterUnit::Watts => Quantity::Power {
                averaging: Some(self.state().lines.interval().unwrap_or(0.0)),
            },
            MeterUnit::Joules => Quantity::Energy { wraps_at: None },
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
        value.ok_or_else(|| Unavailable::new(format!("{} has printed no line yet", self.name)))
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
        taken.and(ended).map_err(|unavailable| {
            let unavailable = Unavailable {
                reason: format!("{}: {}", self.name, unavailable.reason),
                ..unavailable
            };
            state.unavailable = Some(unavailable.clone());
            unavailable
        })
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
        assert_ne!(of(MeterUnit::Watts), of(MeterUnit::Joules));
    }
}
