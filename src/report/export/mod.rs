//! Runs in the file formats of other tools. What a format cannot hold, and joules that are not measured, are empty there.

mod codecarbon;
mod power;

use std::path::PathBuf;
use std::str::FromStr;

use crate::energy::{Scope, SourceResult, Status};
use crate::study::Opened;
use crate::study::ledger::Factor;
use crate::train::{Derivation, EnergyFigure, Record};

/// A format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// The `emissions.csv` of CodeCarbon, a row per run.
    CodeCarbon,
    /// A JSON object per run and source on a line of its own, with `power_valid` and a reason code.
    Power,
}

/// A file to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    format: Format,
    /// Where it is written.
    pub path: PathBuf,
}

impl FromStr for Export {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = "codecarbon=FILE or power=FILE";
        let Some((name, path)) = text.split_once('=').filter(|(_, path)| !path.is_empty()) else {
            return Err(format!("{text:?} names no format and file: write {known}"));
        };
        let format = match name {
            "codecarbon" => Format::CodeCarbon,
            "power" => Format::Power,
            _ => return Err(format!("{name:?} is not a format: write {known}")),
        };
        let path = path.into();
        Ok(Self { format, path })
    }
}

impl Export {
    /// The content of the file. `intensity` gives emissions from measured joules.
    pub fn text(&self, studies: &[Opened], intensity: Option<&Factor>) -> String {
        match self.format {
            Format::CodeCarbon => codecarbon::csv(studies, intensity),
            Format::Power => power::lines(studies),
        }
    }
}

/// Joules of a whole run through a source, if they are measured and its own.
fn measured<'a>(record: &'a Record, row: &SourceResult) -> Option<&'a EnergyFigure> {
    let own = || {
        record
            .energy_to_end
            .iter()
            .filter(|figure| figure.source == row.source && figure.status == Status::Measured)
    };
    let direct = own().find(|figure| figure.derivation == Derivation::Direct);
    direct
        .or(own().next())
        .filter(|_| row.status != Status::Shared)
}

/// Seconds of the training steps and evaluations, which the joules of a run cover.
fn seconds(record: &Record) -> f64 {
    record.durations.training_seconds + record.durations.evaluation_seconds
}

/// The joules of all sources of a scope; `None` if one of them, or all, have none.
fn of_scope(record: &Record, scope: Scope) -> Option<f64> {
    let rows = record.energy.iter().filter(|row| row.scope == scope);
    let joules = rows.map(|row| Some(measured(record, row)?.joules));
    let joules: Vec<f64> = joules.collect::<Option<_>>()?;
    (!joules.is_empty()).then(|| joules.iter().sum())
}
