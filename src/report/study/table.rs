//! Rows of data behind a figure, as CSV.

/// A table: the data behind a figure, or a file of `--csv`.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Its file's name without `.csv`.
    pub name: &'static str,
    /// The names of the columns, with the unit behind each that has one.
    pub header: Vec<String>,
    /// One a row, in the order of the columns.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new(name: &'static str, header: &[&str]) -> Self {
        Self {
            name,
            header: header.iter().map(ToString::to_string).collect(),
            rows: Vec::new(),
        }
    }

    /// All of it as CSV with a line for the names.
    pub fn csv(&self) -> String {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let lines = std::iter::once(&self.header).chain(&self.rows);
        // Memory takes what is written, and every row is of one length.
        let written = lines
            .map(|row| writer.write_record(row))
            .collect::<Result<Vec<()>, _>>();
        debug_assert!(written.is_ok(), "{written:?}");
        let bytes = writer.into_inner().unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// A number, or nothing.
pub(super) fn number(value: Option<f64>) -> String {
    value
        .filter(|value| value.is_finite())
        .map_or_else(String::new, |value| value.to_string())
}

/// A few digits of one, where a point of a picture needs no more.
pub(super) fn rounded(value: Option<f64>) -> String {
    number(value.map(|value| {
        if value == 0.0 || !value.is_finite() {
            return value;
        }
        let scale = 10f64.powf(5.0 - value.abs().log10().floor());
        (value * scale).round() / scale
    }))
}
