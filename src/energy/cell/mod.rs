//! The cells of a table of power or energy: numbers, times and units. The recorded log and the external meter read them alike.
#![cfg_attr(
    not(feature = "cli"),
    allow(
        dead_code,
        reason = "the log reader needs more than the external meter"
    )
)]

pub mod decimal;
pub mod interleaved;
pub mod json;
pub mod time;
pub mod unit;

use decimal::Decimal;
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

/// The number in a cell and the unit that may follow it.
pub fn number(cell: &[u8], decimal: Decimal) -> Option<(f64, Option<Unit>)> {
    let text = std::str::from_utf8(cell).ok()?;
    if decimal == Decimal::Point
        && let Ok(value) = text.parse::<f64>()
    {
        return Some((value, None));
    }
    let (digits, unit) = digits(text)?;
    Some((decimal.read(digits)?, unit))
}

/// The digits in a cell and the unit that may follow them.
pub fn digits(text: &str) -> Option<(&str, Option<Unit>)> {
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | ',' | '-' | '+' | 'e' | 'E')))
        .unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    let unit = match rest.trim() {
        "" => None,
        word => Some(Unit::parse(word)?),
    };
    Some((digits, unit))
}
