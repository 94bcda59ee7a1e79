//! The rows of a log, whatever its format, and the lines that they are made of.

use std::io::Read;

use csv::ByteRecord;

use super::error::LogError;

/// Rows of cells; a row is valid until the next is asked for.
pub trait Rows {
    /// Fills `row`; `false` at the end. The line of the row, from 1.
    fn next(&mut self, row: &mut ByteRecord) -> Result<Option<u64>, LogError>;
}

/// Lines, numbered from 1, none longer than a bound.
pub struct Lines {
    reader: std::io::BufReader<Box<dyn Read>>,
    line: Vec<u8>,
    number: u64,
}

/// Longest line that is read as one.
const LONGEST: u64 = 1 << 20;

impl Lines {
    pub fn new(reader: impl Read + 'static) -> Self {
        Self {
            reader: std::io::BufReader::with_capacity(1 << 16, Box::new(reader)),
            line: Vec::new(),
            number: 0,
        }
    }

    /// The next line without its end, and its number.
    pub fn next(&mut self) -> Result<Option<(&[u8], u64)>, LogError> {
        use std::io::BufRead as _;
        self.line.clear();
        let mut bounded = (&mut self.reader).take(LONGEST);
        let count = bounded
            .read_until(b'\n', &mut self.line)
            .map_err(|error| LogError::Unreadable(error.to_string()))?;
        if count == 0 {
            return Ok(None);
        }
        self.number += 1;
        while self
            .line
            .last()
            .is_some_and(|byte| matches!(byte, b'\n' | b'\r'))
        {
            self.line.pop();
        }
        Ok(Some((&self.line, self.number)))
    }
}
