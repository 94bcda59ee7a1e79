//! The cells of a table of power or energy: numbers, times and units. The recorded log and the external meter read them alike.
#![cfg_attr(
    not(feature = "cli"),
    allow(
        dead_code,
        reason = "the log reader needs more than the external meter"
    )
)]

pub mod interleaved;
pub mod time;
pub mod unit;

use unit::Unit;

/// Names by which devices are told apart in tables of unknown programs.
pub const DEVICES: [&str; 14] = [
    "gpu",
    "gpu_id",
    "gpu_index",
    "index",
    "device",
    "device_id",
    "card",
    "uuid",
    "gpu_uuid",
    "pci.bus_id",
    "socket",
    "package",
    "host",
    "node",
];

/// The number in a cell and the unit that may follow it. `commas`: whether a comma may stand for the point.
pub fn number(cell: &[u8], commas: bool) -> Option<(f64, Option<Unit>)> {
    let text = std::str::from_utf8(cell).ok()?;
    if let Ok(value) = text.parse::<f64>() {
        return Some((value, None));
    }
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | ',' | '-' | '+' | 'e' | 'E')))
        .unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    let unit = match rest.trim() {
        "" => None,
        word => Some(Unit::parse(word)?),
    };
    let value = match commas {
        true => digits.replacen(',', ".", 1).parse().ok(),
        false => digits.parse().ok(),
    };
    value.map(|value| (value, unit))
}
