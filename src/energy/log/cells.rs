//! What the cells of a row say: its time, its number, whether it counts.

use csv::ByteRecord;

use super::columns::Columns;
use super::sample::Sampled;
use super::unit::Unit;

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

/// The number in a cell, whose unit may follow.
pub fn number(cell: &[u8], commas: bool) -> Option<f64> {
    let text = std::str::from_utf8(cell).ok()?;
    if let Ok(value) = text.parse::<f64>() {
        return Some(value);
    }
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | ',' | '-' | '+' | 'e' | 'E')))
        .unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    let rest = rest.trim();
    if !rest.is_empty() && Unit::parse(rest).is_none() {
        return None;
    }
    match commas {
        true => digits.replacen(',', ".", 1).parse().ok(),
        false => digits.parse().ok(),
    }
}

/// Whether a row is of the device that was asked for.
pub fn taken(row: &ByteRecord, columns: &Columns) -> bool {
    let rows = &columns.rows;
    rows.iter()
        .all(|(at, value)| row.get(*at).is_some_and(|cell| cell == &value[..]))
}
