//! The meter: every source opened once, windows started at will.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::calibrate::{self, Calibration, CalibrationResult, Workload};
use super::figure::{Covers, SourceResult, Grade, Method, Scope, Status};
use super::instrument::{Sensor, Unavailable, SensorSpec};
use super::known::SensorModel;
use super::options::{MeterError, MeterOptions, Selection};
use super::recording::SystemClock;
use super::settle::EnergyPerUnit;
use super::source;
use super::target::MeteredDevice;
use super::window::Window;

/// One row of an opened meter.
pub(crate) struct Row {
    pub main: Opened,
    /// The same thing through another instrument; see [`source::Row::companion`].
    pub companion: Option<Opened>,
}

impl Row {
    pub(crate) fn each(&self) -> impl Iterator<Item = &Opened> {
        std::iter::once(&self.main).chain(&self.companion)
    }
}

/// One instrument, opened, or why it is not, with what is known of it.
pub(crate) struct Opened {
    pub source: String,
    pub scope: Scope,
    pub method: Method,
    pub covers: Option<Covers>,
    pub shared: Option<String>,
    pub note: Option<String>,
    pub identity: String,
    pub instrument: Result<Arc<dyn Sensor>, Unavailable>,
    pub known: SensorModel,
}

impl Opened {
    fn new(row: source::Row, options: &MeterOptions) -> (Self, Option<source::Row>) {
        let source::Row {
            source,
            scope,
            method,
            covers,
            shared,
            note,
            instrument,
            identity,
            companion,
        } = row;
        let mut instrument: Result<Arc<dyn Sensor>, Unavailable> = instrument.map(Arc::from);
        let known = match &instrument {
            Ok(opened) => calibrate::recall(options, &identity, &opened.spec()),
            Err(_) => Ok(SensorModel::unopened()),
        };
        let known = known.unwrap_or_else(|refusal| {
            // What its calibration found keeps it closed.
            instrument = Err(refusal);
            SensorModel::unopened()
        });
        let opened = Self {
            source,
            scope,
            method,
            covers,
            shared,
            note,
            identity,
            instrument,
            known,
        };
        (opened, companion.map(|row| *row))
    }

    /// What a figure of it is worth.
    pub(crate) fn status(&self) -> Status {
        match (&self.instrument, self.method, &self.shared) {
            (Err(_), _, _) => Status::Unavailable,
            (Ok(_), Method::Assumed, _) => Status::Assumed,
            (Ok(_), _, Some(_)) => Status::Shared,
            (Ok(_), _, None) => Status::Measured,
        }
    }

    /// Whether every read gives a new value, taken at the moment of the read.
    pub(crate) fn ever_moving(&self) -> bool {
        let moves = |instrument: &Arc<dyn Sensor>| {
            instrument.spec().expected_update_interval == 0.0 && !instrument.keeps_record()
        };
        self.instrument.as_ref().is_ok_and(moves)
    }

    /// The grade of its figures: its calibration's, or the best that can be said without one.
    pub(crate) fn grade(&self, spec: &SensorSpec) -> Grade {
        let uncalibrated = if spec.is_power() { Grade::C } else { Grade::B };
        self.known.grade.unwrap_or(uncalibrated)
    }
}

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
    rows: Arc<[Row]>,
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
    pub fn open(options: &MeterOptions, target: Option<&MeteredDevice>) -> Result<Self, MeterError> {
        options.check()?;
        Ok(Self::of(rows(options, target), options))
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
            source::Row::power(source, scope, None, Ok(instrument))
        } else {
            source::Row::counter(source, scope, None, Ok(instrument))
        };
        Self::of(vec![row], options)
    }

    fn of(rows: Vec<source::Row>, options: &MeterOptions) -> Self {
        let rows = rows
            .into_iter()
            .map(|row| {
                let (main, companion) = Opened::new(row, options);
                let companion = companion.map(|row| Opened::new(row, options).0);
                Row { main, companion }
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
            .any(|row| matches!(row.main.status(), Status::Measured | Status::Shared))
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
                let mut found = report(&row.main);
                let watched = seen.iter().find(|(row, ..)| *row == at);
                if let (Some((_, readings, lost)), Ok(instrument)) = (watched, &row.main.instrument)
                {
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
            let opened = &row.main;
            let Ok(instrument) = &opened.instrument else {
                continue;
            };
            if opened.method == Method::Assumed {
                continue;
            }
            let second = row
                .companion
                .as_ref()
                .and_then(|companion| companion.instrument.as_deref().ok());
            let found = calibrate::calibrate_sensor(instrument.as_ref(), second, workload, &SystemClock);
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
    Meter::of(rows(&options, target), &options).sources()
}

fn rows(options: &MeterOptions, target: Option<&MeteredDevice>) -> Vec<source::Row> {
    let mut rows = Vec::new();
    if options.selection == Selection::None {
        return rows;
    }
    for source in source::ALL {
        if options.selection.wants(source.name()) {
            let mut found = source.rows(options, target);
            let parts = options.selection.parts(source.name());
            if !parts.is_empty() {
                found = only(&parts, found);
            }
            rows.extend(found);
        } else if options.assume_watts_per_core.is_some()
            && source.name() == super::sources::cpu_time::NAME
        {
            // Giving the watts asks for the assumed source, whichever other one was named.
            rows.extend(source.rows(options, target));
        }
    }
    rows
}

/// The rows that were asked for by their full names. A source that cannot be opened keeps its one row and its reason.
fn only(parts: &[&str], mut found: Vec<source::Row>) -> Vec<source::Row> {
    let names: Vec<String> = found.iter().map(|row| row.source.clone()).collect();
    if !names.iter().any(|name| name.contains(':')) {
        return found;
    }
    let missing: Vec<source::Row> = parts
        .iter()
        .filter(|part| !names.iter().any(|name| name == *part))
        .map(|part| {
            let refusal = Unavailable::new(format!(
                "there is no {part} here: there is {}",
                names.join(", ")
            ));
            source::Row::new(*part, found[0].scope, found[0].method, None, Err(refusal))
        })
        .collect();
    found.retain(|row| parts.contains(&row.source.as_str()));
    found.extend(missing);
    found
}

fn report(opened: &Opened) -> SourceReport {
    let refusal = opened.instrument.as_ref().err();
    let others = match &opened.instrument {
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
        update_interval_seconds: opened.known.update_interval,
        grade: match &opened.instrument {
            Ok(instrument) if opened.method != Method::Assumed => {
                Some(opened.grade(&instrument.spec()))
            }
            _ => None,
        },
        calibrated: opened.known.grade.is_some(),
        reason: refusal
            .map(|refusal| refusal.reason.clone())
            .or(others)
            .or_else(|| opened.note.clone()),
        fix: refusal.and_then(|refusal| refusal.fix.clone()),
        undo: refusal.and_then(|refusal| refusal.undo.clone()),
    }
}
