//! A measurement window: every source of a meter is sampled from before its start until after its end.

use std::sync::{Arc, Mutex, PoisonError};

use super::clock::Moment;
use super::collector::Collector;
#[cfg(feature = "gpu")]
use super::estimate::{Edge, Estimate};
use super::figure::{Reading, Stamp, Status};
use super::open_sensor::OpenSensor;
use super::recording::Recording;
use super::sensor::{Conditions, Unavailable};
use super::source_result::SourceResult;
use super::window_result::{EnergyPerUnit, Request, SensorResult, WindowResult};

/// An open measurement window, from the return of [`Meter::start`] to the call of [`Window::stop`].
///
/// The sources are sampled from before its start (the pre-roll) until after its end (the post-roll).
///
/// ```
/// use wattgrad::{Meter, MeterOptions};
///
/// let meter = Meter::open(&MeterOptions::default(), None)?;
/// let window = meter.start();
/// window.stamp(0.0);
/// for step in 1..=100 {
///     std::hint::black_box((0..100_000u64).sum::<u64>());
///     window.stamp(f64::from(step));
/// }
/// let (sources, per_step) = window.stop_per_unit();
/// println!("{} sources, {} of them with joules per step", sources.len(), per_step.len());
/// # Ok::<(), wattgrad::MeterError>(())
/// ```
///
/// [`Meter::start`]: crate::Meter::start
#[must_use = "stop the window to get its joules"]
pub struct Window {
    sensors: Arc<[OpenSensor]>,
    sampled: Vec<Sampled>,
    from: Moment,
    stamps: Mutex<Vec<Stamp>>,
}

/// What samples a sensor and its companion, and the state of the device before the window.
struct Sampled {
    collectors: Vec<Option<Collector>>,
    conditions: Option<Conditions>,
    shared: Option<String>,
}

impl Sampled {
    fn main(&self) -> Option<&Collector> {
        self.collectors.first()?.as_ref()
    }
}

/// The pre-roll and the post-roll wait for more than this many changes,
const ROLL_CHANGES: usize = 4;
/// at most this many seconds beyond [`super::sensor_model::SensorModel::roll_seconds`] before the window,
const PRE_ROLL_SECONDS: f64 = 0.6;
/// and this many beyond what the sensor needs to settle after it.
const POST_ROLL_SECONDS: f64 = 1.0;

impl Window {
    pub(super) fn open(sensors: Arc<[OpenSensor]>) -> Self {
        let mut sampled: Vec<Sampled> = sensors
            .iter()
            .map(|sensor| Sampled {
                collectors: sensor.each().map(collector).collect(),
                conditions: None,
                shared: None,
            })
            .collect();
        let rolls = sensors.iter().map(|sensor| sensor.model.roll_seconds());
        // One deadline for all: many slow sensors do not add up.
        let end = Moment::now().monotonic + PRE_ROLL_SECONDS + rolls.fold(0.0, f64::max);
        // A companion is needed only where its sensor fails, so it is not waited for.
        for (sensor, sampled) in sensors.iter().zip(&sampled) {
            if let Some(collector) = sampled.main() {
                collector.wait(end - Moment::now().monotonic, |readings, interval| {
                    let changes = changes(readings);
                    span(readings) >= sensor.model.roll_seconds()
                        && changes > ROLL_CHANGES
                        && (interval.is_some() || changes > 20)
                });
            }
        }
        for sampled in &mut sampled {
            sampled.conditions = sampled.main().and_then(Collector::conditions);
            sampled.shared = sampled.main().and_then(Collector::shared_with);
        }
        let mut window = Self {
            sensors,
            sampled,
            from: Moment::now(),
            stamps: Mutex::default(),
        };
        window.poll_continuous();
        window.from = Moment::now();
        window
    }

    /// When the window began.
    pub fn from(&self) -> Moment {
        self.from
    }

    /// Records that `done` units of work (steps, iterations) since the start of the window are finished now.
    pub fn stamp(&self, done: f64) {
        let at = Moment::now().monotonic;
        let stamps = self.stamps.lock();
        let mut stamps = stamps.unwrap_or_else(PoisonError::into_inner);
        stamps.push(Stamp { at, done });
    }

    fn stamps(&self) -> Vec<Stamp> {
        let stamps = self.stamps.lock();
        stamps.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The sensors without their companions, and what samples each.
    pub(super) fn sensors(&self) -> impl Iterator<Item = (&OpenSensor, Option<&Collector>)> {
        let sampled = self.sampled.iter().map(Sampled::main);
        self.sensors.iter().zip(sampled)
    }

    /// All sensors, and what samples each.
    fn all(&self) -> impl Iterator<Item = (&OpenSensor, &Option<Collector>)> {
        let sampled = self.sensors.iter().zip(&self.sampled);
        sampled.flat_map(|(sensor, sampled)| sensor.each().zip(&sampled.collectors))
    }

    /// Drops the readings before `before`, for displays that are never stopped.
    #[cfg(feature = "cli")]
    pub(super) fn forget(&self, before: f64) {
        for collector in self.all().filter_map(|(_, collector)| collector.as_ref()) {
            collector.forget(before);
        }
    }

    /// The shortest update interval of the sources, calibrated or measured in the pre-roll: how often work should be
    /// stamped.
    pub fn update_interval(&self) -> Option<f64> {
        self.all()
            .filter_map(|(sensor, collector)| {
                let seen = || collector.as_ref().and_then(Collector::update_interval);
                sensor.model.update_interval.or_else(seen)
            })
            .min_by(f64::total_cmp)
    }

    /// The sources whose joules are charged to this run, each with what samples it; of a sensor and its companion only the
    /// first that moves.
    pub(super) fn charged(&self) -> impl Iterator<Item = (&OpenSensor, &Collector)> {
        let sampled = self.sensors.iter().zip(&self.sampled);
        let own = sampled.filter(|(_, sampled)| sampled.shared.is_none());
        own.filter_map(|(sensor, sampled)| {
            let mut each = sensor.each().zip(&sampled.collectors);
            each.find_map(|(sensor, collector)| {
                let collector = collector.as_ref()?;
                let usable = sensor.status() == Status::Measured && collector.lost().is_none();
                let moves = || collector.inspect(|readings, _| changes(readings) > 0);
                (usable && moves()).then_some((sensor, collector))
            })
        })
    }

    /// Whether the updates of every such source have covered the steps that were stamped so far.
    pub(super) fn covered(&self) -> bool {
        let stamps = self.stamps();
        let (Some(first), Some(last)) = (stamps.first(), stamps.last()) else {
            return true;
        };
        self.charged().all(|(opened, collector)| {
            opened.sensor.as_ref().map_or(true, |sensor| {
                let recording = Recording::new(sensor.spec(), collector.readings());
                recording.covers(first.at, last.at, &stamps, &opened.model)
            })
        })
    }

    /// Joules of the first source that measures, from the start of the window to its latest reading; `None` where there are
    /// none yet.
    #[cfg(feature = "gpu")]
    pub(crate) fn joules_so_far(&self) -> Option<f64> {
        let (_, estimate) = self.so_far().next()?;
        estimate.map(|estimate| estimate.joules)
    }

    /// Each source that measures, and its joules from the start of the window to its latest reading; `None` where there
    /// are none yet.
    #[cfg(feature = "gpu")]
    pub(crate) fn so_far(&self) -> impl Iterator<Item = (&str, Option<Estimate>)> {
        self.charged().map(|(opened, collector)| {
            let estimate = || {
                let sensor = opened.sensor.as_ref().ok()?;
                let readings = collector.readings();
                let window = (self.from.monotonic, readings.last()?.at.monotonic);
                let recording = Recording::new(sensor.spec(), readings);
                let edges = [Edge::Interior; 2];
                recording.fixed(window, edges, &opened.model).ok()
            };
            (opened.source.as_str(), estimate())
        })
    }

    /// Ends the window: the joules of the whole window through each source.
    pub fn stop(self) -> Vec<SourceResult> {
        self.finish(&[]).sources
    }

    /// Ends the window: the joules of the whole window, and of one unit of the stamped work, from one update to another
    /// inside the work.
    pub fn stop_per_unit(self) -> (Vec<SourceResult>, Vec<EnergyPerUnit>) {
        let result = self.finish(&[]);
        (result.sources, result.units)
    }

    /// Ends the window: all its results, and the joules of `parts` of it, each from one time to another in seconds on the
    /// monotonic clock of [`Window::from`].
    pub fn finish(self, parts: &[(f64, f64)]) -> WindowResult {
        self.finish_with(|_, _| parts.to_vec())
    }

    /// As [`Window::finish`], for parts that are known only after the post-roll; `parts` gets both ends of the window.
    pub(crate) fn finish_with(
        self,
        parts: impl FnOnce(f64, f64) -> Vec<(f64, f64)>,
    ) -> WindowResult {
        let to = Moment::now();
        self.poll_continuous();
        let stamps = self.stamps();
        for (sensor, sampled) in self.sensors.iter().zip(&self.sampled) {
            let mut moved = false;
            for (opened, collector) in sensor.each().zip(&sampled.collectors) {
                // A sensor that still moves needs no companion in its place.
                if let Some(collector) = collector.as_ref().filter(|_| !moved) {
                    moved = post_roll(collector, opened, to.monotonic);
                }
            }
        }
        let parts = parts(self.from.monotonic, to.monotonic);
        let request = Request {
            window: (self.from.monotonic, to.monotonic),
            stamps: &stamps,
            parts: &parts,
        };
        let mut result = WindowResult::new(&stamps, parts.len());
        for (sensor, mut sampled) in self.sensors.iter().zip(self.sampled) {
            let after = sampled.main().and_then(Collector::conditions);
            let conditions = sampled.conditions.take().into_iter().chain(after).collect();
            let shared = sampled.shared.take();
            let shared = shared.or_else(|| sampled.main()?.shared_with());
            let mut each = sensor
                .each()
                .zip(sampled.collectors)
                .map(|(opened, collector)| {
                    let collected = collector.map(|collector| {
                        let mut collected = collector.stop();
                        let unseen = unseen_end(opened, &collected.readings, to.monotonic);
                        collected.lost = collected.lost.or(unseen);
                        collected
                    });
                    SensorResult::new(opened, collected, &request, &shared)
                });
            if let Some(main) = each.next() {
                result.add(sensor, conditions, main, each.next());
            }
        }
        result
    }

    /// Polls the sensors that change with every read, at the very ends of the window.
    fn poll_continuous(&self) {
        for (sensor, collector) in self.all() {
            if let (true, Some(collector)) = (sensor.is_continuous(), collector) {
                collector.poll();
            }
        }
    }
}

fn collector(opened: &OpenSensor) -> Option<Collector> {
    let sensor = opened.sensor.as_ref().ok()?;
    Some(Collector::start(
        Arc::clone(sensor),
        opened.model.update_interval,
    ))
}

/// Why a sensor that gives no more readings did not show the end of a window: its last power is not that of the rest.
fn unseen_end(opened: &OpenSensor, readings: &[Reading], to: f64) -> Option<Unavailable> {
    let last = readings.last()?.at.monotonic;
    let spacing = span(readings) / (readings.len() - 1).max(1) as f64;
    // A meter that ends with the metered work may not have given its last reading.
    let seen = last >= to - 2.0 * spacing;
    let sensor = opened.sensor.as_ref().ok().filter(|_| !seen)?;
    sensor.silent()
}

fn changes(readings: &[Reading]) -> usize {
    let pairs = readings.windows(2);
    pairs.filter(|pair| pair[0].value != pair[1].value).count()
}

/// Seconds from the first reading to the last.
fn span(readings: &[Reading]) -> f64 {
    match (readings.first(), readings.last()) {
        (Some(first), Some(last)) => last.at.monotonic - first.at.monotonic,
        _ => 0.0,
    }
}

/// Samples on until the end of the window must have been shown, and the power after it with a few updates; whether it was.
fn post_roll(collector: &Collector, opened: &OpenSensor, to: f64) -> bool {
    let model = &opened.model;
    let settled = to + model.response_time();
    let shown = |readings: &[Reading]| {
        let after = readings.partition_point(|reading| reading.at.monotonic < settled);
        let after = &readings[after..];
        span(after) >= model.roll_seconds() && changes(after) > ROLL_CHANGES
    };
    let longest = settled - Moment::now().monotonic + POST_ROLL_SECONDS + model.roll_seconds();
    collector.wait(longest, |readings, _| shown(readings));
    collector.inspect(|readings, _| shown(readings))
}
