//! A JSON object per line (macmon, Scaphandre, `wattgrad watch --json`): a column per number or text, named by its path.

use csv::ByteRecord;
use serde_json::Value;

use crate::energy::cell::json::walk;
use crate::energy::log::LogError;
use crate::energy::log::rows::{Lines, Rows};
use crate::energy::log::text::Text;

pub fn open(text: Text, lines: &[&str]) -> Result<(Vec<String>, Box<dyn Rows>), LogError> {
    let mut names = Vec::new();
    for line in lines.iter().take(20) {
        if let Ok(object) = serde_json::from_str::<Value>(line) {
            walk(&object, String::new(), &mut |path, _| {
                if !names.contains(&path) {
                    names.push(path);
                }
            });
        }
    }
    if names.is_empty() {
        return Err(LogError::NoTable);
    }
    let rows = JsonLines {
        lines: Lines::new(text.reader()),
        names: names.clone(),
    };
    Ok((names, Box::new(rows)))
}

struct JsonLines {
    lines: Lines,
    names: Vec<String>,
}

impl Rows for JsonLines {
    fn next(&mut self, row: &mut ByteRecord) -> Result<Option<u64>, LogError> {
        row.clear();
        let Some((line, number)) = self.lines.next()? else {
            return Ok(None);
        };
        let mut cells = vec![String::new(); self.names.len()];
        if let Ok(object) = serde_json::from_slice::<Value>(line) {
            walk(&object, String::new(), &mut |path, text| {
                if let Some(at) = self.names.iter().position(|name| *name == path) {
                    cells[at] = text;
                }
            });
        }
        cells
            .iter()
            .for_each(|cell| row.push_field(cell.as_bytes()));
        Ok(Some(number))
    }
}
