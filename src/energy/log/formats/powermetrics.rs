//! The text of macOS' powermetrics: a block per sample, with the time since the one before in its first line and lines such
//! as `CPU Power: 123 mW`.

use csv::ByteRecord;

use crate::energy::log::LogError;
use crate::energy::log::rows::{Lines, Rows};
use crate::energy::log::text::Text;

const BLOCK: &str = "*** Sampled system activity";

pub fn open(text: Text, lines: &[&str]) -> Result<(Vec<String>, Box<dyn Rows>), LogError> {
    let mut names = vec!["time".to_owned()];
    for (name, _) in lines.iter().filter_map(|line| power(line)) {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    let rows = Powermetrics {
        lines: Lines::new(text.reader()),
        names: names.clone(),
        millis: 0.0,
        cells: None,
    };
    Ok((names, Box::new(rows)))
}

/// The name and the value of a line of power.
fn power(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once(':')?;
    let (name, value) = (name.trim(), value.trim());
    (name.contains("Power") && value.ends_with('W')).then_some((name, value))
}

/// Milliseconds since the sample before: `... (1003.45ms elapsed) ***`.
fn elapsed(line: &str) -> Option<f64> {
    let (before, _) = line.split_once("ms elapsed")?;
    let (_, millis) = before.rsplit_once('(')?;
    millis
        .trim()
        .parse()
        .ok()
        .filter(|millis: &f64| millis.is_finite() && *millis >= 0.0)
}

struct Powermetrics {
    lines: Lines,
    names: Vec<String>,
    millis: f64,
    /// The block that is being read, and the line where it begins.
    cells: Option<(Vec<String>, u64)>,
}

impl Rows for Powermetrics {
    fn next(&mut self, row: &mut ByteRecord) -> Result<Option<u64>, LogError> {
        row.clear();
        while let Some((line, number)) = self.lines.next()? {
            let line = String::from_utf8_lossy(line).into_owned();
            if line.starts_with(BLOCK) {
                self.millis += elapsed(&line).unwrap_or(0.0);
                let mut cells = vec![String::new(); self.names.len()];
                cells[0] = format!("{:.6}", self.millis / 1000.0);
                if let Some((full, at)) = self.cells.replace((cells, number)) {
                    full.iter().for_each(|cell| row.push_field(cell.as_bytes()));
                    return Ok(Some(at));
                }
            } else if let Some((name, value)) = power(&line)
                && let Some((cells, _)) = &mut self.cells
                && let Some(at) = self.names.iter().position(|known| known == name)
            {
                cells[at] = value.to_owned();
            }
        }
        match self.cells.take() {
            Some((full, at)) => {
                full.iter().for_each(|cell| row.push_field(cell.as_bytes()));
                Ok(Some(at))
            }
            None => Ok(None),
        }
    }
}
