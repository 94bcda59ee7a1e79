//! The result of a source for one window: joules, or why there are none.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::basis::Basis;
use super::estimate::{self, Estimate};
use super::figure::{Covers, Grade, Interval, Method, Reading, Scope, Status};
use super::open_sensor::OpenSensor;
use super::recording::Recording;
use super::sensor::{Conditions, SensorSpec, Unavailable};

/// The result of a source for one window: joules, or why there are none.
///
/// ```
/// use wattgrad::{Meter, MeterOptions, SourceResult, Status};
///
/// let meter = Meter::open(&MeterOptions::default(), None)?;
/// let (_, results): (_, Vec<SourceResult>) = meter.measure(|| std::hint::black_box([1.0f32; 64]));
/// for result in &results {
///     // A result has joules or a reason for having none.
///     assert_eq!(result.joules.is_none(), result.status == Status::Unavailable);
///     assert!(result.joules.is_some() || result.reason.is_some());
/// }
/// # Ok::<(), wattgrad::MeterError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SourceResult {
    /// The source and its part: `nvml:0`, `rapl:package-0`, `cpu-time`; the source alone where none could be opened.
    pub source: String,
    /// The part of the machine that it covers.
    pub scope: Scope,
    /// How that part relates to the metered device; absent where the meter was opened without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub covers: Option<Covers>,
    /// How the joules were obtained.
    pub method: Method,
    /// Whether there are joules, and on what they rest.
    pub status: Status,
    /// Joules of the window; absent where nothing was measured, never 0 instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joules: Option<f64>,
    /// Lower end of the 95 % confidence interval: window edges, quantum and sampling, without the sensor's gain. For
    /// comparisons on one device through one sensor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ci_low: Option<f64>,
    /// Its upper end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ci_high: Option<f64>,
    /// Lower end of the 95 % accuracy interval, which includes the sensor's gain and offset. For comparisons across devices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy_low: Option<f64>,
    /// Its upper end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy_high: Option<f64>,
    /// Seconds of the window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// How far the sensor can be trusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grade: Option<Grade>,
    /// Updates of the sensor within the window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updates: Option<u64>,
    /// The sensor's update interval, calibrated or measured around the window; absent where every read gives a new value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update_interval_seconds: Option<f64>,
    /// Idle power in watts with a context open, as the calibration measured it (95 % confidence interval); absent without
    /// calibration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_watts: Option<Interval>,
    /// Why there are no joules, or what limits them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What would enable the source.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// Remarks, a sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The device's state at the start and at the end of the window, where the sensor reports it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Conditions>,
    /// What the joules are computed with, beside the readings.
    #[doc(hidden)]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<Basis>,
    /// The raw readings that the joules are computed from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub readings: Vec<Reading>,
}

impl SourceResult {
    /// A result without joules so far.
    pub(super) fn unavailable(sensor: &OpenSensor) -> Self {
        Self {
            source: sensor.source.clone(),
            scope: sensor.scope,
            covers: sensor.covers,
            method: sensor.method,
            status: Status::Unavailable,
            joules: None,
            ci_low: None,
            ci_high: None,
            accuracy_low: None,
            accuracy_high: None,
            seconds: None,
            grade: None,
            updates: None,
            update_interval_seconds: None,
            idle_watts: None,
            reason: None,
            fix: None,
            notes: sensor.note.iter().cloned().collect(),
            conditions: Vec::new(),
            basis: None,
            readings: Vec::new(),
        }
    }

    /// The result of a window of a recording.
    #[cfg(feature = "cli")]
    pub(crate) fn of_recording(
        source: String,
        method: Method,
        seconds: f64,
        outcome: Result<(Estimate, Grade), Unavailable>,
    ) -> Self {
        let unopened = Err(Unavailable::new(""));
        let sensor = OpenSensor::new(source, Scope::Recording, method, None, unopened);
        let mut result = Self::unavailable(&sensor);
        result.seconds = Some(seconds);
        match outcome {
            Ok((estimate, grade)) => {
                result.status = Status::Measured;
                result.set(&estimate);
                result.grade = Some(grade);
            }
            Err(why) => result.set_reason(why),
        }
        result
    }

    pub(super) fn set_reason(&mut self, why: Unavailable) {
        self.reason = Some(why.reason);
        self.fix = why.fix;
    }

    /// Takes the joules of `estimate`, and what is known of the sensor they came through.
    pub(super) fn fill(&mut self, sensor: &OpenSensor, estimate: &Estimate, spec: &SensorSpec) {
        self.status = sensor.status();
        self.reason = sensor.shared.clone();
        self.set(estimate);
        if self.method != Method::Assumed {
            self.grade = Some(sensor.grade(spec));
            self.updates = Some(estimate.updates).filter(|&updates| updates > 0);
            self.idle_watts = sensor.model.idle.map(|idle| idle.context);
        }
    }

    pub(super) fn set(&mut self, estimate: &Estimate) {
        self.joules = Some(estimate.joules);
        if self.method == Method::Assumed {
            // No interval: the watts are a guess, and beside it the clock's error is nothing.
            return;
        }
        self.ci_low = Some(estimate.ci.low);
        self.ci_high = Some(estimate.ci.high);
        self.accuracy_low = Some(estimate.accuracy.low);
        self.accuracy_high = Some(estimate.accuracy.high);
    }

    /// The joules recomputed from the readings; `None` where there are none or they have no basis.
    pub fn recompute(&self) -> Option<Estimate> {
        self.basis.as_ref()?.whole(&self.recording()?).ok()
    }

    pub(super) fn recording(&self) -> Option<Recording> {
        let spec = self.basis.as_ref()?.spec;
        Some(Recording::new(spec, self.readings.clone()))
    }

    /// The 95 % confidence interval of the joules.
    pub fn ci(&self) -> Option<Interval> {
        let (low, high) = self.ci_low.zip(self.ci_high)?;
        Some(Interval { low, high })
    }

    /// The 95 % accuracy interval of the joules.
    pub fn accuracy(&self) -> Option<Interval> {
        let (low, high) = self.accuracy_low.zip(self.accuracy_high)?;
        Some(Interval { low, high })
    }

    /// The joules that the idle device, with a context open, would have drawn in this window, by
    /// [`SourceResult::idle_watts`]: the confidence interval and the accuracy interval.
    pub fn idle(&self) -> Option<[Interval; 2]> {
        let (watts, seconds) = self.idle_watts.zip(self.seconds)?;
        let ci = watts.over(1.0 / seconds);
        Some([ci, estimate::accuracy(ci, seconds)])
    }

    /// The measured joules above idle: less those of [`SourceResult::idle`]. Only for calibrated sources; it assumes that
    /// idle power has not changed since the calibration. The gain counts once, since both come through one sensor; its
    /// offset is not taken to cancel.
    pub fn above_idle(&self) -> Option<Measured> {
        let gross = self.measured()?;
        let [idle, _] = self.idle()?;
        let joules = gross.joules - idle.middle();
        let ci = Interval::around(joules, gross.ci?.half().hypot(idle.half()));
        Some(Measured {
            joules,
            ci: Some(ci),
            accuracy: Some(estimate::accuracy(ci, self.seconds?)),
        })
    }

    /// Mean power over the window.
    pub fn watts(&self) -> Option<f64> {
        let seconds = self.seconds.filter(|&seconds| seconds > 0.0)?;
        Some(self.joules? / seconds)
    }

    /// The measured joules; `None` for assumed, shared and unavailable results.
    pub fn measured(&self) -> Option<Measured> {
        let joules = self.joules.filter(|_| self.status == Status::Measured)?;
        Some(Measured {
            joules,
            ci: self.ci(),
            accuracy: self.accuracy(),
        })
    }

    /// The assumed joules; `None` for every other result.
    pub fn assumed(&self) -> Option<Assumed> {
        let joules = self.joules.filter(|_| self.status == Status::Assumed);
        joules.map(Assumed)
    }
}

impl fmt::Display for SourceResult {
    /// One line: `nvml:0: 812.4 J in 3.021 s (+-52 J)`, or `rapl: unavailable: not built in: feature rapl`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.source)?;
        match self.joules {
            None => f.write_str("unavailable")?,
            Some(joules) => {
                write!(f, "{joules:.4} J")?;
                if let Some(seconds) = self.seconds {
                    write!(f, " in {seconds:.3} s")?;
                }
                if let Some(ci) = self.ci() {
                    write!(f, " (+-{:.2} J)", ci.half())?;
                }
                if matches!(self.status, Status::Assumed | Status::Shared) {
                    write!(f, ", {}", self.status.name())?;
                }
            }
        }
        match &self.reason {
            Some(reason) => write!(f, ": {reason}"),
            None => Ok(()),
        }
    }
}

/// Joules read from a sensor, with both their intervals. A separate type, so that they are never added to assumed joules:
///
/// ```compile_fail
/// use wattgrad::{Assumed, Measured};
/// fn mix(a: Measured, b: Assumed) -> Measured {
///     a + b
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    joules: f64,
    ci: Option<Interval>,
    accuracy: Option<Interval>,
}

impl Measured {
    /// The joules.
    pub fn joules(self) -> f64 {
        self.joules
    }

    /// The 95 % confidence interval, for comparisons through one sensor.
    pub fn ci(self) -> Option<Interval> {
        self.ci
    }

    /// The 95 % accuracy interval, for comparisons across sensors.
    pub fn accuracy(self) -> Option<Interval> {
        self.accuracy
    }

    /// Joules and intervals for each of `count` steps, samples or iterations; `None` for a count of 0.
    pub fn per(self, count: u64) -> Option<Self> {
        let by = count as f64;
        (count > 0).then(|| Self {
            joules: self.joules / by,
            ci: self.ci.map(|interval| interval.over(by)),
            accuracy: self.accuracy.map(|interval| interval.over(by)),
        })
    }
}

/// Joules that rest on assumed watts. They have no interval: the watts are a guess. See [`Measured`].
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Assumed(f64);

impl Assumed {
    /// The joules.
    pub fn joules(self) -> f64 {
        self.0
    }

    /// Joules for each of `count` steps, samples or iterations; `None` for a count of 0.
    pub fn per(self, count: u64) -> Option<f64> {
        (count > 0).then(|| self.0 / count as f64)
    }
}
