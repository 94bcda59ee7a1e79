//! Simpler ways to measure a run, computed from its kept readings.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::energy::Cumulative;

/// A simpler instrument.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Instrument {
    /// The power is read every 15 s and at the end, and each reading counts for the time since the one before.
    Poll15s,
    /// A sensor that shows the mean of the last second is read every second and at the end, likewise.
    Average1s,
    /// This power, in watts, times the duration.
    Tdp(f64),
    /// The sensor is read at the start and at the end: the difference of an energy counter, or the mean of two powers times the
    /// duration.
    TwoPoint,
}

impl Instrument {
    /// The joules that it gives for the window of a run.
    pub(super) fn joules(self, curve: &Cumulative) -> f64 {
        let (from, to) = curve.window;
        match self {
            Self::Tdp(watts) => watts * (to - from),
            Self::Poll15s => polled(curve, 15.0, |at| curve.watts(at)),
            Self::Average1s => polled(curve, 1.0, |at| {
                let since = (at - 1.0).max(curve.points[0].0).min(at);
                match at > since {
                    true => (curve.at(at) - curve.at(since)) / (at - since),
                    false => curve.watts(at),
                }
            }),
            Self::TwoPoint if curve.is_power => {
                f64::midpoint(curve.watts(from), curve.watts(to)) * (to - from)
            }
            Self::TwoPoint => curve.shown(to) - curve.shown(from),
        }
    }
}

/// Watts at every `interval` seconds after the start and at the end, each times the seconds since the one before.
fn polled(curve: &Cumulative, interval: f64, watts: impl Fn(f64) -> f64) -> f64 {
    let (from, to) = curve.window;
    let whole = ((to - from) / interval).floor() as u64;
    let times = (1..=whole).map(|count| from + count as f64 * interval);
    let mut before = from;
    let mut joules = 0.0;
    for at in times.chain([to]) {
        joules += watts(at) * (at - before);
        before = at;
    }
    joules
}

impl fmt::Display for Instrument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Poll15s => f.write_str("poll-15s"),
            Self::Average1s => f.write_str("average-1s"),
            Self::Tdp(watts) => write!(f, "tdp={watts}"),
            Self::TwoPoint => f.write_str("two-point"),
        }
    }
}

impl Serialize for Instrument {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl FromStr for Instrument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            None => match text {
                "poll-15s" => Ok(Self::Poll15s),
                "average-1s" => Ok(Self::Average1s),
                "two-point" => Ok(Self::TwoPoint),
                "tdp" => Err("tdp needs the watts of the device: tdp=350".into()),
                _ => Err(format!(
                    "{text:?} is not one of poll-15s, average-1s, two-point, tdp=WATTS"
                )),
            },
            Some(("tdp", watts)) => match watts.parse::<f64>() {
                Ok(watts) if watts.is_finite() && watts > 0.0 => Ok(Self::Tdp(watts)),
                _ => Err(format!("{watts:?} is not a number of watts above 0")),
            },
            Some((name, _)) => Err(format!("only tdp takes a value, got {name}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 100 W for 10 s, then 300 W, with an update every 0.1 s.
    fn curve(seconds: f64, is_power: bool) -> Cumulative {
        let points = (0..=(seconds * 10.0) as u32).map(|at| {
            let time = f64::from(at) / 10.0;
            (50.0 + time, 100.0 * time + 200.0 * (time - 10.0).max(0.0))
        });
        Cumulative {
            points: points.collect(),
            window: (50.0, 50.0 + seconds),
            is_power,
        }
    }

    #[test]
    fn each_instrument_gives_its_own_joules() {
        let near = |instrument: Instrument, curve: &Cumulative, expected: f64| {
            let found = instrument.joules(curve);
            assert!(
                (found - expected).abs() < 1e-6 * expected,
                "{instrument}: {found}"
            );
        };
        // The truth is 4,600 J of 22 s.
        let counter = curve(22.0, false);
        near(Instrument::Poll15s, &counter, 15.0 * 300.0 + 7.0 * 300.0);
        // A trailing second that is read every second sees each second once.
        near(Instrument::Average1s, &counter, 4600.0);
        near(Instrument::Tdp(350.0), &counter, 7700.0);
        near(Instrument::TwoPoint, &counter, 4600.0);
        near(Instrument::TwoPoint, &curve(22.0, true), 22.0 * 200.0);
        // Shorter than its interval: one reading, at the end.
        near(Instrument::Poll15s, &curve(12.0, false), 12.0 * 300.0);
        let half = Cumulative {
            window: (50.0, 60.5),
            ..curve(22.0, false)
        };
        // The last half second counts the mean of the last whole one, half of it at 100 W.
        near(Instrument::Average1s, &half, 1000.0 + 0.5 * 200.0);
    }

    #[test]
    fn a_counter_that_stands_still_gives_what_it_shows() {
        let slow = Cumulative {
            points: vec![(0.0, 0.0), (4.0, 400.0), (8.0, 800.0)],
            window: (1.0, 9.0),
            is_power: false,
        };
        assert_eq!(Instrument::TwoPoint.joules(&slow), 800.0);
        let still = Cumulative {
            window: (4.5, 7.5),
            ..slow
        };
        assert_eq!(Instrument::TwoPoint.joules(&still), 0.0);
    }

    #[test]
    fn tdp_is_the_users_figure() {
        assert_eq!("tdp=350".parse(), Ok(Instrument::Tdp(350.0)));
        for wrong in ["tdp", "tdp=", "tdp=-1", "tdp=inf", "poll-15s=3", "poll"] {
            assert!(wrong.parse::<Instrument>().is_err(), "{wrong}");
        }
    }
}
