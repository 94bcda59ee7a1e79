//! The result of a window: joules of each source, of a unit of work, and of parts of the window.

use super::basis::Basis;
use super::collector::Collected;
use super::downsample::downsample;
use super::estimate::{Edge, Estimate, hole_notes};
use super::figure::{Grade, Method, Stamp, Status};
use super::open_sensor::OpenSensor;
use super::recording::Recording;
use super::sensor::{Conditions, Sensor, Unavailable};
use super::sensor_model::SensorModel;
use super::source_result::SourceResult;

/// The result of a window.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct WindowResult {
    /// The joules of the whole window through each source.
    pub sources: Vec<SourceResult>,
    /// The joules of one unit of the stamped work, through each source that resolves it.
    pub units: Vec<EnergyPerUnit>,
    /// Why the other sources that were read do not resolve it.
    pub units_unavailable: Vec<PerUnitUnavailable>,
    /// The joules of each requested part, through each source that was read.
    pub parts: Vec<Vec<PartResult>>,
    /// The work that was stamped in the window.
    pub stamps: Vec<Stamp>,
}

/// The joules of one unit of work through one source.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct EnergyPerUnit {
    /// The source.
    pub source: String,
    /// How its joules were obtained.
    pub method: Method,
    /// The status of its results.
    pub status: Status,
    /// Units of work between the two updates.
    pub units: f64,
    /// From the one update to the other: joules and intervals of all those units.
    pub window: Estimate,
}

impl EnergyPerUnit {
    /// Joules per unit.
    pub fn joules(&self) -> f64 {
        self.window.joules / self.units
    }
}

/// Why a source gives no joules per unit of work.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PerUnitUnavailable {
    /// The source.
    pub source: String,
    /// How its joules are obtained.
    pub method: Method,
    /// The reason.
    pub why: Unavailable,
}

/// The joules of a part of a window through one source.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PartResult {
    /// The source.
    pub source: String,
    /// How its joules were obtained.
    pub method: Method,
    /// The status of the whole window's result; [`Status::Assumed`] joules have no interval, whatever the estimate says.
    pub status: Status,
    /// The joules, or why there are none.
    pub outcome: Result<Estimate, Unavailable>,
}

/// A window, the work that was stamped in it, and the parts whose joules are requested.
pub(super) struct Request<'a> {
    /// Start and end on the monotonic clock.
    pub window: (f64, f64),
    pub stamps: &'a [Stamp],
    pub parts: &'a [(f64, f64)],
}

/// The result of one sensor.
pub(super) struct SensorResult {
    result: SourceResult,
    /// `None` where no work was stamped, or nothing could be read.
    unit: Option<Result<EnergyPerUnit, Unavailable>>,
    parts: Vec<PartResult>,
}

const CALIBRATE: &str = "not calibrated: `wattgrad calibrate` would narrow the confidence interval and may raise the grade";

impl SensorResult {
    /// From what was collected of `opened`; `shared`: who else used the device.
    pub(super) fn new(
        opened: &OpenSensor,
        collected: Option<Collected>,
        request: &Request<'_>,
        shared: &Option<String>,
    ) -> Self {
        let mut result = SourceResult::unavailable(opened);
        let recording = match &opened.sensor {
            Ok(sensor) => {
                let collected = collected.unwrap_or_default();
                let is_shared = shared.is_some() || opened.shared.is_some();
                let sensor = sensor.as_ref();
                let recording =
                    settle(&mut result, (opened, sensor), collected, request, is_shared);
                // Too few readings have a reason of their own where a sensor that keeps a record gives no more.
                if let (None, Some(why)) = (result.joules, sensor.silent()) {
                    result.set_reason(why);
                }
                recording
            }
            Err(why) => {
                result.set_reason(why.clone());
                None
            }
        };
        if let (Some(shared), Status::Measured) = (shared, result.status) {
            // The joules stay, but they are not charged to this run.
            result.status = Status::Shared;
            result.reason = Some(shared.clone());
        }
        Self::with_work(result, recording.as_ref(), request.stamps, request.parts)
    }

    /// `result` with the joules of the stamped work and of the parts, from its readings.
    fn with_work(
        result: SourceResult,
        recording: Option<&Recording>,
        stamps: &[Stamp],
        parts: &[(f64, f64)],
    ) -> Self {
        let Some((basis, recording)) = result.basis.as_ref().zip(recording) else {
            return Self {
                result,
                unit: None,
                parts: Vec::new(),
            };
        };
        let (source, method) = (&result.source, result.method);
        // Not the status of the result: its window may be too short for its sensor.
        let status = match method {
            Method::Assumed => Status::Assumed,
            _ if basis.shared => Status::Shared,
            _ => Status::Measured,
        };
        let unit = || {
            if method == Method::Assumed {
                return Err(Unavailable::new(
                    "assumed joules are available for a whole run only",
                ));
            }
            let (units, window) = basis.units(recording, stamps)?;
            Ok(EnergyPerUnit {
                source: source.clone(),
                method,
                status,
                units,
                window,
            })
        };
        let part = |&part: &(f64, f64)| PartResult {
            source: source.clone(),
            method,
            status,
            outcome: basis.part(recording, part),
        };
        Self {
            unit: (!stamps.is_empty()).then(unit),
            parts: parts.iter().map(part).collect(),
            result,
        }
    }
}

impl WindowResult {
    pub(super) fn new(stamps: &[Stamp], parts: usize) -> Self {
        Self {
            parts: vec![Vec::new(); parts],
            stamps: stamps.to_vec(),
            ..Self::default()
        }
    }

    /// Adds the results of a sensor and of its companion, where that was read.
    pub(super) fn add(
        &mut self,
        opened: &OpenSensor,
        conditions: Vec<Conditions>,
        mut main: SensorResult,
        companion: Option<SensorResult>,
    ) {
        main.result.conditions = conditions;
        if let Some(companion) = &companion {
            compare(&mut main.result, &companion.result);
        }
        let failed = main.result.joules.is_none() && opened.sensor.is_ok();
        self.push(main);
        let replaces = |companion: &SensorResult| failed && companion.result.joules.is_some();
        if let Some(companion) = companion.filter(replaces) {
            self.push(companion);
        }
    }

    /// The result of a window, recomputed from the readings of its sources; sources without readings stay as they are.
    pub fn recompute(results: &[SourceResult], stamps: &[Stamp], parts: &[(f64, f64)]) -> Self {
        let mut window = Self::new(stamps, parts.len());
        for result in results {
            let recording = result.recording();
            let mut result = result.clone();
            if let Some(recomputed) = result.recompute() {
                result.set(&recomputed);
            }
            window.push(SensorResult::with_work(
                result,
                recording.as_ref(),
                stamps,
                parts,
            ));
        }
        window
    }

    fn push(&mut self, sensor: SensorResult) {
        match sensor.unit {
            Some(Ok(unit)) => self.units.push(unit),
            Some(Err(why)) => self.units_unavailable.push(PerUnitUnavailable {
                source: sensor.result.source.clone(),
                method: sensor.result.method,
                why,
            }),
            None => {}
        }
        for (all, part) in self.parts.iter_mut().zip(sensor.parts) {
            all.push(part);
        }
        self.sources.push(sensor.result);
    }
}

/// Fills `result` from what was collected; returns the recording that its joules were computed from.
fn settle(
    result: &mut SourceResult,
    (opened, sensor): (&OpenSensor, &dyn Sensor),
    Collected { readings, lost }: Collected,
    request: &Request<'_>,
    shared: bool,
) -> Option<Recording> {
    let spec = sensor.spec();
    let (from, to) = request.window;
    result.seconds = Some(to - from);
    // Every reading near an end of the window or of a part is kept.
    let ends = std::iter::once(&request.window).chain(request.parts);
    let ends: Vec<f64> = ends.flat_map(|&(from, to)| [from, to]).collect();
    result.readings = downsample(spec, readings, &ends);
    result.notes.extend(sensor.notes(from, to));
    if let Some(why) = lost {
        result.set_reason(Unavailable {
            reason: format!("lost during the window: {}", why.reason),
            ..why
        });
        return None;
    }
    let recording = Recording::new(spec, result.readings.clone());
    let seen = recording.update_interval();
    let mut model = opened.model.clone();
    result.notes.extend(drop_wrong_interval(&mut model, seen));
    result.update_interval_seconds = model.update_interval.or(seen);
    let calibrated = model.grade.is_some();
    let edge = match opened.is_continuous() {
        true => Edge::Interior,
        false => Edge::Boundary,
    };
    let basis = Basis {
        spec,
        model,
        window: request.window,
        edges: [edge, edge],
        least_updates: sensor.least_updates(),
        shared,
    };
    match basis.whole(&recording) {
        Ok(estimate) => result.fill(opened, &estimate, &spec),
        Err(why) => result.set_reason(why),
    }
    if let Ok(series) = recording.series(&basis.model) {
        result.notes.extend(hole_notes(&series, from, to));
    }
    result.basis = Some(basis);
    if result.status == Status::Measured && !calibrated {
        result.notes.push(CALIBRATE.to_owned());
    }
    Some(recording)
}

/// Drops a calibrated update interval that the readings contradict, and says so.
fn drop_wrong_interval(model: &mut SensorModel, seen: Option<f64>) -> Option<String> {
    let (calibrated, seen) = (model.update_interval?, seen?);
    if (seen / calibrated - 1.0).abs() <= 0.2 {
        return None;
    }
    model.update_interval = None;
    model.grade = None;
    Some(format!(
        "the calibrated update interval of {calibrated:.4} s was ignored: the sensor updated every {seen:.4} s; run \
         `wattgrad calibrate` again"
    ))
}

/// A counter and the integrated power of the same device disagree beyond this share.
const DISAGREE: f64 = 0.05;

fn compare(counter: &mut SourceResult, power: &SourceResult) {
    let Some((counted, integrated)) = counter.joules.zip(power.joules) else {
        return;
    };
    // A power sensor that was not read for long enough proves nothing against the counter.
    let certain = power
        .ci()
        .is_some_and(|ci| ci.half() < DISAGREE / 2.0 * integrated);
    let off = counted / integrated - 1.0;
    if certain && off.abs() > DISAGREE {
        counter.notes.push(format!(
            "the counter and the integrated power of the same device disagree by {:+.1} %",
            off * 100.0
        ));
        counter.grade = counter.grade.map(|_| Grade::C);
    }
}
