//! Energy from a recorded log of power or energy: the logs of other programs as they write them.
//!
//! A log's way: its bytes become text (`text`), its lines a table with names (`table`, `formats`); the columns of time,
//! power and devices are chosen (`columns`); its rows stream past once (`stream`) into an integral with its uncertainty
//! (`integrate`). Nothing is kept but sums, so a log may be of any size.

mod cells;
mod columns;
mod decimal;
mod error;
mod formats;
mod integrate;
mod rows;
mod same_time;
mod sample;
mod stream;
mod table;
mod text;
mod wraps;

use std::io::Read;
use std::path::Path;

pub use error::LogError;

pub use super::cell::decimal::Decimal;
pub use super::cell::time::TimeUnit;
pub use super::cell::unit::{Quantity, Unit};

use super::cell::{time, unit};
use super::estimate::{Estimate, accuracy};
use super::figure::Interval;
use columns::Columns;
use table::Table;
use text::Text;

/// What to take from a log; everything absent is found out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LogOptions {
    /// Name or number of the column of power or energy.
    pub column: Option<String>,
    /// Its unit.
    pub unit: Option<Unit>,
    /// Whether each row holds the energy since the row before it.
    pub per_row: bool,
    /// Name or number of the column of the time.
    pub time: Option<String>,
    /// How times are written.
    pub time_unit: Option<TimeUnit>,
    /// Rows to take: those whose columns of these names have these values.
    pub rows: Vec<(String, String)>,
    /// Begin of the window: a date, or seconds. By default the first row.
    pub from: Option<String>,
    /// End of the window. By default the last row.
    pub to: Option<String>,
    /// What stands before decimals. By default as the cells show.
    pub decimal: Option<Decimal>,
    /// Seconds over which the sensor averages. By default one row.
    pub averaging: Option<f64>,
    /// Whether a row without a reading within the window is an error.
    pub strict: bool,
    /// Value at which the counter begins again at 0, in its unit.
    pub wraps_at: Option<f64>,
}

/// The energy of a log's window.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LogEnergy {
    /// What was taken for what, in one line.
    pub read_as: String,
    /// The column's name.
    pub column: String,
    /// What the column holds.
    pub quantity: Quantity,
    /// Joules of the window.
    pub joules: f64,
    /// 95 % confidence interval: what the rows leave open.
    pub ci: (f64, f64),
    /// Where the window begins, as the log writes times.
    pub from: String,
    /// Where it ends.
    pub to: String,
    /// Its length.
    pub seconds: f64,
    /// Readings in the window.
    pub samples: u64,
    /// Seconds between two readings, the median.
    pub interval_seconds: f64,
    /// What a reader of the figure must know: holes, rows without a reading, clocks.
    pub notes: Vec<String>,
}

/// The energy of a window of the log in `path`, `-` for stdin.
///
/// # Errors
/// [`LogError`] with the reason, the place in the file, and the way out.
pub fn read(path: &Path, options: &LogOptions) -> Result<LogEnergy, LogError> {
    energy(
        Text::open(path).map_err(|error| LogError::Unreadable(error.to_string()))?,
        options,
    )
}

/// The same of bytes.
///
/// # Errors
/// As [`read`].
pub fn read_bytes(bytes: impl Read + 'static, options: &LogOptions) -> Result<LogEnergy, LogError> {
    let text =
        Text::of(Box::new(bytes)).map_err(|error| LogError::Unreadable(error.to_string()))?;
    energy(text, options)
}

impl LogEnergy {
    /// As the estimate of a window, with the accuracy of a sensor that nobody calibrated.
    pub(crate) fn estimate(&self) -> Estimate {
        let ci = Interval {
            low: self.ci.0,
            high: self.ci.1,
        };
        Estimate {
            joules: self.joules,
            accuracy: accuracy(ci, self.seconds),
            ci,
            from: 0.0,
            to: self.seconds,
            updates: self.samples,
        }
    }
}

fn energy(text: Text, options: &LogOptions) -> Result<LogEnergy, LogError> {
    if let Some(seconds) = options.averaging
        && !(seconds.is_finite() && seconds > 0.0)
    {
        return Err(LogError::Averaging(seconds));
    }
    let noticed = text.noticed.clone();
    let mut table = Table::open(text)?;
    if let Some(why) = table.format.refused {
        return Err(LogError::NoRecording(why));
    }
    let sample = sample::sample(&mut table)?;
    let columns = Columns::choose(&table, &sample, options)?;
    stream::energy(table, sample, &columns, options, &noticed)
}
