//! Energy of recorded readings, computed by the code of live windows.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;

use csv::{ReaderBuilder, StringRecord, Trim};
use flate2::read::MultiGzDecoder;

use crate::energy::{
    Edge, Grade, Method, Moment, RawUnit, Reading, Recording, SensorModel, SensorSpec, SourceResult,
};

use super::args::{Args, Unit};
use super::result::{self, Run, SCHEMA, SingleRun};
use crate::cli::failure::Failure;
use crate::cli::output;

/// The device is unknown: only invalid readings are larger.
const MAX_WATTS: f64 = 1e8;
/// Readings are stored in millionths of their unit, as those of sensors.
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
                "--averaging must be above 0 seconds, got {seconds}"
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
    let outcome = Recording::new(spec, readings).fixed((from, to), [Edge::Interior; 2], &known);
    let outcome = outcome.map(|estimate| (estimate, grade));
    let name = format!("replay:{column}");
    let result = SourceResult::of_recording(name, method, to - from, outcome);
    let run = Run {
        sources: vec![result.into()],
        seconds: to - from,
        exit_code: None,
    };
    if args.json {
        output::print_json(&SingleRun {
            schema: SCHEMA,
            run: &run,
        })?;
    } else {
        let clause = match run.sources[0].result.joules {
            Some(_) => result::clause(&run.sources),
            None => "the energy of this window cannot be computed".into(),
        };
        let table = result::table(&run.sources);
        output::print_text(&format!("{table}From {from} s to {to} s: {clause}.\n"))?;
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
        Unit::Watts => SensorSpec::power(RawUnit::Microwatt, MAX_WATTS, spacing),
        Unit::Joules => SensorSpec::energy(RawUnit::Microjoule, MAX_WATTS, spacing),
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
            "the window from {from} s to {to} s is not inside the recording, which covers {first} s to {last} s: \
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
    let broken =
        |error: csv::Error| failed(format!("is not a valid CSV table ({error}): fix the file"));
    let names = table.headers().map_err(broken)?.clone();
    if names.is_empty() {
        return Err(failed("is empty: choose another file".into()));
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
                "has the time {cell:?} on line {line}, not a number of seconds: fix the file"
            ))
        })?;
        let value = number(&record, at).map_err(|cell| {
            failed(format!(
                "has {cell:?} in column {column:?} on line {line}, not a number: fix or remove the line"
            ))
        })?;
        if readings
            .last()
            .is_some_and(|before| before.at.monotonic > seconds)
        {
            return Err(failed(format!(
                "goes back in time on line {line}: sort the file by time"
            )));
        }
        let parts = (value * PARTS).round();
        if !(0.0..u64::MAX as f64).contains(&parts) {
            return Err(failed(format!(
                "has {value} in column {column:?} on line {line}, which is not a valid power or energy: fix the file"
            )));
        }
        readings.push(Reading {
            value: parts as u64,
            unit: match unit {
                Unit::Watts => RawUnit::Microwatt,
                Unit::Joules => RawUnit::Microjoule,
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

/// A recording may count from 0, while a driver's counter that reads 0 is rejected. All readings are raised by one part,
/// which changes no difference.
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
