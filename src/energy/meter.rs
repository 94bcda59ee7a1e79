//! The meter: every source opened once, windows started at will.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::calibrate;
#[cfg(feature = "cli")]
use super::calibrate::{Calibration, CalibrationResult, Workload};
use super::clock::Moment;
#[cfg(feature = "cli")]
use super::clock::SystemClock;
use super::device::MeteredDevice;
use super::figure::{Covers, Grade, Method, Scope, Status};
use super::open_sensor::OpenSensor;
use super::options::MeterOptions;
use super::selection::MeterError;
use super::sensor::Sensor;
#[cfg(feature = "cli")]
use super::sensor::Unavailable;
use super::series;
use super::source_result::SourceResult;
use super::sources;
use super::window::Window;
use super::window_result::EnergyPerUnit;

/// Measures energy through every source of this machine.
///
/// ```
/// use wattgrad::{Meter, MeterOptions};
///
/// let meter = Meter::open(&MeterOptions::default(), None)?;
/// let (sum, results) = meter.measure(|| (0..1_000_000u64).map(|i| i ^ (i >> 3)).sum::<u64>());
/// println!("{sum}");
/// for result in results {
///     match result.joules {
///         Some(joules) => println!("{}: {joules:.2} J", result.source),
///         None => println!("{}: unavailable: {}", result.source, result.reason.unwrap_or_default()),
///     }
/// }
/// # Ok::<(), wattgrad::MeterError>(())
/// ```
pub struct Meter {
    sensors: Arc<[OpenSensor]>,
    /// [`MeterOptions::shortest_window`].
    pub(crate) shortest_window: f64,
}

/// The default of [`MeterOptions::shortest_window`].
const SHORTEST_WINDOW: f64 = 5.0;

/// The state of one source before a window: whether it can be used, why not, and what would enable it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SourceReport {
    /// The source, as in [`SourceResult::source`].
    pub source: String,
    /// The part of the machine that it covers.
    pub scope: Scope,
    /// How that part relates to the metered device; absent without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub covers: Option<Covers>,
    /// How its joules are obtained.
    pub method: Method,
    /// The status of its results; `Unavailable` where it has none.
    pub status: Status,
    /// Its update interval in seconds, calibrated or just measured; absent where neither was possible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update_interval_seconds: Option<f64>,
    /// The grade of its results.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grade: Option<Grade>,
    /// Whether it was calibrated on this machine.
    pub calibrated: bool,
    /// Why it is unavailable, or a remark.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The command or setting that enables it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// The command that reverts the fix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<String>,
}

impl Meter {
    /// Opens the selected sources for `device`, or, without one, for the whole machine (every card and every package is
    /// then a source of its own).
    ///
    /// # Errors
    /// [`MeterError`] where `options` are invalid. A source that cannot be read is not an error; its result says why.
    pub fn open(
        options: &MeterOptions,
        device: Option<&MeteredDevice>,
    ) -> Result<Self, MeterError> {
        options.check()?;
        Ok(Self::of(sources::sensors(options, device), options))
    }

    /// A meter of one sensor of the caller's own, under the name `source`: a port to a new accelerator, a simulation. Its
    /// calibration is stored under that name too.
    pub fn of_sensor(
        source: &str,
        scope: Scope,
        sensor: Box<dyn Sensor>,
        options: &MeterOptions,
    ) -> Self {
        let method = match sensor.spec().is_power() {
            true => Method::IntegratedPower,
            false => Method::Counter,
        };
        let opened = OpenSensor::new(source, scope, method, None, Ok(sensor));
        Self::of(vec![opened], options)
    }

    fn of(mut sensors: Vec<OpenSensor>, options: &MeterOptions) -> Self {
        for opened in &mut sensors {
            calibrate::recall(options, opened);
            if let Some(companion) = &mut opened.companion {
                calibrate::recall(options, companion);
            }
        }
        Self {
            sensors: sensors.into(),
            shortest_window: options.shortest_window.unwrap_or(SHORTEST_WINDOW),
        }
    }

    /// Starts a window. The sources are sampled from now on; the window begins when each has updated a few times (0.6 s at
    /// most).
    pub fn start(&self) -> Window {
        Window::open(Arc::clone(&self.sensors))
    }

    /// Whether any of its sources can be read and measures.
    pub fn measures(&self) -> bool {
        let mut status = self.sensors.iter().map(OpenSensor::status);
        status.any(|status| matches!(status, Status::Measured | Status::Shared))
    }

    /// Measures one closure: its return value, and the result of each source.
    pub fn measure<R>(&self, work: impl FnOnce() -> R) -> (R, Vec<SourceResult>) {
        let window = self.start();
        let returned = work();
        (returned, window.stop())
    }

    /// Measures repeated work: `step` is called until `seconds` have passed. Returns the results of the whole, and the
    /// joules of one call through each source that resolves it.
    pub fn measure_repeated(
        &self,
        seconds: f64,
        mut step: impl FnMut(),
    ) -> (Vec<SourceResult>, Vec<EnergyPerUnit>) {
        let window = self.start();
        let end = window.from().monotonic + seconds;
        let mut done = 0u64;
        window.stamp(0.0);
        while Moment::now().monotonic < end {
            step();
            done += 1;
            window.stamp(done as f64);
        }
        window.stop_per_unit()
    }

    /// One report for each source, in the order of a window's results. Sources that can be read are sampled for half a
    /// second at most.
    pub fn sources(&self) -> Vec<SourceReport> {
        let window = self.start();
        let sampled: Vec<_> = window
            .sensors()
            .map(|(_, collector)| collector.map(|it| (it.readings(), it.lost())))
            .collect();
        drop(window);
        let reports = self.sensors.iter().zip(sampled);
        reports
            .map(|(opened, sampled)| {
                let mut found = report(opened);
                let (Some((readings, lost)), Ok(sensor)) = (sampled, &opened.sensor) else {
                    return found;
                };
                let seen = || series::update_interval(sensor.spec(), &readings);
                found.update_interval_seconds = found.update_interval_seconds.or_else(seen);
                // Every recorded reading is new, even where its value is the same.
                let recorded = sensor.keeps_record();
                let moved = readings
                    .windows(2)
                    .any(|pair| recorded || pair[0].value != pair[1].value);
                if let Some(why) = lost.or_else(|| sensor.silent()) {
                    found.status = Status::Unavailable;
                    found.grade = None;
                    found.reason = Some(why.reason);
                    found.fix = why.fix;
                    found.undo = why.undo;
                } else if !moved {
                    let still = match recorded {
                        true => "it returned fewer than two readings in half a second",
                        false => "it did not change in half a second",
                    };
                    found.reason = found.reason.or(Some(still.to_owned()));
                }
                found
            })
            .collect()
    }

    /// Calibrates every sensor that measures, one after the other (about a minute each), and stores the calibrations in the
    /// folder of `options`. `report` is called for each: the source, and its calibration or why there is none.
    ///
    /// # Errors
    /// The system's, where a calibration cannot be written.
    #[cfg(feature = "cli")]
    pub(crate) fn calibrate(
        &self,
        options: &MeterOptions,
        workload: &mut dyn Workload,
        mut report: impl FnMut(&str, &Result<CalibrationResult, Unavailable>),
    ) -> std::io::Result<()> {
        let measuring = self
            .sensors
            .iter()
            .filter(|it| it.method != Method::Assumed);
        for opened in measuring {
            let Ok(sensor) = &opened.sensor else {
                continue;
            };
            let companion = opened.companion.as_ref();
            let second = companion.and_then(|companion| companion.sensor.as_deref().ok());
            let found =
                calibrate::calibrate_sensor(sensor.as_ref(), second, workload, &SystemClock);
            if let Ok(found) = &found {
                Calibration::new(
                    &opened.identity,
                    found.model.clone(),
                    found.rejected.clone(),
                )
                .store(options)?;
            }
            report(&opened.source, &found);
        }
        Ok(())
    }
}

fn report(opened: &OpenSensor) -> SourceReport {
    let sensor = opened.sensor.as_ref();
    let why = sensor.err();
    let shared = sensor.ok().and_then(|sensor| {
        let shared = opened.shared.clone();
        shared.or_else(|| sensor.shared())
    });
    let status = match (opened.status(), &shared) {
        (Status::Measured, Some(_)) => Status::Shared,
        (status, _) => status,
    };
    let graded = sensor.ok().filter(|_| opened.method != Method::Assumed);
    SourceReport {
        source: opened.source.clone(),
        scope: opened.scope,
        covers: opened.covers,
        method: opened.method,
        status,
        update_interval_seconds: opened.model.update_interval,
        grade: graded.map(|sensor| opened.grade(&sensor.spec())),
        calibrated: opened.model.grade.is_some(),
        reason: why
            .map(|why| why.reason.clone())
            .or(shared)
            .or_else(|| opened.note.clone()),
        fix: why.and_then(|why| why.fix.clone()),
        undo: why.and_then(|why| why.undo.clone()),
    }
}
