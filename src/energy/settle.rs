//! What the readings of a window come to, source by source.

use super::basis::Basis;
use super::collect::Collected;
use super::estimate::{Edges, Estimate, Stamp};
use super::figure::{Energy, Grade, Method, Status};
use super::instrument::{Conditions, Refusal, Spec};
use super::known::Known;
use super::meter::{Opened, Row};
use super::recording::Recording;
use super::{essential, phase};

/// All that a window comes to.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Settled {
    /// The joules of the whole of it, a row a source.
    pub rows: Vec<Energy>,
    /// The joules of one unit of the work that was stamped in it, through each source that can tell.
    pub units: Vec<PerUnit>,
    /// Why the other sources that were read cannot.
    pub untold: Vec<Untold>,
    /// The joules of each part that was asked for, through each source that was read.
    pub parts: Vec<Vec<Part>>,
}

/// The joules of one unit of work through one source.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct PerUnit {
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

impl PerUnit {
    /// Joules a unit.
    pub fn joules(&self) -> f64 {
        self.window.joules / self.units
    }
}

/// Why a source tells no joules of one unit of work.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Untold {
    /// The source.
    pub source: String,
    /// How its figures come about.
    pub method: Method,
    /// Why.
    pub why: Refusal,
}

/// The joules of a part of a window through one source.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Part {
    /// The source.
    pub source: String,
    /// How its figure came about.
    pub method: Method,
    /// What the row of the whole window is worth; [`Status::Assumed`] joules have no interval, whatever the estimate says.
    pub status: Status,
    /// The joules, or why there are none.
    pub outcome: Result<Estimate, Refusal>,
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
    energy: Energy,
    /// Nothing where no work was stamped, or nothing could be read.
    unit: Option<Result<PerUnit, Refusal>>,
    parts: Vec<Part>,
}

const CALIBRATE: &str =
    "not calibrated: `wattgrad calibrate` would narrow the interval and may raise the grade";

impl One {
    /// Of what `opened` brought home; `shared`: who else used the device.
    pub(crate) fn new(
        opened: &Opened,
        collected: Option<Collected>,
        asked: &Asked<'_>,
        shared: &Option<String>,
    ) -> Self {
        let mut one = settle(opened, collected, asked);
        if let (Some(shared), Status::Measured) = (shared, one.energy.status) {
            // Others used the device too: the figure stays, but is not charged to this run.
            one.energy.status = Status::Shared;
            one.energy.reason = Some(shared.clone());
        }
        if shared.is_some() {
            let status = one.energy.status;
            if let Some(Ok(unit)) = &mut one.unit {
                unit.status = status;
            }
            one.parts.iter_mut().for_each(|part| part.status = status);
        }
        one
    }
}

impl Settled {
    /// A row's instruments: the main one, and its companion where that was read.
    pub(crate) fn add(
        &mut self,
        row: &Row,
        conditions: Vec<Conditions>,
        mut main: One,
        companion: Option<One>,
    ) {
        main.energy.conditions = conditions;
        if let Some(companion) = &companion {
            compare(&mut main.energy, &companion.energy);
        }
        let lies = main.energy.joules.is_none() && row.main.instrument.is_ok();
        self.take(main);
        if let Some(companion) =
            companion.filter(|companion| lies && companion.energy.joules.is_some())
        {
            self.take(companion);
        }
    }

    fn take(&mut self, one: One) {
        match one.unit {
            Some(Ok(unit)) => self.units.push(unit),
            Some(Err(why)) => self.untold.push(Untold {
                source: one.energy.source.clone(),
                method: one.energy.method,
                why,
            }),
            None => {}
        }
        for (all, part) in self.parts.iter_mut().zip(one.parts) {
            all.push(part);
        }
        self.rows.push(one.energy);
    }
}

fn settle(opened: &Opened, collected: Option<Collected>, asked: &Asked<'_>) -> One {
    let mut energy = Energy::unavailable(opened);
    energy.notes.extend(opened.note.clone());
    let (from, to) = asked.window;
    let none = |energy| One {
        energy,
        unit: None,
        parts: Vec::new(),
    };
    let instrument = match &opened.instrument {
        Ok(instrument) => instrument,
        Err(refusal) => {
            energy.refuse(refusal.clone());
            return none(energy);
        }
    };
    let spec = instrument.spec();
    energy.seconds = Some(to - from);
    let Collected { readings, lost } = collected.unwrap_or(Collected {
        readings: Vec::new(),
        lost: None,
    });
    energy.readings = essential::readings(spec, readings, &ends(asked));
    if let Some(refusal) = lost {
        energy.refuse(Refusal {
            reason: format!("lost within the window: {}", refusal.reason),
            ..refusal
        });
        return none(energy);
    }
    let recording = Recording::new(spec, std::mem::take(&mut energy.readings));
    let mut known = opened.known.clone();
    if let Some(note) = contradicted(&mut known, &recording) {
        energy.notes.push(note);
    }
    // A load begins and ends with the window, and goes on at the ends of a part that lie within it.
    let edge = |at: f64| match opened.ever_moving() || (at > from && at < to) {
        true => Edges::Cut,
        false => Edges::Load,
    };
    let between = |from: f64, to: f64| {
        let estimate = recording.between_ends((from, to), [edge(from), edge(to)], &known)?;
        enough(estimate, instrument.least_updates())
    };
    match between(from, to) {
        Ok(estimate) => {
            energy.fill(opened, &estimate, &spec);
            energy.basis = Some(Basis {
                spec,
                known: known.clone(),
                window: (from, to),
                edges: [edge(from), edge(to)],
            });
        }
        Err(refusal) => energy.refuse(refusal),
    }
    let unit = (!asked.stamps.is_empty()).then(|| stamped(opened, &recording, &known, asked));
    let part = |&(from, to): &(f64, f64)| Part {
        source: opened.source.clone(),
        method: opened.method,
        status: opened.status(),
        outcome: between(from, to),
    };
    let parts = asked.parts.iter().map(part).collect();
    energy.tick_seconds = known.tick.or(recording.tick());
    energy.readings = recording.readings().to_vec();
    if energy.status == Status::Measured && known.grade.is_none() {
        energy.notes.push(CALIBRATE.to_owned());
    }
    One {
        energy,
        unit,
        parts,
    }
}

/// The times at which every reading counts: the ends of the window and of its parts.
fn ends(asked: &Asked<'_>) -> Vec<f64> {
    let all = std::iter::once(&asked.window).chain(asked.parts);
    all.flat_map(|&(from, to)| [from, to]).collect()
}

fn enough(estimate: Estimate, least: u64) -> Result<Estimate, Refusal> {
    if estimate.ticks >= least {
        return Ok(estimate);
    }
    Err(Refusal::new(format!(
        "the window of {:.3} s holds {} of the instrument's own updates, and a figure needs {least}",
        estimate.seconds(),
        estimate.ticks
    ))
    .with_remedy("meter a longer window"))
}

/// Drops a calibrated tick that the readings contradict.
fn contradicted(known: &mut Known, recording: &Recording) -> Option<String> {
    let (told, seen) = (known.tick?, recording.tick()?);
    if (seen / told - 1.0).abs() <= 0.2 {
        return None;
    }
    known.tick = None;
    known.grade = None;
    Some(format!(
        "the calibrated tick of {told:.4} s was dropped: the readings tick every {seen:.4} s; run `wattgrad calibrate` again"
    ))
}

fn stamped(
    opened: &Opened,
    recording: &Recording,
    known: &Known,
    asked: &Asked<'_>,
) -> Result<PerUnit, Refusal> {
    if opened.method == Method::Assumed {
        return Err(Refusal::new("assumed joules are told of a whole run only"));
    }
    let stamps = asked.stamps;
    let (mut from, mut to) = asked.window;
    if let (Some(first), Some(last)) = (stamps.first(), stamps.last()) {
        (from, to) = (from.max(first.at), to.min(last.at));
    }
    let mut window = recording.in_load(from, to, stamps, known)?;
    let at = |time: f64| phase::done(stamps, time.clamp(from, to));
    let units = match (at(window.from), at(window.to)) {
        (Some(first), Some(last)) if last > first => last - first,
        _ => {
            return Err(Refusal::new(
                "no work was finished between two of its ticks",
            ));
        }
    };
    // A submit's work is stamped as a whole, so each edge may lie anywhere within one.
    let longest = stamps
        .windows(2)
        .map(|pair| pair[1].at - pair[0].at)
        .fold(0.0, f64::max);
    window.widen(window.joules / window.seconds() * longest / 2.0);
    Ok(PerUnit {
        source: opened.source.clone(),
        method: opened.method,
        status: opened.status(),
        units,
        window,
    })
}

/// Beyond this share two ways of seeing the same energy disagree.
const DISAGREE: f64 = 0.05;

/// A counter beside integrated power of the same thing.
fn compare(counter: &mut Energy, power: &Energy) {
    let (Some(counted), Some(integrated)) = (counter.joules, power.joules) else {
        return;
    };
    // A sensor that was not read for long enough says nothing against the counter.
    let sure = power
        .repeatability()
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

impl Energy {
    fn unavailable(opened: &Opened) -> Self {
        Self {
            source: opened.source.clone(),
            scope: opened.scope,
            covers: opened.covers,
            method: opened.method,
            status: Status::Unavailable,
            joules: None,
            joules_low: None,
            joules_high: None,
            absolute_low: None,
            absolute_high: None,
            seconds: None,
            grade: None,
            ticks: None,
            tick_seconds: None,
            idle_watts: None,
            reason: None,
            remedy: None,
            notes: Vec::new(),
            conditions: Vec::new(),
            basis: None,
            readings: Vec::new(),
        }
    }

    fn refuse(&mut self, refusal: Refusal) {
        self.reason = Some(refusal.reason);
        self.remedy = refusal.remedy;
    }

    fn fill(&mut self, opened: &Opened, estimate: &Estimate, spec: &Spec) {
        self.status = opened.status();
        self.joules = Some(estimate.joules);
        self.reason = opened.shared.clone();
        if opened.method == Method::Assumed {
            // No interval is stated: the watts are a guess, and beside it the clock's error is nothing.
            return;
        }
        self.joules_low = Some(estimate.repeatability.low);
        self.joules_high = Some(estimate.repeatability.high);
        self.absolute_low = Some(estimate.absolute.low);
        self.absolute_high = Some(estimate.absolute.high);
        self.grade = Some(opened.grade(spec));
        self.ticks = Some(estimate.ticks).filter(|&ticks| ticks > 0);
        self.idle_watts = opened.known.idle.map(|idle| idle.context);
    }
}
