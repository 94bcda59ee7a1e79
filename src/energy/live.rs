//! Live watts, for a display.

use serde::Serialize;

use super::clock::Moment;
use super::collector::Collector;
use super::figure::{Method, Reading, Scope, Status};
use super::meter::Meter;
use super::open_sensor::OpenSensor;
use super::sensor::{SensorSpec, Unavailable};
use super::series::Series;
use super::window::Window;

/// Readings older than this, beyond the requested interval, are dropped.
const KEPT_SECONDS: f64 = 60.0;

/// Samples every source of a meter until it is dropped.
pub(crate) struct Live {
    window: Window,
    /// Of each source: the monotonic time up to which its energy was counted, and that energy.
    counted: Vec<Option<(f64, f64)>>,
}

/// What a log keeps of an update of one source: the lines of a power meter as they are, of any other source its energy.
pub(crate) struct LiveUpdate {
    pub source: String,
    /// Seconds since 1970.
    pub unix: f64,
    /// Since the first update that was counted. It begins again at 0 where readings are missing.
    pub joules: Option<f64>,
    /// Of a line, or the mean since the update that was counted before.
    pub watts: Option<f64>,
}

/// The power of one source at a moment.
#[derive(Serialize)]
pub(crate) struct LiveReading {
    /// The source, as in [`super::SourceResult::source`].
    pub source: String,
    pub scope: Scope,
    /// `Unavailable` without watts.
    pub status: Status,
    /// Mean watts over the interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watts: Option<f64>,
    /// Why there are none, or what limits them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What would enable the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

impl Meter {
    /// Samples the sources from now on. Returns when each has updated a few times (0.6 s at most).
    pub(crate) fn live(&self) -> Live {
        Live {
            window: self.start(),
            counted: Vec::new(),
        }
    }
}

impl Live {
    /// Whether no source will show watts any more: none could be opened, or all were lost.
    pub(crate) fn over(&self) -> bool {
        self.window.sensors().all(|(opened, collector)| {
            opened.sensor.is_err() || collector.is_some_and(|it| it.lost().is_some())
        })
    }

    /// The updates of each source since the last call. Assumed energy is not counted.
    pub(crate) fn updates(&mut self) -> Vec<LiveUpdate> {
        let sensors: Vec<_> = self.window.sensors().collect();
        self.counted.resize(sensors.len(), None);
        let mut updates = Vec::new();
        for ((opened, collector), counted) in sensors.into_iter().zip(&mut self.counted) {
            if let (Ok(sensor), Some(collector)) = (&opened.sensor, collector)
                && opened.method != Method::Assumed
            {
                let readings = collector.readings();
                let source = &opened.source;
                match sensor.spec() {
                    spec if spec.shows_each_update() => {
                        updates.extend(lines(source, spec, &readings, counted));
                    }
                    spec => {
                        let interval = opened.model.update_interval;
                        let series = Series::new(spec, &readings, interval);
                        let series = series.ok().zip(readings.last().copied());
                        updates.extend(
                            series.and_then(|(series, last)| count(source, &series, last, counted)),
                        );
                    }
                }
            }
        }
        updates
    }

    /// Mean watts of each source over the last `seconds`: of a counter between its latest update and the last one at least
    /// so long before it, of a power sensor the mean of its readings.
    pub(crate) fn watts(&self, seconds: f64) -> Vec<LiveReading> {
        let now = Moment::now().monotonic;
        self.window.forget(now - seconds - KEPT_SECONDS);
        let all = self.window.sensors();
        all.map(|(opened, collector)| {
            let (status, watts, reason, fix) = match watts(opened, collector, now, seconds) {
                Ok(watts) => (opened.status(), Some(watts), opened.shared.clone(), None),
                Err(why) => (Status::Unavailable, None, Some(why.reason), why.fix),
            };
            LiveReading {
                source: opened.source.clone(),
                scope: opened.scope,
                status,
                watts,
                reason,
                fix,
            }
        })
        .collect()
    }
}

fn watts(
    opened: &OpenSensor,
    collector: Option<&Collector>,
    now: f64,
    seconds: f64,
) -> Result<f64, Unavailable> {
    let sensor = opened.sensor.as_ref().map_err(Clone::clone)?;
    let collector = collector.ok_or_else(|| Unavailable::new("the sensor gave no reading"))?;
    if let Some(lost) = collector.lost() {
        return Err(lost);
    }
    let readings = collector.readings();
    let fresh = |last: &Reading| last.at.monotonic >= now - seconds;
    match sensor
        .silent()
        .filter(|_| !readings.last().is_some_and(fresh))
    {
        Some(silent) => Err(silent),
        None => mean(
            sensor.spec(),
            &readings,
            opened.model.update_interval,
            seconds,
        ),
    }
}

/// The new lines of a power meter.
fn lines(
    source: &str,
    spec: SensorSpec,
    readings: &[Reading],
    counted: &mut Option<(f64, f64)>,
) -> Vec<LiveUpdate> {
    let after = counted.map_or(f64::NEG_INFINITY, |(at, _)| at);
    let new = readings.partition_point(|reading| reading.at.monotonic <= after);
    *counted = readings.last().map(|last| (last.at.monotonic, 0.0));
    let update = |reading: &Reading| LiveUpdate {
        source: source.to_owned(),
        unix: reading.at.unix,
        joules: None,
        watts: Some(reading.value as f64 * spec.scale),
    };
    readings[new..].iter().map(update).collect()
}

/// The energy up to the latest update.
fn count(
    source: &str,
    series: &Series,
    newest: Reading,
    counted: &mut Option<(f64, f64)>,
) -> Option<LiveUpdate> {
    let last = series.points.last()?;
    let before = counted.filter(|&(at, _)| series.holes.within(at, last.at).is_empty());
    let before = before.and_then(|(at, joules)| Some((at, joules, series.at(at)?)));
    let (joules, watts) = match before {
        Some((at, ..)) if last.at <= at => return None,
        Some((at, joules, shown)) => {
            let more = last.joules - shown;
            (joules + more, Some(more / (last.at - at)))
        }
        None => (0.0, None),
    };
    *counted = Some((last.at, joules));
    Some(LiveUpdate {
        source: source.to_owned(),
        unix: newest.at.unix - newest.at.monotonic + last.at,
        joules: Some(joules),
        watts,
    })
}

fn mean(
    spec: SensorSpec,
    readings: &[Reading],
    update_interval: Option<f64>,
    seconds: f64,
) -> Result<f64, Unavailable> {
    // All readings are checked, even where only the latest count.
    let series = Series::new(spec, readings, update_interval)?;
    let latest = readings.last().map_or(0.0, |reading| reading.at.monotonic);
    if spec.is_power() {
        let recent = readings
            .iter()
            .rev()
            .take_while(|reading| reading.at.monotonic >= latest - seconds);
        let (sum, count) = recent.fold((0.0, 0u32), |(sum, count), reading| {
            (sum + reading.value as f64, count + 1)
        });
        return Ok(sum / f64::from(count.max(1)) * spec.scale);
    }
    let too_few = || Unavailable::new("it has not updated twice yet");
    let last = series.points.last().ok_or_else(too_few)?;
    let first = series
        .points
        .iter()
        .rev()
        .skip(1)
        .find(|point| point.at <= last.at - seconds)
        .or(series.points.first())
        .filter(|first| first.at < last.at)
        .ok_or_else(too_few)?;
    Ok((last.joules - first.joules) / (last.at - first.at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::energy::figure::RawUnit;

    /// A counter's readings every 10 ms: `watts` up to a second before the end, `then` from there on.
    fn counted(watts: f64, then: f64) -> Vec<Reading> {
        (0..400)
            .map(|poll| {
                let at = f64::from(poll) * 0.01;
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
    fn averages_the_last_interval_only() {
        let spec = SensorSpec::energy(RawUnit::Millijoule, 1e4, 0.01);
        let readings = counted(50.0, 150.0);
        let watts = mean(spec, &readings, None, 0.5).unwrap();
        assert!((watts - 150.0).abs() < 1.0, "{watts}");
        // Of the last two seconds one was at 50 W.
        let watts = mean(spec, &readings, None, 2.0).unwrap();
        assert!((watts - 100.0).abs() < 2.0, "{watts}");
    }

    #[test]
    fn averages_a_power_sensor_and_rejects_zeros() {
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
