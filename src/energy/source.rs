//! The one interface behind which every source stands.

use std::time::{Duration, Instant};

use super::clock::{self, Moment};
use super::figure::{Covers, Method, Reading, Scope, Unit};
use super::options::MeterOptions;
use super::target::Target;

/// Every source there is, in the order their rows are shown.
pub(crate) static ALL: &[&dyn Source] = &[
    &super::nvml::Nvml,
    &super::rapl::Rapl,
    &super::cpu_time::CpuTime,
];

/// A kind of instrument. It always answers with one row at least: an instrument, or the reason there is none.
pub(crate) trait Source: Sync {
    /// The name by which it is chosen, and with which the names of its rows begin.
    fn name(&self) -> &'static str;

    /// Its rows for the chosen adapter, or, without one, for the whole machine.
    fn rows(&self, options: &MeterOptions, target: Option<&Target>) -> Vec<Row>;
}

/// One instrument, opened.
pub(crate) trait Instrument: Send + Sync {
    /// The raw value now, and its unit.
    fn read(&self) -> Result<(u64, Unit), Refusal>;

    /// Joules of a window from its readings, in the order of time; `tick_seconds` is the tick that was seen.
    fn settle(&self, readings: &[Reading], tick_seconds: Option<f64>) -> Result<Joules, Refusal>;

    /// How often it has to be read within a window; `None` where first and last reading are enough.
    fn cadence(&self) -> Option<Duration> {
        None
    }

    /// Whether it moves in ticks, which are worth watching for.
    fn ticks(&self) -> bool {
        true
    }
}

/// What a window came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Joules {
    pub joules: f64,
    pub uncertainty: Option<f64>,
}

/// Why a source gives no figure, and what would change that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub reason: String,
    pub remedy: Option<String>,
}

impl Refusal {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            remedy: None,
        }
    }

    pub(crate) fn with_remedy(self, remedy: impl Into<String>) -> Self {
        Self {
            remedy: Some(remedy.into()),
            ..self
        }
    }
}

/// One row of a meter: what it covers, and the instrument or the refusal.
pub(crate) struct Row {
    pub source: String,
    pub scope: Scope,
    pub method: Method,
    pub covers: Option<Covers>,
    /// Why the figure is not this run's own, where the instrument counts others' work too.
    pub shared: Option<String>,
    pub instrument: Result<Box<dyn Instrument>, Refusal>,
    /// What was seen of its ticks when the meter was opened.
    pub seen: Seen,
}

/// What watching a counter for a moment showed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Seen {
    /// The longest time between two changes.
    pub tick_seconds: Option<f64>,
    /// For how long it was watched without a change.
    pub still_seconds: Option<f64>,
}

impl Row {
    /// A counter's row.
    pub(crate) fn counter(
        source: impl Into<String>,
        scope: Scope,
        covers: Option<Covers>,
        instrument: Result<Box<dyn Instrument>, Refusal>,
    ) -> Self {
        Self {
            source: source.into(),
            scope,
            method: Method::Counter,
            covers,
            shared: None,
            instrument,
            seen: Seen::default(),
        }
    }

    /// One raw reading, with the clocks and the time the read took.
    pub(crate) fn read(&self) -> Result<Reading, Refusal> {
        let instrument = self.instrument.as_ref().map_err(Refusal::clone)?;
        let began = clock::begin();
        let (value, unit) = instrument.read()?;
        let (at, read_seconds) = Moment::middle_since(began);
        Ok(Reading {
            value,
            unit,
            at,
            read_seconds,
        })
    }
}

/// How long opening a meter may watch its counters.
const WATCH: Duration = Duration::from_millis(500);
/// So many changes are enough: two whole ticks lie between them.
const CHANGES: u32 = 3;
/// Between two looks the thread sleeps: a spinning poll draws power that RAPL would count.
const PAUSE: Duration = Duration::from_millis(1);

/// Watches all opened counters together until each has shown two ticks, half a second at most.
pub(crate) fn watch_ticks(rows: &mut [Row]) {
    struct Watched {
        row: usize,
        value: u64,
        changed: Option<Instant>,
        changes: u32,
        longest: Duration,
    }
    let began = Instant::now();
    let mut open: Vec<Watched> = rows
        .iter()
        .enumerate()
        .filter(|(_, row)| {
            row.instrument
                .as_ref()
                .is_ok_and(|instrument| instrument.ticks())
        })
        .filter_map(|(index, row)| {
            let value = row.read().ok()?.value;
            Some(Watched {
                row: index,
                value,
                changed: None,
                changes: 0,
                longest: Duration::ZERO,
            })
        })
        .collect();
    while began.elapsed() < WATCH && open.iter().any(|watched| watched.changes < CHANGES) {
        std::thread::sleep(PAUSE);
        for watched in open.iter_mut().filter(|watched| watched.changes < CHANGES) {
            let Ok(reading) = rows[watched.row].read() else {
                continue;
            };
            if reading.value == watched.value {
                continue;
            }
            let now = Instant::now();
            if let Some(before) = watched.changed {
                watched.longest = watched.longest.max(now - before);
            }
            watched.value = reading.value;
            watched.changed = Some(now);
            watched.changes += 1;
        }
    }
    for watched in open {
        let seen = &mut rows[watched.row].seen;
        if watched.changes >= CHANGES {
            seen.tick_seconds = Some(watched.longest.as_secs_f64());
        } else if watched.changes == 0 {
            seen.still_seconds = Some(began.elapsed().as_secs_f64());
        }
    }
}
