//! What the readings of a window come to, source by source.

use super::basis::Basis;
use super::collector::Collected;
use super::downsample;
use super::estimate::{Edge, Estimate, Stamp};
use super::figure::{Grade, Method, SourceResult, Status};
use super::open_sensor::OpenSensor;
use super::recording::Recording;
use super::sensor::{Conditions, SensorSpec, Unavailable};
use super::sensor_model::SensorModel;

/// All that a window comes to.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct WindowResult {
    /// The joules of the whole of it, a row a source.
    pub sources: Vec<SourceResult>,
    /// The joules of one unit of the work that was stamped in it, through each source that can tell.
    pub units: Vec<EnergyPerUnit>,
    /// Why the other sources that were read cannot.
    pub units_unavailable: Vec<PerUnitUnavailable>,
    /// The joules of each part that was asked for, through each source that was read.
    pub parts: Vec<Vec<PartResult>>,
    /// The work that was stamped in it.
    pub stamps: Vec<Stamp>,
}

/// The joules of one unit of work through one source.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct EnergyPerUnit {
    /// The source.
    pub source: String,
    /// How its figure came about.
    pub method: Method,
    /// What the row is worth.
    pub status: Status,
    /// Units of work between the two ticks.
    pub units: f64,
    /// From the one tick to the other: joules and intervals of all those units.
    pub window: Estimate,
}

impl EnergyPerUnit {
    /// Joules a unit.
    pub fn joules(&self) -> f64 {
        self.window.joules / self.units
    }
}

/// Why a source tells no joules of one unit of work.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PerUnitUnavailable {
    /// The source.
    pub source: String,
    /// How its figures come about.
    pub method: Method,
    /// Why.
    pub why: Unavailable,
}

/// The joules of a part of a window through one source.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PartResult {
    /// The source.
    pub source: String,
    /// How its figure came about.
    pub method: Method,
    /// What the row of the whole window is worth; [`Status::Assumed`] joules have no interval, whatever the estimate says.
    pub status: Status,
    /// The joules, or why there are none.
    pub outcome: Result<Estimate, Unavailable>,
}

/// What a window is asked for.
pub(crate) struct Asked<'a> {
    /// Where it begins and ends, on the monotonic clock.
    pub window: (f64, f64),
    pub stamps: &'a [Stamp],
    pub parts: &'a [(f64, f64)],
}

/// What one instrument has to say.
pub(crate) struct One {
    energy: SourceResult,
    /// Nothing where no work was stamped, or nothing could be read.
    unit: Option<Result<EnergyPerUnit, Unavailable>>,
    parts: Vec<PartResult>,
}

const CALIBRATE: &str = "not calibrated: `wattgrad calibrate` would narrow the interval of repeatability and may raise the grade";

impl One {
    /// Of what `opened` brought home; `shared`: who else used the device.
    pub(crate) fn new(
        opened: &OpenSensor,
        collected: Option<Collected>,
        asked: &Asked<'_>,
        shared: &Option<String>,
    ) -> Self {
        let mut energy = SourceResult::unavailable(opened);
        energy.notes.extend(opened.note.clone());
        let others = shared.is_some() || opened.shared.is_some();
        let recording = settle(&mut energy, opened, collected, asked, others);
        if let (Some(shared), Status::Measured) = (shared, energy.status) {
            // Others used the device too: the figure stays, but is not charged to this run.
            energy.status = Status::Shared;
            energy.reason = Some(shared.clone());
        }
        Self::told(energy, recording.as_ref(), asked.stamps, asked.parts)
    }

    /// `energy` with what its readings tell of the work that was stamped, and of parts of its window.
    fn told(
        energy: SourceResult,
        recording: Option<&Recording>,
        stamps: &[Stamp],
        parts: &[(f64, f64)],
    ) -> Self {
        let Some((basis, recording)) = energy.basis.as_ref().zip(recording) else {
            return Self {
                energy,
                unit: None,
                parts: Vec::new(),
            };
        };
        // The row itself may be too short for its instrument.
        let status = match energy.method {
            Method::Assumed => Status::Assumed,
            _ if basis.shared => Status::Shared,
            _ => Status::Measured,
        };
        let unit = || {
            if energy.method == Method::Assumed {
                return Err(Unavailable::new(
                    "assumed joules are told of a whole run only",
                ));
            }
            let (units, window) = basis.units(recording, stamps)?;
            Ok(EnergyPerUnit {
                source: energy.source.clone(),
                method: energy.method,
                status,
                units,
                window,
            })
        };
        let part = |&part: &(f64, f64)| PartResult {
            source: energy.source.clone(),
            method: energy.method,
            status,
            outcome: basis.part(recording, part),
        };
        Self {
            unit: (!stamps.is_empty()).then(unit),
            parts: parts.iter().map(part).collect(),
            energy,
        }
    }
}

impl WindowResult {
    /// A row's instruments: the main one, and its companion where that was read.
    pub(crate) fn add(
        &mut self,
        row: &OpenSensor,
        conditions: Vec<Conditions>,
        mut main: One,
        companion: Option<One>,
    ) {
        main.energy.conditions = conditions;
        if let Some(companion) = &companion {
            compare(&mut main.energy, &companion.energy);
        }
        let lies = main.energy.joules.is_none() && row.sensor.is_ok();
        self.take(main);
        if let Some(companion) =
            companion.filter(|companion| lies && companion.energy.joules.is_some())
        {
            self.take(companion);
        }
    }

    /// What a window comes to, computed again from the readings that its rows keep; rows without any stay as they are.
    pub fn recompute(rows: &[SourceResult], stamps: &[Stamp], parts: &[(f64, f64)]) -> Self {
        let mut settled = Self {
            parts: vec![Vec::new(); parts.len()],
            stamps: stamps.to_vec(),
            ..Self::default()
        };
        for row in rows {
            let recording = row.recording();
            let mut row = row.clone();
            if let Some(recomputed) = row.recompute() {
                row.set(&recomputed);
            }
            settled.take(One::told(row, recording.as_ref(), stamps, parts));
        }
        settled
    }

    fn take(&mut self, one: One) {
        match one.unit {
            Some(Ok(unit)) => self.units.push(unit),
            Some(Err(why)) => self.units_unavailable.push(PerUnitUnavailable {
                source: one.energy.source.clone(),
                method: one.energy.method,
                why,
            }),
            None => {}
        }
        for (all, part) in self.parts.iter_mut().zip(one.parts) {
            all.push(part);
        }
        self.sources.push(one.energy);
    }
}

/// Fills `energy` from what was collected; the readings, where a figure was asked of them.
fn settle(
    energy: &mut SourceResult,
    opened: &OpenSensor,
    collected: Option<Collected>,
    asked: &Asked<'_>,
    shared: bool,
) -> Option<Recording> {
    let instrument = match &opened.sensor {
        Ok(instrument) => instrument,
        Err(refusal) => {
            energy.refuse(refusal.clone());
            return None;
        }
    };
    let spec = instrument.spec();
    let (from, to) = asked.window;
    energy.seconds = Some(to - from);
    let Collected { readings, lost } = collected.unwrap_or(Collected {
        readings: Vec::new(),
        lost: None,
    });
    let readings = downsample::downsample(spec, readings, &ends(asked));
    if let Some(refusal) = lost {
        energy.readings = readings;
        energy.refuse(Unavailable {
            reason: format!("lost within the window: {}", refusal.reason),
            ..refusal
        });
        return None;
    }
    let recording = Recording::new(spec, readings);
    let mut known = opened.model.clone();
    if let Some(note) = contradicted(&mut known, &recording) {
        energy.notes.push(note);
    }
    energy.update_interval_seconds = known.update_interval.or(recording.tick());
    energy.readings = recording.readings().to_vec();
    let graded = known.grade.is_some();
    // A load begins and ends with the window.
    let edge = match opened.is_continuous() {
        true => Edge::Interior,
        false => Edge::Boundary,
    };
    let basis = Basis {
        spec,
        known,
        window: asked.window,
        edges: [edge, edge],
        least_updates: instrument.least_updates(),
        shared,
    };
    match basis.whole(&recording) {
        Ok(estimate) => energy.fill(opened, &estimate, &spec),
        Err(refusal) => energy.refuse(refusal),
    }
    energy.basis = Some(basis);
    if energy.status == Status::Measured && !graded {
        energy.notes.push(CALIBRATE.to_owned());
    }
    Some(recording)
}

/// The times at which every reading counts: the ends of the window and of its parts.
fn ends(asked: &Asked<'_>) -> Vec<f64> {
    let all = std::iter::once(&asked.window).chain(asked.parts);
    all.flat_map(|&(from, to)| [from, to]).collect()
}

/// Drops a calibrated tick that the readings contradict.
fn contradicted(known: &mut SensorModel, recording: &Recording) -> Option<String> {
    let (told, seen) = (known.update_interval?, recording.tick()?);
    if (seen / told - 1.0).abs() <= 0.2 {
        return None;
    }
    known.update_interval = None;
    known.grade = None;
    Some(format!(
        "the calibrated tick of {told:.4} s was dropped: the readings tick every {seen:.4} s; run `wattgrad calibrate` again"
    ))
}

/// Beyond this share two ways of seeing the same energy disagree.
const DISAGREE: f64 = 0.05;

/// A counter beside integrated power of the same thing.
fn compare(counter: &mut SourceResult, power: &SourceResult) {
    let (Some(counted), Some(integrated)) = (counter.joules, power.joules) else {
        return;
    };
    // A sensor that was not read for long enough says nothing against the counter.
    let sure = power
        .ci()
        .is_some_and(|own| own.half() < DISAGREE / 2.0 * integrated);
    let off = counted / integrated - 1.0;
    if sure && off.abs() > DISAGREE {
        counter.notes.push(format!(
            "the counter and the integrated power of the same device disagree by {:+.1} %",
            off * 100.0
        ));
        counter.grade = counter.grade.map(|_| Grade::C);
    }
}

impl SourceResult {
    fn unavailable(opened: &OpenSensor) -> Self {
        Self {
            source: opened.source.clone(),
            scope: opened.scope,
            covers: opened.covers,
            method: opened.method,
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
            notes: Vec::new(),
            conditions: Vec::new(),
            basis: None,
            readings: Vec::new(),
        }
    }

    /// The result of a window of a recording.
    pub(crate) fn of_recording(
        source: String,
        method: Method,
        seconds: f64,
        outcome: Result<(Estimate, Grade), Unavailable>,
    ) -> Self {
        let unopened = Err(Unavailable::new(""));
        let sensor = OpenSensor::new(
            source,
            super::figure::Scope::Recording,
            method,
            None,
            unopened,
        );
        let mut result = Self::unavailable(&sensor);
        result.seconds = Some(seconds);
        match outcome {
            Ok((estimate, grade)) => {
                result.status = Status::Measured;
                result.set(&estimate);
                result.grade = Some(grade);
            }
            Err(unavailable) => result.refuse(unavailable),
        }
        result
    }

    fn refuse(&mut self, refusal: Unavailable) {
        self.reason = Some(refusal.reason);
        self.fix = refusal.fix;
    }

    /// The joules that the readings come to, computed again; `None` where there are none or they have no basis.
    pub fn recompute(&self) -> Option<Estimate> {
        self.basis.as_ref()?.whole(&self.recording()?).ok()
    }

    fn recording(&self) -> Option<Recording> {
        let spec = self.basis.as_ref()?.spec;
        Some(Recording::new(spec, self.readings.clone()))
    }

    fn set(&mut self, estimate: &Estimate) {
        self.joules = Some(estimate.joules);
        if self.method == Method::Assumed {
            // No interval is stated: the watts are a guess, and beside it the clock's error is nothing.
            return;
        }
        self.ci_low = Some(estimate.ci.low);
        self.ci_high = Some(estimate.ci.high);
        self.accuracy_low = Some(estimate.accuracy.low);
        self.accuracy_high = Some(estimate.accuracy.high);
    }

    fn fill(&mut self, opened: &OpenSensor, estimate: &Estimate, spec: &SensorSpec) {
        self.status = opened.status();
        self.reason = opened.shared.clone();
        self.set(estimate);
        if self.method == Method::Assumed {
            return;
        }
        self.grade = Some(opened.grade(spec));
        self.updates = Some(estimate.updates).filter(|&ticks| ticks > 0);
        self.idle_watts = opened.model.idle.map(|idle| idle.context);
    }
}
