//! Energy of a recorded log.

use std::path::Path;

use crate::energy::log::{self, LogEnergy, Quantity};
use crate::energy::{Grade, Method, SourceResult};

use super::args::Args;
use super::result::{Run, SCHEMA};
use super::row;
use super::single::SingleRun;
use crate::cli::failure::Failure;
use crate::cli::output;

pub fn run(path: &Path, args: &Args) -> Result<u8, Failure> {
    let energy = log::read(path, &args.log_options()).map_err(|error| {
        let sentence = format!("{}: {error}", path.display());
        match error.is_misuse() {
            true => Failure::misuse(sentence),
            false => Failure::failed(sentence),
        }
    })?;
    let mut run = Run::of_log(source(&energy), energy.seconds);
    if args.json {
        let notes = &mut run.sources[0].result.notes;
        notes.insert(0, format!("read as {}", energy.read_as));
        output::print_json(&SingleRun {
            schema: SCHEMA,
            run: &run,
            baseline: None,
        })?;
        return Ok(0);
    }
    let (from, to) = (&energy.from, &energy.to);
    let table = row::table(&run.sources);
    let clause = row::clause(&run.sources);
    output::print_text(&format!(
        "Read as {}.\n{table}From {from} to {to}: {clause}.\n",
        energy.read_as
    ))?;
    Ok(0)
}

fn source(energy: &LogEnergy) -> SourceResult {
    let (method, grade) = match energy.quantity {
        Quantity::Power => (Method::IntegratedPower, Grade::C),
        Quantity::Counter | Quantity::PerRow => (Method::Counter, Grade::B),
    };
    let mut result = SourceResult::of_recording(
        format!("log:{}", energy.column),
        method,
        energy.seconds,
        Ok((energy.estimate(), grade)),
    );
    result.notes.extend(energy.notes.iter().cloned());
    result
}
