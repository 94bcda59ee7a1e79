//! Recorded readings, through the same window code as live ones.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;

use csv::{ReaderBuilder, StringRecord, Trim};
use flate2::read::MultiGzDecoder;

use crate::energy::{
    self, Edge, Grade, Method, Moment, Reading, Recording, SensorModel, SensorSpec,
};

use super::Args;
use super::rows::{self, Row, Run};
use crate::cli::failure::Failure;
use crate::cli::output;

/// What the readings are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Unit {
    /// Power.
    Watts,
    /// A counter of energy.
    Joules,
}

/// What the recording is of is not known, so that only nonsense lies beyond this.
const MAX_WATTS: f64 = 1e8;
/// Readings are kept in millionths of their unit, as instruments give them.
const PARTS: f64 = 1e6;
/// The first bytes of every gzip file.
const GZIP: [u8; 2] = [0x1f, 0x8b];

pub fn run(path: &Path, args: &Args) -> Result<u8, Failure> {
    let (Some(column), Some(unit)) = (&args.column, args.unit) else {
        return Err(Failure::misuse("--replay needs --column and --unit"));
    };
    let averaging = match args.averaging {
        Some(seconds) if !(seconds.is_finite() && seconds > 0.0) => {
            return Err(Failure::misuse(format!(
                "an averaging of {seconds} s is none: give seconds above 0, or leave --averaging out"
            )));
        }
        given => given,
    };
    let readings = read(path, column, unit)?;
    let (from, to) = window(args, &readings)?;
    let spec = spec(&readings, unit, averaging);
    let mut known = SensorModel::uncalibrated(&spec);
    known.settling_time = averaging.unwrap_or(0.0);
    let (method, grade) = match unit {
        Unit::Watts => (Method::IntegratedPower, Grade::C),
        Unit::Joules => (Method::Counter, Grade::B),
    };
    let outcome = Recording::new(spec, readings).between(from, to, Edge::Interior, &known);
    let row = Row::replayed(
        format!("replay:{column}"),
        method,
        to - from,
        outcome.map(|estimate| (estimate, grade)),
    );
    let run = Run {
        sources: vec![row],
        seconds: to - from,
        exit_code: None,
    };
    if args.json {
        output::print_json(&run)?;
    } else {
        let sentence = match run.sources[0].joules {
            Some(_) => rows::sentence(&run.sources),
            None => "this stretch of the recording gives no joules".into(),
        };
        let sentence = format!("From {from} s to {to} s: {sentence}.");
        output::print_text(&format!("{}{sentence}\n", rows::table(&run.sources)))?;
    }
    Ok(0)
}

fn spec(readings: &[Reading], unit: Unit, averaging: Option<f64>) -> SensorSpec {
    let mut gaps: Vec<f64> = readings
        .windows(2)
        .map(|pair| pair[1].at.monotonic - pair[0].at.monotonic)
        .collect();
    gaps.sort_by(f64::total_cmp);
    let spacing = gaps.get(gaps.len() / 2).copied().unwrap_or(0.0);
    let spec = match unit {
        Unit::Watts => SensorSpec::power(energy::RawUnit::Microwatt, MAX_WATTS, spacing),
        Unit::Joules => SensorSpec::energy(energy::RawUnit::Microjoule, MAX_WATTS, spacing),
    };
    match (unit, averaging) {
        (Unit::Watts, Some(seconds)) => spec.averaging(seconds),
        _ => spec,
    }
}

fn window(args: &Args, readings: &[Reading]) -> Result<(f64, f64), Failure> {
    let ends = readings.first().zip(readings.last());
    let (first, last) = ends.map_or((0.0, 0.0), |(first, last)| {
        (first.at.monotonic, last.at.monotonic)
    });
    let (from, to) = (args.from.unwrap_or(first), args.to.unwrap_or(last));
    if !(from >= first && to <= last && from < to) {
        return Err(Failure::misuse(format!(
            "the window from {from} s to {to} s does not lie in the recording, which goes from {first} s to {last} s: \
             correct --from and --to"
        )));
    }
    Ok((from, to))
}

fn read(path: &Path, column: &str, unit: Unit) -> Result<Vec<Reading>, Failure> {
    let failed = |why: String| Failure::failed(format!("the recording {path:?} {why}"));
    let unreadable = |error: std::io::Error| {
        failed(format!(
            "cannot be read ({error}): check that the file exists and that you may read it"
        ))
    };
    let mut file = BufReader::new(File::open(path).map_err(unreadable)?);
    let packed = file.fill_buf().map_err(unreadable)?.starts_with(&GZIP);
    let plain: Box<dyn Read> = match packed {
        true => Box::new(MultiGzDecoder::new(file)),
        false => Box::new(file),
    };
    let mut table = ReaderBuilder::new().trim(Trim::All).from_reader(plain);
    let broken = |error: csv::Error| failed(format!("is no CSV table ({error}): mend it"));
    let names = table.headers().map_err(broken)?.clone();
    if names.is_empty() {
        return Err(failed("is empty: choose another".into()));
    }
    let at = names.iter().position(|name| name == column);
    let Some(at) = at else {
        let known: Vec<&str> = names.iter().skip(1).collect();
        return Err(Failure::misuse(format!(
            "the recording {path:?} has no column {column:?}: choose one of {}",
            known.join(", ")
        )));
    };
    let mut readings: Vec<Reading> = Vec::new();
    for record in table.records() {
        let record = record.map_err(broken)?;
        let line = record.position().map_or(0, csv::Position::line);
        let seconds = number(&record, 0).map_err(|cell| {
            failed(format!(
                "has no seconds on line {line}, but {cell:?}: mend it"
            ))
        })?;
        let value = number(&record, at).map_err(|cell| {
            failed(format!(
                "has no number in column {column:?} on line {line}, but {cell:?}: mend it, or leave the line out"
            ))
        })?;
        if readings
            .last()
            .is_some_and(|before| before.at.monotonic > seconds)
        {
            return Err(failed(format!("goes back in time on line {line}: sort it")));
        }
        let parts = (value * PARTS).round();
        if !(0.0..u64::MAX as f64).contains(&parts) {
            return Err(failed(format!(
                "says {value} in column {column:?} on line {line}, which is no power or energy: mend it"
            )));
        }
        readings.push(Reading {
            value: parts as u64,
            unit: match unit {
                Unit::Watts => energy::RawUnit::Microwatt,
                Unit::Joules => energy::RawUnit::Microjoule,
            },
            at: Moment {
                monotonic: seconds,
                unix: seconds,
            },
            read_seconds: 0.0,
        });
    }
    if readings.len() < 2 {
        return Err(failed("has fewer than two readings: record more".into()));
    }
    if matches!(unit, Unit::Joules) {
        count_from_one(&mut readings);
    }
    Ok(readings)
}

/// A recording that counts from its own beginning shows 0 there, which of a driver's counter is no reading: it is moved by
/// one part, so that only differences, which are all that counts, stay.
fn count_from_one(readings: &mut [Reading]) {
    let rises = readings.last().is_some_and(|last| last.value > 0);
    if rises && readings[0].value == 0 {
        readings.iter_mut().for_each(|reading| reading.value += 1);
    }
}

/// The finite number in a cell, or the cell.
fn number(record: &StringRecord, at: usize) -> Result<f64, String> {
    let cell = record.get(at).unwrap_or_default();
    match cell.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value),
        _ => Err(cell.to_owned()),
    }
}
