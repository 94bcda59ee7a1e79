//! Lines of names and values in turn, as MLPerf's power daemon writes them: `Time,03-03-2026 09:15:00.112,Watts,59.85,...`.

use csv::ByteRecord;

use crate::energy::log::LogError;
use crate::energy::log::rows::{Lines, Rows};
use crate::energy::log::text::Text;

pub fn open(text: Text, lines: &[&str]) -> Result<(Vec<String>, Box<dyn Rows>), LogError> {
    let first = lines.iter().find(|line| line.starts_with("Time,"));
    let first = first.ok_or(LogError::NoTable)?;
    let names: Vec<String> = first
        .split(',')
        .step_by(2)
        .map(|name| name.trim().to_owned())
        .collect();
    let rows = KeyValues {
        lines: Lines::new(text.reader()),
        names: names.clone(),
    };
    Ok((names, Box::new(rows)))
}

struct KeyValues {
    lines: Lines,
    names: Vec<String>,
}

impl Rows for KeyValues {
    fn next(&mut self, row: &mut ByteRecord) -> Result<Option<u64>, LogError> {
        row.clear();
        let Some((line, number)) = self.lines.next()? else {
            return Ok(None);
        };
        let mut cells = line.split(|&byte| byte == b',');
        let mut names = self.names.iter();
        while let (Some(key), Some(value)) = (cells.next(), cells.next()) {
            // Other lines, such as notes of the daemon, have other names.
            if names
                .next()
                .is_none_or(|name| name.as_bytes() != key.trim_ascii())
            {
                break;
            }
            row.push_field(value.trim_ascii());
        }
        Ok(Some(number))
    }
}
