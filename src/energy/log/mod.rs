//! Energy from a recorded log of power or energy: the logs of other programs as they write them.
//!
//! A log's way: its bytes become text (`text`), its lines a table with names (`table`, `formats`); the columns of time,
//! power and devices are chosen (`columns`); its rows stream past once (`stream`) into an integral with its uncertainty
//! (`integrate`). Nothing is kept but sums, so a log may be of any size.

mod cells;
mod columns;
mod decimal;
mod energy;
mod error;
mod formats;
mod integrate;
mod options;
mod rows;
mod same_time;
mod sample;
mod stream;
mod table;
mod text;
mod wraps;

use std::io::Read;
use std::path::Path;

pub use energy::LogEnergy;
pub use error::LogError;
pub use options::LogOptions;

pub use super::cell::decimal::Decimal;
pub use super::cell::time::TimeUnit;
pub use super::cell::unit::{Quantity, Unit};

use columns::Columns;
use table::Table;
use text::Text;

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
