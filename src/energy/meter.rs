//! The meter: every source opened once, windows started at will.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::calibrate::{self, Calibration, CalibrationResult, Workload};
use super::device::MeteredDevice;
use super::figure::{Covers, Grade, Method, Scope, SourceResult, Status};
use super::open_sensor::OpenSensor;
use super::options::MeterOptions;
use super::recording::SystemClock;
use super::selection::MeterError;
use super::sensor::{Sensor, Unavailable};
use super::settle::EnergyPerUnit;
use super::sources;
use super::window::Window;

/// Meters stretches of time through every source of this machine.
///
/// ```
/// use wattgrad::internals::energy::{Meter, MeterOptions};
///
/// let meter = Meter::open(&MeterOptions::default(), None)?;
/// let (sum, rows) = meter.measure(|| (0..1_000_000u64).map(|i| i ^ (i >> 3)).sum::<u64>());
/// println!("{sum}");
/// for row in rows {
///     match row.joules {
///         Some(joules) => println!("{}: {joules:.2} J", row.source),
///         None => println!("{}: no figure: {}", row.source, row.reason.unwrap_or_default()),
///     }
/// }
/// # Ok::<(), wattgrad::internals::energy::MeterError>(())
/// ```
pub struct Meter {
    rows: Arc<[OpenSensor]>,
}

/// What is known of one source before anything was metered: whether it can be used, why not, and what would open it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SourceReport {
    /// The instrument, as in [`SourceResult::source`].
    pub source: String,
    /// Which part of the machine it covers.
    pub scope: Scope,
    /// How that lies to the chosen adapter; absent without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub covers: Option<Covers>,
    /// How its figures come about.
    pub method: Method,
    /// What its figures would be worth; `Unavailable` where it can give none.
    pub status: Status,
    /// Seconds between two new values, calibrated or seen just now; absent where neither was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update_interval_seconds: Option<f64>,
    /// The grade its figures have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grade: Option<Grade>,
    /// Whether it was calibrated on this machine.
    pub calibrated: bool,
    /// Why it is not available, or what is odd about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The one command or setting that opens it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// The one command that closes it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<String>,
}

impl Meter {
    /// Opens the chosen sources for the adapter `target`, or, without one, for everything the machine has (every card
    /// and every package is then a row of its own).
    ///
    /// # Errors
    /// [`MeterError::UnknownMeter`] for a name no source has, [`MeterError::BadWatts`] for watts that are not finite
    /// and positive. A source that cannot be read is no error; its row says why.
    pub fn open(
        options: &MeterOptions,
        target: Option<&MeteredDevice>,
    ) -> Result<Self, MeterError> {
        options.check()?;
        Ok(Self::of(sources::sensors(options, target), options))
    }

    /// A meter of one instrument of the caller's own, under the name `source`: a port to a new accelerator, a
    /// simulation. Its calibration is kept under that name too.
    pub fn of_instrument(
        source: &str,
        scope: Scope,
        instrument: Box<dyn Sensor>,
        options: &MeterOptions,
    ) -> Self {
        let row = if instrument.spec().is_power() {
            OpenSensor::power(source, scope, None, Ok(instrument))
        } else {
            OpenSensor::counter(source, scope, None, Ok(instrument))
        };
        Self::of(vec![row], options)
    }

    fn of(rows: Vec<OpenSensor>, options: &MeterOptions) -> Self {
        let rows = rows
            .into_iter()
            .map(|mut row| {
                calibrate::recall(options, &mut row);
                if let Some(companion) = row.companion.as_deref_mut() {
                    calibrate::recall(options, companion);
                }
                row
            })
            .collect();
        Self { rows }
    }

    /// Opens a window: the sources are read from now on, and once each has shown a few ticks (0.6 s at most) the window
    /// begins.
    pub fn start(&self) -> Window {
        Window::open(Arc::clone(&self.rows))
    }

    /// Whether any of its sources can be read and measures.
    pub fn measures(&self) -> bool {
        self.rows
            .iter()
            .any(|row| matches!(row.status(), Status::Measured | Status::Shared))
    }

    /// Meters one closure: its result, and a row per source.
    pub fn measure<R>(&self, work: impl FnOnce() -> R) -> (R, Vec<SourceResult>) {
        let window = self.start();
        let result = work();
        (result, window.stop())
    }

    /// Meters work that is repeated: `step` is called until `seconds` have passed, its count stamped after each call.
    /// Gives the rows of the whole, and the joules of one call through each source that can tell.
    pub fn measure_repeated(
        &self,
        seconds: f64,
        mut step: impl FnMut(),
    ) -> (Vec<SourceResult>, Vec<EnergyPerUnit>) {
        let window = self.start();
        let end = window.from().monotonic + seconds;
        let mut done = 0u64;
        window.stamp(0.0);
        while super::Moment::now().monotonic < end {
            step();
            done += 1;
            window.stamp(done as f64);
        }
        window.stop_per_unit()
    }

    /// One report per row, in the order of the rows of a window. Sources that can be read are watched for their ticks,
    /// half a second at most.
    pub fn sources(&self) -> Vec<SourceReport> {
        let window = self.start();
        let seen = window.newest(usize::MAX);
        drop(window);
        self.rows
            .iter()
            .enumerate()
            .map(|(at, row)| {
                let mut found = report(row);
                let watched = seen.iter().find(|(row, ..)| *row == at);
                if let (Some((_, readings, lost)), Ok(instrument)) = (watched, &row.sensor) {
                    let seen = || super::series::tick_of(instrument.spec(), readings);
                    found.update_interval_seconds = found.update_interval_seconds.or_else(seen);
                    // What an instrument has recorded is new, also where it is the same again.
                    let recorded = instrument.keeps_record();
                    let moved = readings
                        .windows(2)
                        .any(|pair| recorded || pair[0].value != pair[1].value);
                    if let Some(refusal) = lost.clone().or_else(|| instrument.silent()) {
                        found.status = Status::Unavailable;
                        found.grade = None;
                        found.reason = Some(refusal.reason);
                        found.fix = refusal.fix;
                        found.undo = refusal.undo;
                    } else if !moved {
                        let still = match recorded {
                            true => "it gave no two readings in the half second it was watched",
                            false => "it did not move in the half second it was watched",
                        };
                        found.reason = found.reason.or(Some(still.to_owned()));
                    }
                }
                found
            })
            .collect()
    }

    /// Examines every instrument that measures, one after the other (about a minute each), and keeps what it finds in
    /// the folder of `options`; `told` hears of each: the source, and its examination or why there is none.
    ///
    /// # Errors
    /// The system's, where a calibration cannot be written.
    pub fn calibrate(
        &self,
        options: &MeterOptions,
        workload: &mut dyn Workload,
        mut told: impl FnMut(&str, &Result<CalibrationResult, Unavailable>),
    ) -> std::io::Result<()> {
        for row in self.rows.iter() {
            let opened = row;
            let Ok(instrument) = &opened.sensor else {
                continue;
            };
            if opened.method == Method::Assumed {
                continue;
            }
            let second = row
                .companion
                .as_ref()
                .and_then(|companion| companion.sensor.as_deref().ok());
            let found =
                calibrate::calibrate_sensor(instrument.as_ref(), second, workload, &SystemClock);
            if let Ok(found) = &found {
                Calibration::new(&opened.identity, found.known.clone(), found.refused.clone())
                    .keep(options)?;
            }
            told(&opened.source, &found);
        }
        Ok(())
    }
}

/// Every known source as it stands on this machine, without any option: what `wattgrad doctor` prints.
pub fn survey(target: Option<&MeteredDevice>) -> Vec<SourceReport> {
    let options = MeterOptions::default();
    Meter::of(sources::sensors(&options, target), &options).sources()
}

fn report(opened: &OpenSensor) -> SourceReport {
    let refusal = opened.sensor.as_ref().err();
    let others = match &opened.sensor {
        Ok(instrument) => opened.shared.clone().or_else(|| instrument.shared()),
        Err(_) => None,
    };
    let status = match (opened.status(), &others) {
        (Status::Measured, Some(_)) => Status::Shared,
        (status, _) => status,
    };
    SourceReport {
        source: opened.source.clone(),
        scope: opened.scope,
        covers: opened.covers,
        method: opened.method,
        status,
        update_interval_seconds: opened.model.update_interval,
        grade: match &opened.sensor {
            Ok(instrument) if opened.method != Method::Assumed => {
                Some(opened.grade(&instrument.spec()))
            }
            _ => None,
        },
        calibrated: opened.model.grade.is_some(),
        reason: refusal
            .map(|refusal| refusal.reason.clone())
            .or(others)
            .or_else(|| opened.note.clone()),
        fix: refusal.and_then(|refusal| refusal.fix.clone()),
        undo: refusal.and_then(|refusal| refusal.undo.clone()),
    }
}
