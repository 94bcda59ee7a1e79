//! A log as a table: its delimiter, its names and its rows, whatever its format.

use std::io::Read;

use csv::{ByteRecord, ReaderBuilder, Trim};

use super::error::LogError;
use super::formats::{self, Format};
use super::rows::{Lines, Rows};
use super::text::Text;

/// A log's names and its rows.
pub struct Table {
    /// Names of the columns, or their numbers from 1 where the log has none.
    pub names: Vec<String>,
    pub rows: Box<dyn Rows>,
    pub format: &'static Format,
    /// Between the cells, in words.
    pub delimiter: &'static str,
}

/// How the cells of a line are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Delimiter {
    Byte(u8),
    Whitespace,
}

impl Delimiter {
    fn name(self) -> &'static str {
        match self {
            Self::Byte(b',') => "comma-separated",
            Self::Byte(b';') => "semicolon-separated",
            Self::Byte(b'|') => "separated by |",
            Self::Byte(_) => "tab-separated",
            Self::Whitespace => "space-separated",
        }
    }

    fn cells(self, line: &str) -> Vec<String> {
        match self {
            Self::Whitespace => line.split_whitespace().map(str::to_owned).collect(),
            Self::Byte(byte) => {
                // A buffer of the line's size, since there are many lines.
                let mut reader = builder(byte)
                    .buffer_capacity(line.len().max(1))
                    .from_reader(line.as_bytes());
                let mut record = ByteRecord::new();
                match reader.read_byte_record(&mut record) {
                    Ok(true) => record.iter().map(name).collect(),
                    _ => Vec::new(),
                }
            }
        }
    }
}

fn builder(delimiter: u8) -> ReaderBuilder {
    let mut builder = ReaderBuilder::new();
    builder
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .trim(Trim::All);
    builder
}

/// A name's bytes as text: UTF-8, or else Latin-1.
fn name(cell: &[u8]) -> String {
    match std::str::from_utf8(cell) {
        Ok(text) => text.trim().to_owned(),
        Err(_) => encoding_rs::WINDOWS_1252.decode(cell).0.trim().to_owned(),
    }
}

impl Table {
    /// Recognizes a log by its beginning.
    pub fn open(text: Text) -> Result<Self, LogError> {
        let mut head = name(&text.head);
        if !text.whole {
            // The last line may be cut.
            head.truncate(head.rfind('\n').map_or(head.len(), |end| end + 1));
        }
        let lines: Vec<&str> = head.lines().map(str::trim_end).collect();
        if lines.iter().all(|line| line.trim().is_empty()) {
            return Err(LogError::Empty);
        }
        if let Some(format) = formats::by_lines(&lines) {
            let (names, rows) = (format.rows.expect("a format with its own reader"))(text, &lines)?;
            return Ok(Self {
                names,
                rows,
                format,
                delimiter: "one reading per line or block",
            });
        }
        delimited(text, &lines)
    }
}

/// Whether a line is a comment or empty.
fn skipped(line: &str) -> bool {
    let line = line.trim_start();
    line.is_empty() || line.starts_with('#')
}

fn numeric(cell: &str) -> bool {
    cell.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'))
        && cell.contains(|c: char| c.is_ascii_digit())
}

fn delimited(text: Text, lines: &[&str]) -> Result<Table, LogError> {
    let body: Vec<&str> = lines
        .iter()
        .copied()
        .filter(|line| !skipped(line))
        .collect();
    let delimiter = delimiter(&body).ok_or(LogError::NoTable)?;
    let cells: Vec<Vec<String>> = body
        .iter()
        .take(50)
        .map(|line| delimiter.cells(line))
        .collect();
    let first = cells.first().ok_or(LogError::Empty)?;
    // A log of dmon has its names in a comment, aligned with the columns.
    let commented = lines
        .iter()
        .filter_map(|line| line.trim_start().strip_prefix('#'))
        .map(|line| delimiter.cells(line))
        .find(|names| {
            names.len() == first.len() && names.len() > 1 && !names.iter().any(|name| numeric(name))
        });
    let named = first
        .iter()
        .filter(|cell| !cell.is_empty())
        .all(|cell| !numeric(cell));
    let names = match (named, commented) {
        (true, _) => first.clone(),
        (false, Some(names)) => names,
        (false, None) => (1..=first.len()).map(|number| number.to_string()).collect(),
    };
    let data = &cells[usize::from(named)..];
    let format = formats::by_names(&names, data);
    let rows: Box<dyn Rows> = match delimiter {
        Delimiter::Byte(byte) => Box::new(Delimited {
            reader: builder(byte).trim(Trim::None).from_reader(text.reader()),
            untrimmed: ByteRecord::new(),
        }),
        Delimiter::Whitespace => Box::new(Spaced::new(text.reader())),
    };
    Ok(Table {
        names,
        rows,
        format,
        delimiter: delimiter.name(),
    })
}

/// The delimiter with which the most lines have the same number of cells, more than one.
fn delimiter(lines: &[&str]) -> Option<Delimiter> {
    let candidates = [
        Delimiter::Byte(b'\t'),
        Delimiter::Byte(b';'),
        Delimiter::Byte(b'|'),
        Delimiter::Byte(b','),
        Delimiter::Whitespace,
    ];
    let lines = &lines[..lines.len().min(50)];
    let agree = |delimiter: Delimiter| {
        let counts: Vec<usize> = lines
            .iter()
            .map(|line| delimiter.cells(line).len())
            .collect();
        let mut sorted = counts.clone();
        sorted.sort_unstable();
        let usual = *sorted.get(sorted.len() / 2)?;
        let same = counts.iter().filter(|&&count| count == usual).count();
        // The first line has the names, or is a row: a delimiter that only a cell of other rows contains is none.
        let first = counts.first().is_some_and(|&count| count > 1);
        (first && usual > 1 && 10 * same >= 6 * lines.len()).then_some(delimiter)
    };
    candidates.into_iter().find_map(agree)
}

struct Delimited<R> {
    reader: csv::Reader<R>,
    /// Kept, since the reader's own trimming allocates for each row.
    untrimmed: ByteRecord,
}

impl<R: Read> Rows for Delimited<R> {
    fn next(&mut self, row: &mut ByteRecord) -> Result<Option<u64>, LogError> {
        match self.reader.read_byte_record(&mut self.untrimmed) {
            Ok(true) => {
                row.clear();
                let cells = self.untrimmed.iter().map(<[u8]>::trim_ascii);
                cells.for_each(|cell| row.push_field(cell));
                let position = self.untrimmed.position();
                Ok(Some(position.map_or(0, csv::Position::line)))
            }
            Ok(false) => Ok(None),
            Err(error) => Err(LogError::Unreadable(error.to_string())),
        }
    }
}

/// Lines whose cells are parted by any number of spaces.
struct Spaced {
    lines: Lines,
}

impl Spaced {
    fn new(reader: impl Read + 'static) -> Self {
        Self {
            lines: Lines::new(reader),
        }
    }
}

impl Rows for Spaced {
    fn next(&mut self, row: &mut ByteRecord) -> Result<Option<u64>, LogError> {
        row.clear();
        let Some((line, number)) = self.lines.next()? else {
            return Ok(None);
        };
        line.split(u8::is_ascii_whitespace)
            .filter(|cell| !cell.is_empty())
            .for_each(|cell| row.push_field(cell));
        Ok(Some(number))
    }
}
