//! Watts as they are: what a live display shows.

use serde::{Deserialize, Serialize};

use super::clock::Moment;
use super::figure::{Reading, Scope, Status};
use super::meter::Meter;
use super::sensor::{SensorSpec, Unavailable};
use super::series::Series;
use super::window::Window;

/// Readings older than this, beyond the interval that is asked for, are let go.
const KEPT_SECONDS: f64 = 60.0;

/// Every source of a meter, read until this is dropped.
///
/// ```no_run
/// use wattgrad::internals::energy::{Meter, MeterOptions};
///
/// let meter = Meter::open(&MeterOptions::default(), None)?;
/// let live = meter.live();
/// std::thread::sleep(std::time::Duration::from_secs(1));
/// for row in live.watts(1.0) {
///     match row.watts {
///         Some(watts) => println!("{}: {watts:.1} W", row.source),
///         None => println!("{}: {}", row.source, row.reason.unwrap_or_default()),
///     }
/// }
/// # Ok::<(), wattgrad::internals::energy::MeterError>(())
/// ```
pub struct Live {
    window: Window,
}

/// One source at a moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LiveReading {
    /// The instrument, as in [`super::SourceResult::source`].
    pub source: String,
    /// Which part of the machine it covers.
    pub scope: Scope,
    /// What the figure is worth; `Unavailable` without one.
    pub status: Status,
    /// Mean watts over the interval; absent where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watts: Option<f64>,
    /// Why there are none, or what limits them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What would open the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

impl Meter {
    /// Reads the sources from now on, for a live display. Returns once each has shown a few ticks (0.6 s at most).
    pub fn live(&self) -> Live {
        Live {
            window: self.start(),
        }
    }
}

impl Live {
    /// Whether no source will show watts any more: none could be opened, or all were lost.
    pub fn over(&self) -> bool {
        let seen = self.window.newest(0);
        let lost = |at: usize| {
            let mut own = seen.iter().filter(|(row, ..)| *row == at);
            own.any(|(_, _, lost)| lost.is_some())
        };
        let mut rows = self.window.rows().iter().enumerate();
        rows.all(|(at, row)| row.sensor.is_err() || lost(at))
    }

    /// Mean watts over the last `seconds`, a row a source: of a counter between its newest tick and the last one that
    /// lies so far before it (at least one tick), of a sensor the mean of its readings.
    pub fn watts(&self, seconds: f64) -> Vec<LiveReading> {
        let now = Moment::now().monotonic;
        self.window.forget(now - seconds - KEPT_SECONDS);
        let seen = self.window.newest(usize::MAX);
        self.window
            .rows()
            .iter()
            .enumerate()
            .map(|(at, row)| {
                let opened = row;
                let outcome = match &opened.sensor {
                    Err(refusal) => Err(refusal.clone()),
                    Ok(instrument) => match seen.iter().find(|(row, ..)| *row == at) {
                        Some((_, _, Some(lost))) => Err(lost.clone()),
                        Some((_, readings, None)) => {
                            let fresh = readings
                                .last()
                                .is_some_and(|reading| reading.at.monotonic >= now - seconds);
                            let silent = (!fresh).then(|| instrument.silent()).flatten();
                            silent.map_or_else(
                                || {
                                    mean(
                                        instrument.spec(),
                                        readings,
                                        opened.model.update_interval,
                                        seconds,
                                    )
                                },
                                Err,
                            )
                        }
                        None => Err(Unavailable::new("the instrument gave no reading")),
                    },
                };
                let mut row = LiveReading {
                    source: opened.source.clone(),
                    scope: opened.scope,
                    status: Status::Unavailable,
                    watts: None,
                    reason: opened.shared.clone(),
                    fix: None,
                };
                match outcome {
                    Ok(watts) => {
                        row.status = opened.status();
                        row.watts = Some(watts);
                    }
                    Err(refusal) => {
                        row.reason = Some(refusal.reason);
                        row.fix = refusal.fix;
                    }
                }
                row
            })
            .collect()
    }
}

fn mean(
    spec: SensorSpec,
    readings: &[Reading],
    tick: Option<f64>,
    seconds: f64,
) -> Result<f64, Unavailable> {
    // Also where only the newest readings count, all are judged.
    let series = Series::new(spec, readings, tick)?;
    let newest = readings.last().map_or(0.0, |reading| reading.at.monotonic);
    if spec.is_power() {
        let recent = readings
            .iter()
            .rev()
            .take_while(|reading| reading.at.monotonic >= newest - seconds);
        let (sum, count) = recent.fold((0.0, 0u32), |(sum, count), reading| {
            (sum + reading.value as f64, count + 1)
        });
        return Ok(sum / f64::from(count.max(1)) * spec.scale);
    }
    let unseen = || Unavailable::new("no two of its ticks were seen yet");
    let last = series.points.last().ok_or_else(unseen)?;
    let far = |at: f64| at <= last.at - seconds;
    let first = series
        .points
        .iter()
        .rev()
        .skip(1)
        .find(|point| far(point.at))
        .or(series.points.first())
        .filter(|first| first.at < last.at)
        .ok_or_else(unseen)?;
    Ok((last.joules - first.joules) / (last.at - first.at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::energy::RawUnit;

    /// A counter's readings every 10 ms: `watts` up to a second before the end, `then` from there on.
    fn counted(watts: f64, then: f64) -> Vec<Reading> {
        (0..400)
            .map(|look| {
                let at = f64::from(look) * 0.01;
                let joules = watts * at.min(3.0) + then * (at - 3.0).max(0.0);
                Reading {
                    value: 1000 + (joules * 1e3) as u64,
                    unit: RawUnit::Millijoule,
                    at: Moment {
                        monotonic: at,
                        unix: at,
                    },
                    read_seconds: 0.0,
                }
            })
            .collect()
    }

    #[test]
    fn only_the_last_interval_counts() {
        let spec = SensorSpec::energy(RawUnit::Millijoule, 1e4, 0.01);
        let readings = counted(50.0, 150.0);
        let watts = mean(spec, &readings, None, 0.5).unwrap();
        assert!((watts - 150.0).abs() < 1.0, "{watts}");
        // Of the last two seconds one was at 50 W.
        let watts = mean(spec, &readings, None, 2.0).unwrap();
        assert!((watts - 100.0).abs() < 2.0, "{watts}");
    }

    #[test]
    fn a_sensor_is_averaged_and_one_that_reads_0_refused() {
        let spec = SensorSpec::power(RawUnit::Milliwatt, 1e4, 0.01);
        let mut readings = counted(0.0, 0.0);
        for reading in &mut readings {
            reading.value = if reading.at.monotonic < 3.0 {
                40_000
            } else {
                90_000
            };
        }
        assert_eq!(mean(spec, &readings, None, 0.5), Ok(90.0));
        readings.iter_mut().for_each(|reading| reading.value = 0);
        assert!(mean(spec, &readings, None, 0.5).is_err());
    }
}
