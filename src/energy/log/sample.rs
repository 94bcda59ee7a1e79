//! The first rows of a log, by which its columns are chosen.

use csv::ByteRecord;

use super::error::LogError;
use super::table::Table;

/// Rows by which columns are chosen.
const SAMPLE: usize = 512;

/// The first rows with their lines.
pub struct Sampled {
    pub rows: Vec<(u64, ByteRecord)>,
    /// Whether these are all.
    pub whole: bool,
}

pub fn sample(table: &mut Table) -> Result<Sampled, LogError> {
    let mut rows = Vec::new();
    let mut row = ByteRecord::new();
    while rows.len() < SAMPLE {
        match table.rows.next(&mut row)? {
            Some(line) if comment(&row) || named_again(&row, &table.names) => {
                let _ = line;
            }
            Some(line) => rows.push((line, row.clone())),
            None => return Ok(Sampled { rows, whole: true }),
        }
    }
    Ok(Sampled { rows, whole: false })
}

pub fn comment(row: &ByteRecord) -> bool {
    row.get(0).is_none_or(|cell| cell.starts_with(b"#")) || row.iter().all(<[u8]>::is_empty)
}

/// Whether a row is the line of names, at the beginning or again.
pub fn named_again(row: &ByteRecord, names: &[String]) -> bool {
    row.iter()
        .zip(names)
        // A cell in another encoding is not compared.
        .all(|(cell, name)| cell == name.as_bytes() || !cell.is_ascii())
}

/// The beginning of a cell on one line, for a sentence.
pub fn shown(cell: &[u8]) -> String {
    let text = String::from_utf8_lossy(&cell[..cell.len().min(40)]).into_owned();
    text.replace(char::is_control, " ")
}

/// Whether a row is of the device that was asked for.
pub fn taken(row: &ByteRecord, conditions: &[(usize, Vec<u8>)]) -> bool {
    let holds = |(at, value): &(usize, Vec<u8>)| row.get(*at).is_some_and(|cell| same(cell, value));
    conditions.iter().all(holds)
}

/// Whether two cells say the same: `GPU0` and `gpu0`, `01` and `1`.
pub fn same(a: &[u8], b: &[u8]) -> bool {
    fn bare(cell: &[u8]) -> &[u8] {
        let cell = cell.trim_ascii();
        let zeros = cell.iter().take_while(|&&byte| byte == b'0').count();
        match cell.get(zeros) {
            Some(byte) if byte.is_ascii_digit() => &cell[zeros..],
            _ => &cell[zeros.saturating_sub(1)..],
        }
    }
    a == b || bare(a).eq_ignore_ascii_case(bare(b))
}
