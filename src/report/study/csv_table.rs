//! Rows of data behind a figure, as CSV.

use serde::Serialize;
use serde_json::Value;

/// The data behind a figure, or a file of `--csv`.
#[derive(Clone, Debug, PartialEq)]
pub struct CsvTable {
    /// Name of the file without `.csv`.
    pub name: &'static str,
    /// Names of the columns, with the unit at the end of each that has one.
    pub header: Vec<String>,
    /// Rows in the order of the columns.
    pub rows: Vec<Vec<String>>,
}

impl CsvTable {
    /// `header`: names of the columns with spaces between.
    pub(in crate::report) fn new(name: &'static str, header: &str) -> Self {
        Self {
            name,
            header: header.split_whitespace().map(str::to_owned).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row. Tuples and lists in it are flattened; missing values and numbers that are not finite are empty fields.
    pub(in crate::report) fn push(&mut self, row: impl Serialize) {
        let mut fields = Vec::with_capacity(self.header.len());
        flatten(serde_json::to_value(row).unwrap_or_default(), &mut fields);
        debug_assert_eq!(fields.len(), self.header.len(), "{}: {fields:?}", self.name);
        self.rows.push(fields);
    }

    /// The beginning of the lines whose first fields are `fields`.
    pub(super) fn start(fields: impl Serialize) -> String {
        let mut table = Self::new("", "");
        table.header.clear();
        flatten(
            serde_json::to_value(fields).unwrap_or_default(),
            &mut table.header,
        );
        table.csv().trim_end().to_owned() + ","
    }

    /// Adds the rows of a table that may have other columns.
    pub(super) fn append(&mut self, other: Self) {
        for name in &other.header {
            if !self.header.contains(name) {
                self.header.push(name.clone());
                self.rows.iter_mut().for_each(|row| row.push(String::new()));
            }
        }
        for row in other.rows {
            let value = |name: &String| {
                let at = other.header.iter().position(|known| known == name);
                at.map_or_else(String::new, |at| row[at].clone())
            };
            self.rows.push(self.header.iter().map(value).collect());
        }
    }

    /// The table as CSV with a line of column names.
    pub fn csv(&self) -> String {
        let mut writer = csv::Writer::from_writer(Vec::new());
        for row in std::iter::once(&self.header).chain(&self.rows) {
            // Fails only where rows differ in length.
            let written = writer.write_record(row);
            debug_assert!(written.is_ok(), "{written:?}");
        }
        let bytes = writer.into_inner().unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

fn flatten(value: Value, fields: &mut Vec<String>) {
    match value {
        Value::Null => fields.push(String::new()),
        Value::Bool(value) => fields.push(value.to_string()),
        Value::String(text) => fields.push(text),
        Value::Number(number) => fields.push(match number.as_f64() {
            Some(value) if number.is_f64() => value.to_string(),
            _ => number.to_string(),
        }),
        Value::Array(values) => values.into_iter().for_each(|value| flatten(value, fields)),
        Value::Object(values) => values
            .into_values()
            .for_each(|value| flatten(value, fields)),
    }
}

/// Six digits, enough for a point of a figure.
pub(super) fn rounded(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let scale = 10f64.powf(5.0 - value.abs().log10().floor());
    (value * scale).round() / scale
}
