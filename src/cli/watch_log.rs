//! The log of `wattgrad watch`.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::energy::Live;

use super::failure::Failure;

/// A file with a row for each update of a source that a sample shows.
pub struct Log {
    path: PathBuf,
    file: File,
}

impl Log {
    /// Creates the file with its header. A log that exists is kept.
    pub fn create(path: &Path) -> Result<Self, Failure> {
        if path
            .metadata()
            .is_ok_and(|file| file.is_file() && file.len() > 0)
        {
            return Err(Failure::misuse(format!(
                "--log {}: the file exists: choose another name, or delete it first",
                path.display()
            )));
        }
        let file = File::create(path).map_err(|error| Failure::cannot_write(path, &error))?;
        let mut log = Self {
            path: path.to_owned(),
            file,
        };
        log.write("time,source,energy_j,power_w\n")?;
        Ok(log)
    }

    pub fn add(&mut self, live: &mut Live) -> Result<(), Failure> {
        let mut rows = String::new();
        let cell = |value: Option<f64>| value.map_or(String::new(), |value| format!("{value:.6}"));
        for update in live.updates() {
            let time = jiff::Timestamp::from_microsecond((update.unix * 1e6).round() as i64);
            let _ = writeln!(
                rows,
                "{:.6},\"{}\",{},{}",
                time.unwrap_or_default(),
                update.source.replace('"', "\"\""),
                cell(update.joules),
                cell(update.watts)
            );
        }
        self.write(&rows)
    }

    /// Whole rows at once and without a buffer, so that a program that is killed leaves a readable file.
    fn write(&mut self, rows: &str) -> Result<(), Failure> {
        self.file
            .write_all(rows.as_bytes())
            .map_err(|error| Failure::cannot_write(&self.path, &error))
    }
}
