//! A stretch of time, read through every source of a meter from before its start until after its end.

use std::sync::{Arc, Mutex, PoisonError};

use super::clock::Moment;
use super::collect::{Collected, Collector};
use super::estimate::{Edges, Estimate, Stamp};
use super::figure::{Energy, Method, Reading, Status};
use super::instrument::{Conditions, Refusal, Spec};
use super::known::Known;
use super::meter::{Opened, Row};
use super::recording::Recording;
use super::{essential, phase};

/// An open window. It is read from before its start (the pre-roll) until after its end (the post-roll); the rolls are
/// readings only, the window is from [`super::Meter::start`]'s return to [`Window::stop`]'s call.
#[must_use = "a window gives its joules when it is stopped"]
pub struct Window {
    rows: Arc<[Row]>,
    reading: Vec<Vec<Option<Collector>>>,
    before: Vec<Before>,
    from: Moment,
    stamps: Mutex<Vec<Stamp>>,
}

/// How a row's first instrument found its device before the window.
#[derive(Default)]
struct Before {
    conditions: Option<Conditions>,
    shared: Option<String>,
}

/// Before a window so many changes are awaited, for at most so many seconds beyond [`Known::reach`].
const PRE_ROLL_CHANGES: usize = 4;
const PRE_ROLL_SECONDS: f64 = 0.6;
/// After it, at most so many seconds beyond what the instrument needs to settle.
const POST_ROLL_SECONDS: f64 = 1.0;

impl Window {
    pub(crate) fn open(rows: Arc<[Row]>) -> Self {
        let reading: Vec<Vec<Option<Collector>>> = rows
            .iter()
            .map(|row| row.each().map(collector).collect())
            .collect();
        // What stands in for a main instrument only where that lies is not waited for.
        let mains = || {
            rows.iter()
                .zip(&reading)
                .map(|(row, all)| (&row.main, all.first()))
        };
        let reach = mains().map(|(opened, _)| opened.known.reach());
        // One deadline for all: many slow instruments do not add up.
        let end = Moment::now().monotonic + PRE_ROLL_SECONDS + reach.fold(0.0, f64::max);
        for (opened, collector) in mains() {
            if let Some(collector) = collector.and_then(Option::as_ref) {
                collector.wait(end - Moment::now().monotonic, |readings, tick| {
                    let changes = changes(readings);
                    span(readings) >= opened.known.reach()
                        && changes > PRE_ROLL_CHANGES
                        && (tick.is_some() || changes > 20)
                });
            }
        }
        let before = rows
            .iter()
            .zip(&reading)
            .map(|(_, collectors)| {
                let first = collectors.first().and_then(Option::as_ref);
                first.map_or_else(Before::default, |first| Before {
                    conditions: first.conditions(),
                    shared: first.shared_with(),
                })
            })
            .collect();
        look(&rows, &reading);
        Self {
            rows,
            reading,
            before,
            from: Moment::now(),
            stamps: Mutex::new(Vec::new()),
        }
    }

    /// When the window began.
    pub fn from(&self) -> Moment {
        self.from
    }

    /// Says that `done` units of work (steps, iterations) since the start of the window are finished now.
    pub fn stamp(&self, done: f64) {
        let at = Moment::now().monotonic;
        self.stamps
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Stamp { at, done });
    }

    /// The newest readings of each row's first instrument, at most `count`: what a live display shows.
    pub(crate) fn newest(&self, count: usize) -> Vec<(usize, Vec<Reading>, Option<Refusal>)> {
        self.reading
            .iter()
            .enumerate()
            .filter_map(|(row, collectors)| {
                let collector = collectors.first()?.as_ref()?;
                Some((row, collector.newest(count), collector.lost()))
            })
            .collect()
    }

    /// What is read.
    pub(crate) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// Lets go of what was read before `before`: for displays that are never stopped.
    pub(crate) fn forget(&self, before: f64) {
        for collector in self.reading.iter().flatten().flatten() {
            collector.forget(before);
        }
    }

    /// The shortest tick of the sources, calibrated or seen in the pre-roll: how finely work has to be stamped.
    pub fn tick(&self) -> Option<f64> {
        let rows = self.rows.iter().zip(&self.reading);
        rows.flat_map(|(row, collectors)| row.each().zip(collectors))
            .filter_map(|(opened, collector)| {
                let seen = || collector.as_ref().and_then(Collector::tick);
                opened.known.tick.or_else(seen)
            })
            .min_by(f64::total_cmp)
    }

    /// Ends the window: joules of the whole of it, a row a source.
    pub fn stop(self) -> Vec<Energy> {
        self.finish().0
    }

    /// Ends the window: joules of the whole of it, and of one unit of the work that was stamped in it, from a tick to
    /// another inside the work.
    pub fn stop_stamped(self) -> (Vec<Energy>, Vec<PerUnit>) {
        self.finish()
    }

    fn finish(self) -> (Vec<Energy>, Vec<PerUnit>) {
        let to = Moment::now();
        look(&self.rows, &self.reading);
        let Self {
            rows,
            reading,
            before,
            from,
            stamps,
        } = self;
        let stamps = stamps.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut energies = Vec::new();
        let mut units = Vec::new();
        for (row, collectors) in rows.iter().zip(&reading) {
            let mut moved = false;
            for (opened, collector) in row.each().zip(collectors) {
                // A main instrument that goes on moving needs no other to stand in for it.
                if let Some(collector) = collector.as_ref().filter(|_| !moved) {
                    moved = post_roll(collector, opened, to.monotonic);
                }
            }
        }
        for ((row, collectors), before) in rows.iter().zip(reading).zip(before) {
            let first = collectors.first().and_then(Option::as_ref);
            let after = first.and_then(Collector::conditions);
            let conditions: Vec<Conditions> = before.conditions.into_iter().chain(after).collect();
            let shared = before
                .shared
                .or_else(|| first.and_then(Collector::shared_with));
            let mut settled: Vec<Settled> = row
                .each()
                .zip(collectors)
                .map(|(opened, collector)| {
                    settle(opened, collector.map(Collector::stop), (from, to), &stamps)
                })
                .collect();
            let mut companions = settled.split_off(1).into_iter();
            let Some(mut main) = settled.pop() else {
                continue;
            };
            main.energy.conditions = conditions;
            let mut companion = companions.next();
            if let Some(shared) = shared {
                main.share(&shared);
                companion
                    .iter_mut()
                    .for_each(|companion| companion.share(&shared));
            }
            if let Some(companion) = &companion {
                compare(&mut main.energy, &companion.energy);
            }
            let lies = main.energy.joules.is_none() && row.main.instrument.is_ok();
            energies.push(main.energy);
            units.extend(main.unit);
            if let Some(companion) =
                companion.filter(|companion| lies && companion.energy.joules.is_some())
            {
                energies.push(companion.energy);
                units.extend(companion.unit);
            }
        }
        (energies, units)
    }
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

/// What moves with every read is read at the very ends of the window.
fn look(rows: &[Row], reading: &[Vec<Option<Collector>>]) {
    for (row, collectors) in rows.iter().zip(reading) {
        for (opened, collector) in row.each().zip(collectors) {
            if let (true, Some(collector)) = (opened.ever_moving(), collector) {
                collector.look();
            }
        }
    }
}

fn collector(opened: &Opened) -> Option<Collector> {
    let instrument = opened.instrument.as_ref().ok()?;
    Some(Collector::start(Arc::clone(instrument), opened.known.tick))
}

fn changes(readings: &[Reading]) -> usize {
    readings
        .windows(2)
        .filter(|pair| pair[0].value != pair[1].value)
        .count()
}

/// Seconds from the first reading to the last.
fn span(readings: &[Reading]) -> f64 {
    match (readings.first(), readings.last()) {
        (Some(first), Some(last)) => last.at.monotonic - first.at.monotonic,
        _ => 0.0,
    }
}

/// Reads on until the end of the window must have been shown, and the power after it with a few ticks; whether it was.
fn post_roll(collector: &Collector, opened: &Opened, to: f64) -> bool {
    let known = &opened.known;
    let settled = to + known.delay + known.delay_error + known.settle;
    let shown = |readings: &[Reading]| {
        let after = readings.partition_point(|reading| reading.at.monotonic < settled);
        let after = &readings[after..];
        span(after) >= known.reach() && changes(after) > PRE_ROLL_CHANGES
    };
    let longest = settled - Moment::now().monotonic + POST_ROLL_SECONDS + known.reach();
    collector.wait(longest, |readings, _| shown(readings));
    shown(&collector.newest(usize::MAX))
}

struct Settled {
    energy: Energy,
    unit: Option<PerUnit>,
}

impl Settled {
    /// Others used the device too: the figure stays, but is not charged to this run.
    fn share(&mut self, why: &str) {
        if self.energy.status == Status::Measured {
            self.energy.status = Status::Shared;
            self.energy.reason = Some(why.to_owned());
        }
        if let Some(unit) = &mut self.unit {
            unit.status = self.energy.status;
        }
    }
}

const CALIBRATE: &str = "not calibrated: `wattgrad calibrate` would narrow the absolute interval's footing and may raise the grade";

fn settle(
    opened: &Opened,
    collected: Option<Collected>,
    (from, to): (Moment, Moment),
    stamps: &[Stamp],
) -> Settled {
    let mut energy = Energy::unavailable(opened);
    energy.notes.extend(opened.note.clone());
    let instrument = match &opened.instrument {
        Ok(instrument) => instrument,
        Err(refusal) => {
            energy.refuse(refusal.clone());
            return Settled { energy, unit: None };
        }
    };
    let spec = instrument.spec();
    energy.seconds = Some(to.monotonic - from.monotonic);
    let Collected { readings, lost } = collected.unwrap_or(Collected {
        readings: Vec::new(),
        lost: None,
    });
    energy.readings = essential::readings(spec, readings, (from.monotonic, to.monotonic));
    if let Some(refusal) = lost {
        energy.refuse(Refusal {
            reason: format!("lost within the window: {}", refusal.reason),
            ..refusal
        });
        return Settled { energy, unit: None };
    }
    let recording = Recording::new(spec, std::mem::take(&mut energy.readings));
    let mut known = opened.known.clone();
    if let Some(note) = contradicted(&mut known, &recording) {
        energy.notes.push(note);
    }
    let edges = if opened.ever_moving() {
        Edges::Cut
    } else {
        Edges::Load
    };
    let outcome = recording.between(from.monotonic, to.monotonic, edges, &known);
    let unit = stamped(opened, &recording, &known, (from, to), stamps);
    energy.tick_seconds = known.tick.or(recording.tick());
    energy.readings = recording.readings().to_vec();
    let least = instrument.least_updates();
    match outcome {
        Ok(estimate) if estimate.ticks < least => energy.refuse(
            Refusal::new(format!(
                "the window of {:.3} s holds {} of the instrument's own updates, and a figure needs {least}",
                estimate.seconds(),
                estimate.ticks
            ))
            .with_remedy("meter a longer window"),
        ),
        Ok(estimate) => energy.fill(opened, &estimate, &spec),
        Err(refusal) => energy.refuse(refusal),
    }
    if energy.status == Status::Measured && known.grade.is_none() {
        energy.notes.push(CALIBRATE.to_owned());
    }
    Settled { energy, unit }
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
    (from, to): (Moment, Moment),
    stamps: &[Stamp],
) -> Option<PerUnit> {
    if opened.method == Method::Assumed {
        return None;
    }
    let (first, last) = (stamps.first()?, stamps.last()?);
    let (from, to) = (from.monotonic.max(first.at), to.monotonic.min(last.at));
    let mut window = recording.in_load(from, to, stamps, known).ok()?;
    let at = |time: f64| phase::done(stamps, time.clamp(from, to));
    let units = at(window.to)? - at(window.from)?;
    if units <= 0.0 {
        return None;
    }
    // A submit's work is stamped as a whole, so each edge may lie anywhere within one.
    let longest = stamps
        .windows(2)
        .map(|pair| pair[1].at - pair[0].at)
        .fold(0.0, f64::max);
    window.widen(window.joules / window.seconds() * longest / 2.0);
    Some(PerUnit {
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
        counter.grade = counter.grade.map(|_| super::Grade::C);
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
            reason: None,
            remedy: None,
            notes: Vec::new(),
            conditions: Vec::new(),
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
    }
}
