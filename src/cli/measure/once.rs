//! One command, run once.

use std::ffi::{OsStr, OsString};

use crate::energy::Meter;
use crate::units::seconds;

use super::rows::{self, Run};
use super::{Args, child};
use crate::cli::args::Global;
use crate::cli::failure::Failure;
use crate::cli::{INTERRUPTED, output};

pub fn run(
    program: &OsStr,
    arguments: &[OsString],
    args: &Args,
    global: &Global,
) -> Result<u8, Failure> {
    let meter = Meter::open(&global.meter_options(args.assume_watts_per_core)?, None)?;
    child::pass_signals();
    let command = child::program(program, arguments, args.json);
    let window = meter.start();
    if child::interrupted() {
        return Ok(INTERRUPTED);
    }
    let ended = child::run(command)?;
    let energy = window.stop();

    let run = Run {
        sources: energy.into_iter().map(Into::into).collect(),
        seconds: ended.seconds,
        exit_code: Some(ended.code),
    };
    let printed = if args.json {
        output::print_json(&run)
    } else {
        let ending = match ended.signal {
            Some(signal) => format!("was ended by signal {signal}"),
            None => format!("ended with exit code {}", ended.code),
        };
        let sentence = format!(
            "{} ran {} and {ending}; {}.",
            program.to_string_lossy(),
            seconds(ended.seconds),
            rows::sentence(&run.sources)
        );
        output::print_text(&format!(
            "{}{sentence}
",
            rows::table(&run.sources)
        ))
    };
    // The command's own end counts, whether or not anybody read.
    printed.or_else(Failure::unless_nobody_reads)?;
    if let Some(signal) = ended.signal {
        child::die_by(signal);
    }
    Ok(ended.exit())
}
