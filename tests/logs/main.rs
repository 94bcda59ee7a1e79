//! Energy from logs: known formats, seeded recordings with known joules, and mutated files.

mod cases;
mod formats;
mod mutated;
mod recordings;
mod refusals;

use std::io::Cursor;

use wattgrad::internals::energy::log::{LogEnergy, LogError, LogOptions, read_bytes};

/// Reads a log from memory.
fn read(text: impl Into<Vec<u8>>, options: &LogOptions) -> Result<LogEnergy, LogError> {
    read_bytes(Cursor::new(text.into()), options)
}
