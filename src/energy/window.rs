//! A stretch of time, read through every source of a meter from before its start until after its end.

use std::sync::{Arc, Mutex, PoisonError};

use super::clock::Moment;
use super::collector::Collector;
#[cfg(feature = "gpu")]
use super::estimate::Edge;
use super::estimate::Stamp;
use super::figure::{Reading, SourceResult, Status};
use super::open_sensor::OpenSensor;
use super::recording::Recording;
use super::sensor::{Conditions, Unavailable};
use super::settle::{Asked, EnergyPerUnit, One, WindowResult};

/// An open window. It is read from before its start (the pre-roll) until after its end (the post-roll); the rolls are
/// readings only, the window is from [`super::Meter::start`]'s return to [`Window::stop`]'s call.
#[must_use = "a window gives its joules when it is stopped"]
pub struct Window {
    rows: Arc<[OpenSensor]>,
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

/// Before a window so many changes are awaited, for at most so many seconds beyond [`SensorModel::reach`].
const PRE_ROLL_CHANGES: usize = 4;
const PRE_ROLL_SECONDS: f64 = 0.6;
/// After it, at most so many seconds beyond what the instrument needs to settle.
const POST_ROLL_SECONDS: f64 = 1.0;

impl Window {
    pub(crate) fn open(rows: Arc<[OpenSensor]>) -> Self {
        let reading: Vec<Vec<Option<Collector>>> = rows
            .iter()
            .map(|row| row.each().map(collector).collect())
            .collect();
        // What stands in for a main instrument only where that lies is not waited for.
        let mains = || {
            rows.iter()
                .zip(&reading)
                .map(|(row, all)| (row, all.first()))
        };
        let reach = mains().map(|(opened, _)| opened.model.reach());
        // One deadline for all: many slow instruments do not add up.
        let end = Moment::now().monotonic + PRE_ROLL_SECONDS + reach.fold(0.0, f64::max);
        for (opened, collector) in mains() {
            if let Some(collector) = collector.and_then(Option::as_ref) {
                collector.wait(end - Moment::now().monotonic, |readings, tick| {
                    let changes = changes(readings);
                    span(readings) >= opened.model.reach()
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
    pub(crate) fn newest(&self, count: usize) -> Vec<(usize, Vec<Reading>, Option<Unavailable>)> {
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
    pub(crate) fn rows(&self) -> &[OpenSensor] {
        &self.rows
    }

    /// Lets go of what was read before `before`: for displays that are never stopped.
    pub(crate) fn forget(&self, before: f64) {
        for collector in self.reading.iter().flatten().flatten() {
            collector.forget(before);
        }
    }

    /// The shortest tick of the sources, calibrated or seen in the pre-roll: how finely work has to be stamped.
    pub fn update_interval(&self) -> Option<f64> {
        let rows = self.rows.iter().zip(&self.reading);
        rows.flat_map(|(row, collectors)| row.each().zip(collectors))
            .filter_map(|(opened, collector)| {
                let seen = || collector.as_ref().and_then(Collector::tick);
                opened.model.update_interval.or_else(seen)
            })
            .min_by(f64::total_cmp)
    }

    /// What was said of the work so far.
    fn stamps(&self) -> Vec<Stamp> {
        let stamps = self.stamps.lock();
        stamps.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The sources whose joules would be this run's own, with what is known of each and what reads it; of a row only the
    /// first that moves.
    pub(crate) fn charged(&self) -> impl Iterator<Item = (&OpenSensor, &Collector)> {
        let rows = self.rows.iter().zip(&self.reading).zip(&self.before);
        rows.filter(|(_, before)| before.shared.is_none())
            .filter_map(|((row, collectors), _)| {
                row.each().zip(collectors).find_map(|(opened, collector)| {
                    let collector = collector.as_ref()?;
                    let usable = opened.status() == Status::Measured && collector.lost().is_none();
                    let moves = |readings: &[Reading], _: Option<f64>| changes(readings) > 0;
                    (usable && collector.look_at(moves)).then_some((opened, collector))
                })
            })
    }

    /// Whether the ticks of every such source have come round the steps that were stamped so far.
    pub(crate) fn covered(&self) -> bool {
        let stamps = self.stamps();
        let (Some(first), Some(last)) = (stamps.first(), stamps.last()) else {
            return true;
        };
        self.charged().all(|(opened, collector)| {
            let Ok(instrument) = &opened.sensor else {
                return true;
            };
            let recording = Recording::new(instrument.spec(), collector.newest(usize::MAX));
            recording.covers(first.at, last.at, &stamps, &opened.model)
        })
    }

    /// Joules of the first source that measures, from the start of the window to its newest reading; `None` where there
    /// are none yet.
    #[cfg(feature = "gpu")]
    pub(crate) fn joules_so_far(&self) -> Option<f64> {
        let (opened, collector) = self.charged().next()?;
        let instrument = opened.sensor.as_ref().ok()?;
        let readings = collector.newest(usize::MAX);
        let window = (self.from.monotonic, readings.last()?.at.monotonic);
        let recording = Recording::new(instrument.spec(), readings);
        let estimate = recording.between(window.0, window.1, Edge::Interior, &opened.model);
        estimate.ok().map(|estimate| estimate.joules)
    }

    /// Ends the window: joules of the whole of it, a row a source.
    pub fn stop(self) -> Vec<SourceResult> {
        self.finish(&[]).sources
    }

    /// Ends the window: joules of the whole of it, and of one unit of the work that was stamped in it, from a tick to
    /// another inside the work.
    pub fn stop_per_unit(self) -> (Vec<SourceResult>, Vec<EnergyPerUnit>) {
        let settled = self.finish(&[]);
        (settled.sources, settled.units)
    }

    /// Ends the window: all that it comes to, and the joules of `parts` of it, each from one time to another in seconds
    /// on the clock of [`Window::from`].
    pub fn finish(self, parts: &[(f64, f64)]) -> WindowResult {
        let to = Moment::now();
        look(&self.rows, &self.reading);
        let stamps = self.stamps();
        let Self {
            rows,
            reading,
            before,
            from,
            ..
        } = self;
        for (row, collectors) in rows.iter().zip(&reading) {
            let mut moved = false;
            for (opened, collector) in row.each().zip(collectors) {
                // A main instrument that goes on moving needs no other to stand in for it.
                if let Some(collector) = collector.as_ref().filter(|_| !moved) {
                    moved = post_roll(collector, opened, to.monotonic);
                }
            }
        }
        let asked = Asked {
            window: (from.monotonic, to.monotonic),
            stamps: &stamps,
            parts,
        };
        let mut settled = WindowResult {
            parts: vec![Vec::new(); parts.len()],
            ..WindowResult::default()
        };
        for ((row, collectors), before) in rows.iter().zip(reading).zip(before) {
            let first = collectors.first().and_then(Option::as_ref);
            let after = first.and_then(Collector::conditions);
            let conditions: Vec<Conditions> = before.conditions.into_iter().chain(after).collect();
            let shared = before
                .shared
                .or_else(|| first.and_then(Collector::shared_with));
            let mut each = row.each().zip(collectors).map(|(opened, collector)| {
                let collected = collector.map(|collector| {
                    let mut collected = collector.stop();
                    let unseen = unseen(opened, &collected.readings, to.monotonic);
                    collected.lost = collected.lost.or(unseen);
                    collected
                });
                One::new(opened, collected, &asked, &shared)
            });
            if let Some(main) = each.next() {
                settled.add(row, conditions, main, each.next());
            }
        }
        settled.stamps = stamps;
        explain_silence(&rows, &mut settled.sources);
        settled
    }
}

/// Why the end of a window was not seen, by an instrument that gives no more: its last power is not that of the rest.
fn unseen(opened: &OpenSensor, readings: &[Reading], to: f64) -> Option<Unavailable> {
    let last = readings.last()?.at.monotonic;
    let pace = span(readings) / (readings.len() - 1).max(1) as f64;
    // What ends with the work that is metered may owe its last reading.
    let seen = last >= to - 2.0 * pace;
    let instrument = opened.sensor.as_ref().ok().filter(|_| !seen)?;
    instrument.silent()
}

/// Too few readings have a reason of their own where the instrument gives no more.
fn explain_silence(rows: &[OpenSensor], told: &mut [SourceResult]) {
    for energy in told.iter_mut().filter(|energy| energy.joules.is_none()) {
        let mut opened = rows.iter();
        let opened = opened.find(|opened| opened.source == energy.source);
        let instrument = opened.and_then(|opened| opened.sensor.as_ref().ok());
        if let Some(refusal) = instrument.and_then(|instrument| instrument.silent()) {
            energy.reason = Some(refusal.reason);
            energy.fix = refusal.fix;
        }
    }
}

/// What moves with every read is read at the very ends of the window.
fn look(rows: &[OpenSensor], reading: &[Vec<Option<Collector>>]) {
    for (row, collectors) in rows.iter().zip(reading) {
        for (opened, collector) in row.each().zip(collectors) {
            if let (true, Some(collector)) = (opened.is_continuous(), collector) {
                collector.look();
            }
        }
    }
}

fn collector(opened: &OpenSensor) -> Option<Collector> {
    let instrument = opened.sensor.as_ref().ok()?;
    Some(Collector::start(
        Arc::clone(instrument),
        opened.model.update_interval,
    ))
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
fn post_roll(collector: &Collector, opened: &OpenSensor, to: f64) -> bool {
    let known = &opened.model;
    let settled = to + known.roll();
    let shown = |readings: &[Reading]| {
        let after = readings.partition_point(|reading| reading.at.monotonic < settled);
        let after = &readings[after..];
        span(after) >= known.reach() && changes(after) > PRE_ROLL_CHANGES
    };
    let longest = settled - Moment::now().monotonic + POST_ROLL_SECONDS + known.reach();
    collector.wait(longest, |readings, _| shown(readings));
    shown(&collector.newest(usize::MAX))
}
