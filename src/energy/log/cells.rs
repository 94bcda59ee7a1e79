//! What the cells of a row say: its time, its number, whether it counts.

use csv::ByteRecord;

use super::columns::Columns;
use super::error::LogError;
use super::sample::Sampled;
use crate::energy::cell::time::{SECOND, TimeUnit};

/// Unix times of logs are later: 2001-09-09.
const EARLIEST_DATE: i64 = 1_000_000_000 * SECOND;

pub fn cell_time(row: &ByteRecord, columns: &Columns, joined: &mut Vec<u8>) -> Option<i64> {
    match columns.time.as_slice() {
        [at] => columns.time_unit.read(row.get(*at)?),
        several => {
            joined.clear();
            for at in several {
                joined.extend_from_slice(row.get(*at)?);
                joined.push(b' ');
            }
            columns.time_unit.read(joined)
        }
    }
}

pub fn first_time(sample: &Sampled, columns: &Columns) -> Option<i64> {
    let mut joined = Vec::new();
    sample
        .rows
        .iter()
        .find_map(|(_, row)| cell_time(row, columns, &mut joined))
}

/// An end of the window: a date, or seconds as the log counts them; of a log with dates, seconds since its first row.
pub fn window_end(text: &str, unit: TimeUnit, first: Option<i64>) -> Result<i64, LogError> {
    let unreadable = || LogError::WindowUnreadable(text.to_owned());
    let cell = text.trim().as_bytes();
    if let Some(seconds) = TimeUnit::Seconds.read(cell) {
        let of_day = matches!(unit, TimeUnit::Iso | TimeUnit::TimeOfDay);
        return Ok(if of_day {
            first.unwrap_or(0).saturating_add(seconds)
        } else {
            seconds
        });
    }
    let dated = [TimeUnit::Iso, TimeUnit::TimeOfDay]
        .iter()
        .find_map(|unit| unit.read(cell));
    // A date means nothing in seconds since some start.
    let dates = matches!(unit, TimeUnit::Iso | TimeUnit::TimeOfDay)
        || first.is_some_and(|first| first > EARLIEST_DATE);
    dated.filter(|_| dates).ok_or_else(unreadable)
}
