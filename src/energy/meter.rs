//! The meter: every source opened once, windows started at will.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::counter;
use super::figure::{Covers, Energy, Method, Scope, Status};
use super::options::{MeterError, MeterOptions, Selection};
use super::source::{self, Refusal, Row};
use super::target::Target;
use super::window::Window;

/// Meters stretches of time through every source of this machine.
///
/// ```
/// use wattgrad::energy::{Meter, MeterOptions};
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
/// # Ok::<(), wattgrad::energy::MeterError>(())
/// ```
pub struct Meter {
    rows: Arc<[Row]>,
}

/// What is known of one source before anything was metered: whether it can be used, why not, and what would open it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SourceReport {
    /// The instrument, as in [`Energy::source`].
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
    /// The longest time between two changes seen, in seconds; absent where none were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tick_seconds: Option<f64>,
    /// Why it is not available, or what is odd about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The one command or setting that opens it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Meter {
    /// Opens the chosen sources for the adapter `target`, or, without one, for everything the machine has (every card
    /// and every package is then a row of its own).
    ///
    /// Where a counter can be read it is watched for its ticks, half a second at most.
    ///
    /// # Errors
    /// [`MeterError::UnknownMeter`] for a name no source has, [`MeterError::BadWatts`] for watts that are not finite
    /// and positive. A source that cannot be read is no error; its row says why.
    pub fn open(options: &MeterOptions, target: Option<&Target>) -> Result<Self, MeterError> {
        options.check()?;
        let mut rows = rows(options, target);
        source::watch_ticks(&mut rows);
        Ok(Self { rows: rows.into() })
    }

    /// Takes the first readings of a window.
    pub fn start(&self) -> Window {
        Window::open(Arc::clone(&self.rows))
    }

    /// Meters one closure: its result, and a row per source.
    pub fn measure<R>(&self, work: impl FnOnce() -> R) -> (R, Vec<Energy>) {
        let window = self.start();
        let result = work();
        (result, window.stop())
    }

    /// One report per row, in the order of the rows of a window.
    pub fn sources(&self) -> Vec<SourceReport> {
        self.rows.iter().map(report).collect()
    }
}

/// Every known source as it stands on this machine, without any option: what `wattgrad doctor` prints.
pub fn survey(target: Option<&Target>) -> Vec<SourceReport> {
    let mut rows = rows(&MeterOptions::default(), target);
    source::watch_ticks(&mut rows);
    rows.iter().map(report).collect()
}

fn rows(options: &MeterOptions, target: Option<&Target>) -> Vec<Row> {
    let mut rows = Vec::new();
    if options.selection == Selection::None {
        return rows;
    }
    for source in source::ALL {
        if options.selection.wants(source.name()) {
            let mut found = source.rows(options, target);
            if let Some(part) = options.selection.part() {
                found = only(part, found);
            }
            rows.extend(found);
        } else if options.assume_watts_per_core.is_some() && source.name() == super::cpu_time::NAME
        {
            // Giving the watts asks for the assumed source, whichever other one was named.
            rows.extend(source.rows(options, target));
        }
    }
    rows
}

/// The one row that was asked for by its full name. A source that cannot be opened keeps its one row and its reason.
fn only(part: &str, mut found: Vec<Row>) -> Vec<Row> {
    let names: Vec<String> = found.iter().map(|row| row.source.clone()).collect();
    if names.iter().any(|name| name == part) {
        found.retain(|row| row.source == part);
    } else if names.iter().any(|name| name.contains(':')) {
        found.truncate(1);
        for row in &mut found {
            row.source = part.to_owned();
            row.covers = None;
            row.shared = None;
            row.instrument = Err(Refusal::new(format!(
                "there is no {part} here: there is {}",
                names.join(", ")
            )));
        }
    }
    found
}

fn report(row: &Row) -> SourceReport {
    let (status, reason, remedy) = match (&row.instrument, &row.shared) {
        (Err(refusal), _) => (
            Status::Unavailable,
            Some(refusal.reason.clone()),
            refusal.remedy.clone(),
        ),
        (Ok(_), Some(shared)) => (Status::Shared, Some(shared.clone()), None),
        (Ok(_), None) if row.method == Method::Assumed => (Status::Assumed, None, None),
        (Ok(_), None) => (
            Status::Measured,
            row.seen.still_seconds.map(counter::still),
            None,
        ),
    };
    SourceReport {
        source: row.source.clone(),
        scope: row.scope,
        covers: row.covers,
        method: row.method,
        status,
        tick_seconds: row.seen.tick_seconds,
        reason,
        remedy,
    }
}
